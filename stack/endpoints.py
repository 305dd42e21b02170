"""Which endpoints a program uses: those that are configured, or those of the running embedded stack."""

from pathlib import Path

from settings import ConfigurationError, Endpoints, Settings
from stack.addresses import DIRECTORY, Addresses
from stack.errors import StackNotInstalled


def find_endpoints(settings: Settings, directory: Path = DIRECTORY) -> Endpoints:
    """Return the endpoints that the settings name, or else those of the running embedded stack.

    Raises:
        ConfigurationError: when the settings name only a part, or nothing and no embedded stack is running.
        StackNotInstalled: when they name nothing and there is no embedded stack to look for.
    """
    named = named_endpoints(settings, directory)
    if named is not None:
        return named
    stack = running_stack(directory)
    if stack is None:
        raise ConfigurationError(
            'No services are configured and no embedded stack is running: run "make up", '
            "or set TEMPORAL_ADDRESS and DATABASE_URL"
        )
    return stack.endpoints(settings)


def named_endpoints(settings: Settings, directory: Path = DIRECTORY) -> Endpoints | None:
    """Return the endpoints that the settings name, or `None` if they name none.

    `TEMPORAL_ADDRESS` alone names the whole running stack if it is the address of its Temporal: Temporal's
    own CLI needs that variable.

    Raises:
        ConfigurationError: when they name only one of Temporal and PostgreSQL.
    """
    if settings.temporal and settings.database_url is None:
        stack = running_stack(directory)
        if stack is not None and settings.temporal.get("target_host") == stack.temporal_address:
            return stack.endpoints(settings)
    return settings.endpoints


def running_stack(directory: Path = DIRECTORY) -> Addresses | None:
    """Return the addresses of the embedded stack, or `None` if it is not running.

    Raises:
        StackNotInstalled: when its packages are not.
    """
    try:
        from stack.detached import is_running  # noqa: PLC0415  # a worker with services does without
    except ModuleNotFoundError as error:
        raise StackNotInstalled from error
    found = Addresses.read(directory)
    return found if found is not None and is_running(found.pids.get("temporal"), "temporal") else None
