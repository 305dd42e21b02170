"""An error quotes the input as one harmless line of text."""

import json

import pytest

from cli.commands import run
from cli.output import complain
from orchestrator.process.starting import LONGEST_SUMMARY, summary
from tests.starting import Starter


@pytest.mark.parametrize("command", ["process", "retry", "abort", "give-up"])
def test_an_empty_process_id_is_wrong_usage(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, ""]) == 2
    assert (
        capsys.readouterr().err == "Error: An id or a name must not be empty; give at least one character\n"
    )


def test_a_usage_error_escapes_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["process", "one", "\x1b[31m\u202e\ntwo"]) == 2
    expected = (
        r"Error: Got unexpected extra argument (\x1b[31m\u202e\ntwo) "
        'See "python starter.py process --help".'
    )
    assert capsys.readouterr().err == f"{expected}\n"


@pytest.mark.parametrize(
    "line",
    [
        ["x" * 100_000],
        ["subscription", "x" * 100_000],
        ["process", "x" * 100_000],
        ["process", "\x00" * 100_000],
        ["subscriptions", "--limit", "x" * 100_000],
        ["schedule", "validate", "--every", "x" * 100_000],
    ],
)
def test_an_error_cuts_long_input(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line) == 2
    assert len(capsys.readouterr().err) < 500


def test_an_error_in_json_escapes_invalid_unicode(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["process", "one", "\udcff", "--json"]) == 2
    assert r"(\udcff)" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_characters_that_change_the_direction_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    complain("\u202egnp.exe \u0645\u0631\u062d\u0628\u0627 \u2066x\u2069 [bold]b[/]")
    shown = "Error: \\u202egnp.exe \u0645\u0631\u062d\u0628\u0627 \\u2066x\\u2069 [bold]b[/]\n"
    assert capsys.readouterr().err == shown


async def test_a_name_is_exact_in_json_and_escaped_on_a_terminal(starter: Starter) -> None:
    created = await starter("create", "user-group", "--group-name", "\u202egnp", "--json")
    subscription = created.document["subscription"]
    shown = await starter("subscription", subscription["subscription_id"])
    assert subscription["user_group"]["group_name"] == "\u202egnp"
    assert r"\u202egnp" in shown.stdout
    assert "\u202e" not in shown.stdout


async def test_output_survives_an_encoding_that_lacks_a_character(
    starter: Starter,
) -> None:
    """JSON stays exact; a table shows an escape."""
    narrow = Starter(starter.environment | {"PYTHONIOENCODING": "ascii"})
    created = await narrow.program("create", "user-group", "--group-name", "\u00e9t\u00e9", "--json")
    subscription = created.document["subscription"]
    shown = await narrow.program("subscription", subscription["subscription_id"])
    assert subscription["user_group"]["group_name"] == "\u00e9t\u00e9"
    assert r"\xe9t\xe9" in shown.stdout


@pytest.mark.parametrize("character", ["x", "\U0001d4b3", '"'])
def test_a_title_is_cut_to_the_longest_summary(character: str) -> None:
    short = summary(f'Create user group "{character * 255}"')
    assert len(json.dumps(short, ensure_ascii=False).encode()) <= LONGEST_SUMMARY
    assert short.startswith(f'Create user group "{character}')
