"""Checks of Temporal: the server, the namespace, the search attributes."""

import re
from datetime import timedelta

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest

from cli.doctor.finding import Finding, failed, ok, refused, warning
from cli.doctor.site import Site
from orchestrator.operations.own_temporal import NamespaceNotFound, describe_namespace
from orchestrator.temporal.connection import is_local
from orchestrator.temporal.search_attributes import unusable_search_attributes

OLDEST_TEMPORAL = (1, 28)
"""Since this version Temporal has worker deployments, and resets activities."""


async def check_temporal(site: Site) -> Finding:
    """Return whether Temporal answers, and in which version."""
    address = site.endpoints.temporal.get("target_host", "its usual address")
    if isinstance(site.temporal, TimeoutError):
        return failed(f"{address} does not answer in time", "check TEMPORAL_ADDRESS and the network")
    if isinstance(site.temporal, Exception):
        return refused(site.temporal)
    said = await site.service.workflow_service.get_system_info(GetSystemInfoRequest())
    config = site.service.service_client.config
    return judge_server(said.server_version, config.target_host, encrypted=bool(config.tls))


def judge_server(version: str, address: str, *, encrypted: bool) -> Finding:
    """Return whether this server is as it should be."""
    tls = "TLS" if encrypted else "on this machine" if is_local(address) else "no TLS"
    fact = f"{version} at {address}, {tls}"
    number = re.match(r"(\d+)\.(\d+)", version)
    if number and (int(number[1]), int(number[2])) < OLDEST_TEMPORAL:
        oldest = ".".join(map(str, OLDEST_TEMPORAL))
        return warning(f"{fact}; a retry of a waiting step needs {oldest} or newer", "upgrade Temporal")
    return warning(fact, "export TEMPORAL_TLS=true") if tls == "no TLS" else ok(fact)


async def check_retention(site: Site) -> Finding:
    """Return whether the namespace exists, and keeps histories for as long as the rest is kept."""
    try:
        described = await describe_namespace(site.service)
    except NamespaceNotFound as error:
        return refused(error)
    kept = described.config.workflow_execution_retention_ttl.ToTimedelta()
    return judge_retention(described.namespace_info.name, kept, site.settings.retention_days)


def judge_retention(name: str, kept: timedelta, days: int) -> Finding:
    """Return whether histories are kept for this number of days, as the results of steps are."""
    fact = f'"{name}" keeps histories for {kept / timedelta(days=1):g} days'
    if kept >= timedelta(days=days):
        return ok(fact)
    return warning(
        f"{fact}, RETENTION_DAYS is {days}: after that, nobody sees the steps or resets the process",
        f"temporal operator namespace update --namespace {name} --retention {days * 24}h",
    )


async def check_search_attributes(site: Site) -> Finding:
    """Return whether the namespace has the search attributes that processes set."""
    unusable = await unusable_search_attributes(site.service)
    command = f"temporal operator search-attribute create --namespace {site.service.namespace} --type Keyword"
    if not unusable:
        return ok("all registered")
    if wrong := {name: found for name, found in unusable.items() if found is not None}:
        name, found = next(iter(wrong.items()))
        return failed(
            f"{name} has the type {found} instead of Keyword; processes that set it do not go on",
            f"remove {name} with temporal operator search-attribute remove, then {command} --name {name}",
        )
    missing = " ".join(f"--name {name}" for name in unusable)
    return failed(
        f"missing: {', '.join(unusable)}; processes that set them do not go on", f"{command} {missing}"
    )
