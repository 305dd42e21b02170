"""Queries on the Temporal namespace in which the processes of this database run."""

from pydantic import BaseModel, ConfigDict

from orchestrator.database.connection import Connection


class Namespace(BaseModel):
    """A Temporal namespace."""

    model_config = ConfigDict(frozen=True)

    namespace_id: str
    """Id that Temporal assigns when it creates the namespace. Another Temporal, or one that has lost its
    database, has another id. A cluster that takes over from another one keeps the id."""
    name: str
    address: str
    """Address at which it was found; one Temporal may have several."""

    def __str__(self) -> str:
        return f'namespace "{self.name}" at {self.address} (id {self.namespace_id})'


async def read_namespace(connection: Connection) -> Namespace | None:
    """Return the namespace that this database belongs to; `None` if no program has used it yet."""
    row = await connection.fetchrow("SELECT namespace_id, name, address FROM temporal_namespace")
    return None if row is None else Namespace.model_validate(dict(row))


async def claim_namespace(connection: Connection, namespace: Namespace) -> Namespace:
    """Store the namespace if there is none yet; return the one that the database belongs to now."""
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
    """Store the namespace in place of any earlier one: the database belongs to it from now on."""
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
