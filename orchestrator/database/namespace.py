"""Queries on the Temporal namespace in which the processes of this database run."""

from pydantic import BaseModel, ConfigDict

from orchestrator.database.connection import Connection


class Namespace(BaseModel):
    """A namespace of a Temporal."""

    model_config = ConfigDict(frozen=True)

    namespace_id: str
    """Given by Temporal when it makes the namespace. Another Temporal, and one that has lost its database,
    has another id; a cluster that takes over for another one has the same."""
    name: str
    address: str
    """Where it was found; the same Temporal may have several addresses."""

    def __str__(self) -> str:
        return f'namespace "{self.name}" at {self.address} (id {self.namespace_id})'


async def read_namespace(connection: Connection) -> Namespace | None:
    """Return the namespace that this database belongs to, or `None` before its first use."""
    row = await connection.fetchrow("SELECT namespace_id, name, address FROM temporal_namespace")
    return None if row is None else Namespace.model_validate(dict(row))


async def claim_namespace(connection: Connection, namespace: Namespace) -> Namespace:
    """Enter a namespace if there is none; return the one that the database belongs to now."""
    await connection.execute(
        """
        INSERT INTO temporal_namespace (namespace_id, name, address)
        VALUES ($1, $2, $3)
        ON CONFLICT ON CONSTRAINT temporal_namespace_pkey DO NOTHING
        """,
        namespace.namespace_id,
        namespace.name,
        namespace.address,
    )
    claimed = await read_namespace(connection)
    assert claimed is not None
    return claimed


async def replace_namespace(connection: Connection, namespace: Namespace) -> None:
    """Let the database belong to this namespace from now on."""
    await connection.execute(
        """
        INSERT INTO temporal_namespace (namespace_id, name, address)
        VALUES ($1, $2, $3)
        ON CONFLICT ON CONSTRAINT temporal_namespace_pkey DO UPDATE
        SET namespace_id = EXCLUDED.namespace_id, name = EXCLUDED.name, address = EXCLUDED.address
        """,
        namespace.namespace_id,
        namespace.name,
        namespace.address,
    )
