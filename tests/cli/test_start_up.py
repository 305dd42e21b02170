"""The imports of a command before it does anything."""

import asyncio
import sys

from settings import ROOT


async def test_the_starter_does_not_import_what_only_migrations_need() -> None:
    program = "import sys, cli.commands; print(sorted({'alembic', 'sqlalchemy'} & sys.modules.keys()))"
    ended = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert (await ended.communicate())[0] == b"[]\n"
