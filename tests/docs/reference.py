"""Write `docs/reference.md` from the code, or return what it must be: `make reference`."""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import click

from catalogue import form_of, registered_workflows, workflow_type
from cli.commands import cli
from orchestrator.database.migrate import migrate
from orchestrator.temporal.metrics import ALL
from settings import ROOT
from stack.postgres import start_postgres, stop_postgres
from tests.docs.pages import code, tables

PAGE = ROOT / "docs" / "reference.md"
CONFIGURATION, ERRORS = ROOT / "docs" / "configuration.md", ROOT / "docs" / "errors.md"

HEAD = """\
# Reference

Everything to look up, written from the code by `make reference`: do not edit this page.
[The JSON contract](design.md#the-json-contract) has the fields of the JSON documents.

- [Forms](#forms): the inputs of the workflows, as the Web UI and Temporal's clients take them
- [Commands](#commands) of `starter.py`
- [Settings](#settings)
- [Errors](#errors)
- [Tables](#tables) of PostgreSQL
- [Metrics](#metrics) for Prometheus
"""

COLUMNS = """
    SELECT c.relname, obj_description(c.oid, 'pg_class') AS about, a.attname, a.attnotnull,
           format_type(a.atttypid, a.atttypmod) AS kind, col_description(c.oid, a.attnum) AS meaning
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
      AND c.relname <> 'alembic_version' AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum
"""


async def rendered(database_url: str) -> str:
    """Return the page, given a database that is migrated. A new section is a line here, and one in `HEAD`."""
    parts = [HEAD, *forms(), *commands(), *settings(), *errors(), *await stored(database_url), *metrics()]
    return "\n".join(parts).rstrip() + "\n"


def table(*rows: Sequence[str]) -> str:
    """Return a table; the first row is its head."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]) + "\n"


def forms() -> Iterator[str]:
    yield "## Forms\n"
    for definition in sorted(registered_workflows(), key=workflow_type):
        form = form_of(definition)  # type: ignore[arg-type]  # every workflow that is registered has a form
        schema = form.model_json_schema()
        required = set(schema.get("required", ()))
        yield f"### `{workflow_type(definition)}`\n"
        rows = [
            (
                f"`{name}`",
                kind(field, schema.get("$defs", {})),
                "yes" if name in required else "",
                field.get("description", field.get("title", "")),
            )
            for name, field in schema["properties"].items()
        ]
        yield table(("Field", "Type", "Required", "Meaning"), *rows)


def metrics() -> Iterator[str]:
    yield "## Metrics\n"
    yield "[Observability](observability.md#our-metrics) says how to read them.\n"
    rows = [
        (f"`{one.name}`", one.kind, ", ".join(f"`{label}`" for label in one.labels), one.meaning)
        for one in sorted(ALL, key=lambda one: one.name)
    ]
    yield table(("Metric", "Kind", "Labels", "Meaning"), *rows)


def kind(field: dict[str, Any], known: dict[str, Any]) -> str:
    """Return the type of a field with its bounds, in words."""
    if "$ref" in field:
        return kind(known[field["$ref"].rpartition("/")[2]], known)
    if "anyOf" in field:
        kinds = list(dict.fromkeys(kind(one, known) for one in field["anyOf"]))
        return (", or " if any("," in one for one in kinds) else " or ").join(kinds)
    if "enum" in field:
        return " or ".join(f"`{one}`" for one in field["enum"])
    words = {"string": "text", "integer": "whole number", "object": "JSON object"}
    named = field.get("format") or words.get(field.get("type", "any"), field.get("type", "any"))
    if "items" in field:
        named = f"list of {kind(field['items'], known)}"
    unit = " characters" if "maxLength" in field else ""
    low, high = (
        next((field[name] for name in names if name in field), None)
        for names in (("minimum", "minLength", "exclusiveMinimum"), ("maximum", "maxLength"))
    )
    bounds = f"{low} to {high}" if None not in {low, high} else f"at most {high}" if high is not None else ""
    return f"{named}, {bounds}{unit}" if bounds else str(named)


def commands() -> Iterator[str]:
    yield "## Commands\n"
    yield from command(cli, ["starter.py"])


def command(found: click.Command, words: Sequence[str]) -> Iterator[str]:
    """Yield the sections of a command and of those below it."""
    context = click.Context(found, info_name=words[-1])
    if isinstance(found, click.Group):
        for name in found.list_commands(context):
            below = found.get_command(context, name)
            assert below is not None
            yield from command(below, [*words, name])
        if not found.params:
            return
    yield f"### `{' '.join(words)}`\n"
    yield (found.help or "").split("\n\n")[0].replace("\n", " ").strip() + "\n"
    arguments = [one.make_metavar(context) for one in found.params if isinstance(one, click.Argument)]
    rows = [option(one, context) for one in found.params if isinstance(one, click.Option)]
    if arguments:
        yield f"Argument: {', '.join(f'`{one}`' for one in arguments)}\n"
    if rows:
        yield table(("Option", "Meaning"), *rows)


def option(found: click.Option, context: click.Context) -> tuple[str, str]:
    record = found.get_help_record(context)
    assert record is not None, found.name
    return f"`{record[0]}`", " ".join(record[1].split())


def settings() -> Iterator[str]:
    yield "## Settings\n"
    yield "Environment variables; [Configuration](configuration.md) says how they work together.\n"
    text = CONFIGURATION.read_text().split("## Variables")[1]
    rows = sorted((name, row[1]) for row in tables(text)[0] for name in code(row[0]))
    yield table(
        ("Variable", "Meaning"), *((f"`{name}`", linked(meaning, CONFIGURATION)) for name, meaning in rows)
    )


def linked(text: str, page: Path) -> str:
    """Return a text of another page, with its links to headings of that page."""
    return text.replace("](#", f"]({page.name}#")


def errors() -> Iterator[str]:
    yield "## Errors\n"
    yield "In the order of the alphabet; [Errors](errors.md) has them in the order of what you do.\n"
    rows = sorted(row for one in tables(ERRORS.read_text()) for row in one if row[0].startswith("`"))
    told = [[linked(cell, ERRORS) for cell in row] for row in rows]
    yield table(("Type", "What it means", "What to do"), *told)


async def stored(database_url: str) -> list[str]:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(COLUMNS)
    await connection.close()
    parts = ["## Tables\n"]
    for name in dict.fromkeys(row["relname"] for row in rows):
        columns = [row for row in rows if row["relname"] == name]
        parts.append(f"### `{name}`\n")
        if columns[0]["about"]:
            parts.append(f"{columns[0]['about']}.\n")
        told = [
            (f"`{row['attname']}`", row["kind"], "" if row["attnotnull"] else "yes", row["meaning"] or "")
            for row in columns
        ]
        parts.append(table(("Column", "Type", "Null", "Meaning"), *told))
    return parts


async def write(database_url: str) -> None:
    await migrate(database_url)
    PAGE.write_text(await rendered(database_url))


def main() -> None:
    """Write the page, with a PostgreSQL that runs as long as this."""
    with tempfile.TemporaryDirectory(prefix="reference-", ignore_cleanup_errors=True) as made:
        directory = Path(made) / "postgres"
        _, url = start_postgres(directory)
        try:
            asyncio.run(write(url))
        finally:
            stop_postgres(directory)


if __name__ == "__main__":
    main()
