"""A database that orchestrator-core itself has made, in an environment that has it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trials.peers.environments import HERE, python_of, run
from trials.peers.shared_postgres import shared_postgres

THERE = Path(__file__).parent / "there"


@contextmanager
def real_database(directory: Path) -> Iterator[str]:
    """Make the database on a PostgreSQL with the extensions that orchestrator-core needs; yield its URL.

    Installs what is missing first, which takes minutes.
    """
    with (
        shared_postgres(directory / "postgres") as postgres,
        postgres.new_database("orchestrator_core") as database_url,
    ):
        environment = os.environ | {
            "PATH": f"{postgres.programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(THERE),
            "DATABASE_URI": postgres.sqlalchemy_url("orchestrator_core"),
            "OAUTH2_ACTIVE": "false",
            "LOG_LEVEL": "WARNING",
            "LITELLM_LOCAL_MODEL_COST_MAP": "true",  # else it asks the internet for a list
        }
        migrating = str(HERE / "orchestrator_core" / "main.py")
        run(
            [str(python_of("orchestrator_core")), str(THERE / "make.py"), migrating],
            environment=environment,
            directory=directory,
        )
        yield database_url
