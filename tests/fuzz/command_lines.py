"""Command lines that a user might type, generated from the existing commands and options."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import click
from hypothesis import strategies as st

from catalogue import CATALOGUE, form_of
from cli.commands import cli
from tests.fuzz import nasty

FIELDS = {
    name: form for entry in CATALOGUE for form in map(form_of, entry.workflows) for name in form.model_fields
}
"""The options that are fields of a form, each with a form that has it."""


@dataclass(frozen=True)
class Command:
    """A command of the program, with the words that call it."""

    path: tuple[str, ...]
    params: list[click.Parameter] = field(repr=False)


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[Command]:
    """Yield every command of the program, including those of groups."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield Command((*path, name), command.params)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = list(commands())

FILTERS: dict[str, list[str]] = {
    "search": ["there", "user gro", "create", "a-b", "'", nasty.A_PROCESS, "alice 42"],
    "because": ["rejects", "system unreachable", "("],
    "workflow": ["create_user", "validate_user_group", "nothing"],
    "created_by": ["alice", "nobody"],
    "step": ["resync", "unsync", "nothing"],
    "since": ["2d", "6h", "2026-03-01", "2999-12-31T23:59:59+14:00", "0001-01-01", "99999999d", "now"],
    "customer": [nasty.A_GROUP, nasty.NOBODY, "ACME"],
}
"""Plausible values of the options that filter."""

TEXTS = nasty.TEXTS.filter(lambda text: len(text) <= 100_000)  # the longest that the operating system accepts


TYPED = {
    **dict.fromkeys(("subscription_id", "subscription", "after"), nasty.SUBSCRIPTIONS),
    "process_id": st.sampled_from([nasty.A_PROCESS, "another"]),
    "about": nasty.mostly(nasty.SUBSCRIPTIONS, st.just(nasty.A_PROCESS), one_in=2),
    "at": nasty.TIMES | st.sampled_from(["0s", "1d", "2026-03-01T14:30Z", "0001-01-01T00:00+14:00"]),
    "status": st.sampled_from(["active", "terminated", "failed", "completed", "waiting", "scheduled"]),
    "held_by": st.sampled_from([nasty.A_PROCESS, "another"]),
    **{name: st.sampled_from(values) for name, values in FILTERS.items()},
    # So long that nothing starts while the tests run.
    "within": st.sampled_from(["1d", "30d", "365d", "36500d", "1y", "0d", "-1d"]),
}
"""Plausible values of options and arguments that are no fields of a form."""


def _typed(name: str) -> st.SearchStrategy[str]:
    """Draw a plausible value for the option or argument of this name."""
    if name in FIELDS and name not in TYPED:
        return nasty.typed(FIELDS[name], name)
    if name in TYPED:
        return TYPED[name]
    return st.sampled_from(["1", "20", "1d", "1m", "User Group", "now"])


def _value(name: str) -> st.SearchStrategy[str]:
    return nasty.mostly(_typed(name), TEXTS, one_in=6)


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Draw a command line: usually a command with its own options."""
    command = draw(st.sampled_from(COMMANDS))
    line = list(command.path)
    for param in command.params:
        assert param.name is not None
        if isinstance(param, click.Argument):
            line += [draw(_value(param.name))] if draw(st.integers(0, 9)) else []
        elif draw(st.booleans()):
            assert isinstance(param, click.Option)
            line += [param.opts[0]] if param.is_flag else [param.opts[0], draw(_value(param.name))]
    if draw(st.integers(0, 5)) == 5:
        line.insert(draw(st.integers(0, len(line))), draw(TEXTS))
    if draw(st.integers(0, 15)) == 15:
        line.pop(0)
    return line
