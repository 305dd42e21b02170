"""Endpoints, as the tests need them."""

from pydantic import SecretStr

from settings import Endpoints


def with_database(endpoints: Endpoints, database_url: str) -> Endpoints:
    """Return the endpoints with another database of the subscriptions."""
    return endpoints.model_copy(update={"database_url": SecretStr(database_url)})


def variables(endpoints: Endpoints) -> dict[str, str]:
    """Return the environment variables that name these endpoints to a program."""
    return {
        "TEMPORAL_ADDRESS": endpoints.temporal["target_host"],
        "DATABASE_URL": endpoints.database_url.get_secret_value(),
    }
