"""Validate every active subscription."""

from cli import output
from cli.connections import Connections
from cli.documents import Report
from cli.operating import Operation, operate
from cli.totals import report
from orchestrator.operations.validate_subscriptions import (
    Totals,
    ValidateSubscriptions,
    ValidateSubscriptionsForm,
)


def validate_all(
    form: ValidateSubscriptionsForm, process_id: str | None, *, no_wait: bool, opens: bool, as_json: bool
) -> int:
    """Validate every active subscription and print the totals; return 0 if all are in sync, else 1."""
    return operate(
        VALIDATION,
        form,
        process_id,
        no_wait=no_wait,
        opens=opens,
        as_json=as_json,
        show=_show,
        is_good=lambda found: found.in_sync == found.total,
    )


async def _report(connections: Connections, process_id: str, totals: Totals) -> Report:
    execution = await connections.client.get_workflow_handle(process_id).describe()
    first_run_id = execution.raw_description.workflow_execution_info.first_run_id
    return await report(connections, process_id, first_run_id, totals)


VALIDATION = Operation(
    definition=ValidateSubscriptions,
    title="Validate every active subscription",
    result=Totals,
    query="totals",
    all_of_it="every subscription was validated",
    again="validate --all --process-id {}",
    report=_report,
)


def _show(found: Report) -> None:
    output.print_facts({name: _named(value) for name, value in found.model_dump(mode="json").items()})


def _named(value: int | list[str]) -> str:
    return str(value) if isinstance(value, int) else f"{len(value)} {' '.join(value)}".rstrip()
