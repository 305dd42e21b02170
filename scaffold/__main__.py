"""The program `python -m scaffold`: a new product by one command."""

import click

from catalogue import CATALOGUE
from cli.exit_codes import DONE, NOT_DONE, WRONG_USAGE
from cli.options import examples
from program import run_program
from scaffold.errors import CannotWrite
from scaffold.fields import KINDS
from scaffold.product import NewProduct
from scaffold.writing import CATALOGUE as CATALOGUE_FILE
from scaffold.writing import render, write
from settings import ROOT

NEXT = """
What comes next:
  make record     record the histories of the four workflows, and commit them
  make reference  write docs/reference.md anew
  make check      lint, types, import contracts
  make test       all tests; those of the product stand in the files above
  make migrate    bring the configured databases to this version ("make up" does it by itself)
"""


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples(
        "python -m scaffold mailbox --field address:name --field quota_mb:int",
        "python -m scaffold mailbox --field address:name --field owner:UserGroup",
        "python -m scaffold mailbox --field address:name --system mail_system",
        "python -m scaffold mailbox --field address:name --dry-run",
    ),
)
@click.argument("name")
@click.option(
    "--field",
    "fields",
    multiple=True,
    required=True,
    metavar="NAME:TYPE",
    help=f"A value of its subscriptions; once for each. TYPE: {KINDS}. A question mark at the end: optional.",
)
@click.option("--system", help="Its external system (default: NAME_management).")
@click.option("--dry-run", is_flag=True, help="List the files; write nothing.")
def new_product(name: str, fields: tuple[str, ...], system: str | None, *, dry_run: bool) -> int:
    """Write a product NAME: its block, type, migration, system, activities, workflows and tests.

    NAME has small letters and underscores. A file that exists is never overwritten.
    """
    try:
        product = NewProduct.parse(name, fields, system)
        _require_unknown(product)
        files = render(product, ROOT)
        click.echo("\n".join(str(path) for path in [*files, f"{CATALOGUE_FILE} (the entry is added)"]))
        if not dry_run:
            write(product, ROOT, files)
            click.echo(NEXT, nl=False)
    except CannotWrite as error:
        click.echo(error, err=True)
        return NOT_DONE
    return DONE


def _require_unknown(product: NewProduct) -> None:
    for entry in CATALOGUE:
        named = [known.name for known in entry.subscription.products.values()]
        if product.type == entry.product_type or product.title in named or product.command == entry.command:
            raise CannotWrite(f"There is a product {entry.product_type} already; choose another name")
        if product.system == entry.external_system:
            raise CannotWrite(
                f"{entry.product_type} has the external system {product.system} already; "
                "name another with --system"
            )


def main() -> int:
    """Run the command line that was typed."""
    try:
        return int(new_product(prog_name="python -m scaffold", standalone_mode=False) or DONE)
    except click.UsageError as error:
        click.echo(error.format_message(), err=True)
        return WRONG_USAGE


if __name__ == "__main__":
    run_program(main)
