"""`docs/reference.md` is what the code says now."""

from orchestrator.database.migrate import migrate
from tests.conftest import new_database
from tests.docs.reference import PAGE, rendered


async def test_the_reference_is_written_from_this_code(postgres: str) -> None:
    """If it is stale, `make reference` writes it anew."""
    url = await new_database(postgres)
    await migrate(url)
    assert PAGE.read_text() == await rendered(url)
