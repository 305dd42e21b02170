"""The commands that start processes."""

import getpass

import click

from catalogue import CATALOGUE, CatalogueEntry, form_of
from cli.concluding import conclude, watch
from cli.documents import Outcome
from cli.options import examples, fill, form_options, json_option
from cli.services import Services
from cli.starting import new_process_id, start_process
from products.errors import ProcessAlreadyExists
from products.process import ProcessStatus, Target
from temporal.history import LastError
from workflows.forms import StartForm
from workflows.process import ProcessFrame


@click.group(
    no_args_is_help=True, epilog=examples('starter.py create user-group --group-name "Network operators"')
)
def create() -> None:
    """Create a subscription on a product."""


def add_create_command(entry: CatalogueEntry) -> None:
    """Add ``create PRODUCT`` with the options of the product's form."""
    definition = entry.workflow(Target.CREATE)
    if definition is None:
        return
    form = form_of(definition)

    @create.command(
        entry.command,
        help=f"Create a subscription: {form.__doc__}",
        epilog=examples(*(f"starter.py create {entry.command} {line}" for line in form.examples)),
    )
    @form_options(form)
    @click.option("--process-id", metavar="ID", help="Id of the process; by default one is made.")
    @click.option("--no-wait", is_flag=True, help="Print the process id, and let the process run by itself.")
    @json_option
    def command(process_id: str | None, no_wait: bool, as_json: bool, **given: str | None) -> int:
        return start(
            definition,
            fill(
                form,
                {
                    "by": getpass.getuser(),
                    **{name: value for name, value in given.items() if value is not None},
                },
            ),
            process_id,
            no_wait=no_wait,
            as_json=as_json,
        )


for each in CATALOGUE:
    add_create_command(each)


def start(
    definition: type[ProcessFrame],
    form: StartForm,
    process_id: str | None,
    *,
    no_wait: bool,
    as_json: bool,
) -> int:
    """Start a process, follow it, print what became of it; return the exit code."""
    wanted_id = process_id or new_process_id(definition)

    async def work(services: Services) -> Outcome:
        try:
            await start_process(services, definition, form, wanted_id)
        except ProcessAlreadyExists as error:
            existing = await watch(services, wanted_id, as_json=as_json)
            return existing.model_copy(update={"error": LastError.of(error)})
        if no_wait:
            return Outcome(process_id=wanted_id, status=ProcessStatus.RUNNING)
        return await watch(services, wanted_id, as_json=as_json)

    return conclude(wanted_id, work, no_wait=no_wait, as_json=as_json)
