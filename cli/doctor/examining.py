"""The list of all checks, and how they are asked."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg
from pydantic import BaseModel
from temporalio.service import RPCError

from cli.doctor.database import (
    check_belonging,
    check_clock,
    check_postgres,
    check_role,
    check_schema,
)
from cli.doctor.finding import Check, Finding, Result, skipped
from cli.doctor.machine import check_disk, check_packages, check_python, check_services
from cli.doctor.site import PATIENCE, CannotAsk, Site, open_site
from cli.doctor.temporal import check_retention, check_search_attributes, check_temporal
from cli.doctor.workers import (
    check_backlog,
    check_external_system,
    check_schedule,
    check_versions,
    check_workers,
)
from orchestrator.database.connection import NO_ANSWER
from orchestrator.operations.schedules import CLEAN_UP, VALIDATION
from settings import EXTERNAL_SYSTEMS
from stack.addresses import DIRECTORY

CHECKS: Mapping[str, Check] = {
    "Python": check_python,
    "packages": check_packages,
    "services": check_services,
    "disk": check_disk,
    "PostgreSQL": check_postgres,
    "schema": check_schema,
    "role": check_role,
    "clock": check_clock,
    "Temporal": check_temporal,
    "namespace": check_retention,
    "search attributes": check_search_attributes,
    "own Temporal": check_belonging,
    "workers": check_workers,
    "worker versions": check_versions,
    "backlog": check_backlog,
    **{name: check_external_system(name) for name in EXTERNAL_SYSTEMS},
    "schedule validate": check_schedule(VALIDATION, "validate"),
    "schedule clean-up": check_schedule(CLEAN_UP, "clean-up"),
}
"""The checks by name, in the order in which they are shown. None needs the answer of another one."""


class Examination(BaseModel):
    """What all checks have found, as `--json` prints it."""

    healthy: bool
    """Whether no check has failed."""
    checks: tuple[Finding, ...]


async def examine(directory: Path = DIRECTORY) -> Examination:
    """Ask every check at the same time; nothing is started or changed.

    Args:
        directory: data of the embedded stack, which is examined if nothing is configured.
    """
    async with open_site(directory) as site:
        findings = await asyncio.gather(*(_ask(name, check, site) for name, check in CHECKS.items()))
    return examination(findings)


def examination(findings: Sequence[Finding]) -> Examination:
    """Return the findings together."""
    healthy = all(one.result is not Result.FAILED for one in findings)
    return Examination(healthy=healthy, checks=tuple(findings))


async def _ask(name: str, check: Check, site: Site) -> Finding:
    return (await _found(check, site)).model_copy(update={"check": name})


async def _found(check: Check, site: Site) -> Finding:
    try:
        async with asyncio.timeout(PATIENCE):
            return await check(site)
    except CannotAsk as error:
        return skipped(str(error))
    except TimeoutError:
        return skipped(f"no answer within {PATIENCE:.0f} s")
    except asyncpg.UndefinedTableError:
        return skipped("the schema lacks a table; see the check of the schema")
    except (RPCError, asyncpg.PostgresError, *NO_ANSWER) as error:
        return skipped(f"refused: {str(error) or type(error).__name__}")
