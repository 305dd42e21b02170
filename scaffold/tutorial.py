"""Makes a copy of the project without the products that `docs/tutorial.md` builds."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from cli.exit_codes import DONE, NOT_DONE, WRONG_USAGE
from program import run_program
from scaffold.errors import CannotWrite
from settings import ROOT

PAGE = ROOT / "docs" / "tutorial.md"
PARTS = re.compile(
    r"<!-- (?P<role>file|part|shows): (?P<path>\S+) -->\n```(?:python|sql)\n(?P<text>.*?)```\n"
    r"|```console\n(?P<console>.*?)```\n",
    re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """Code on the page."""

    role: Literal["file", "part", "shows"]
    """A whole file; a part of a file that stays without it; a part that is only shown."""
    path: Path
    text: str


@dataclass(frozen=True)
class Commands:
    """Commands on the page, one a line."""

    lines: tuple[str, ...]


def read(page: str) -> Iterator[Block | Commands]:
    """Yield the blocks and the commands of the page, in order."""
    for found in PARTS.finditer(page):
        if found["console"] is not None:
            yield Commands(tuple(line.removeprefix("$ ") for line in found["console"].splitlines()))
        else:
            yield Block(found["role"], Path(found["path"]), found["text"])  # type: ignore[arg-type]  # the pattern has these roles only


def blocks(page: str) -> list[Block]:
    """Return the blocks of the page, in order."""
    return [one for one in read(page) if isinstance(one, Block)]


def without(text: str, parts: Sequence[Block]) -> str:
    """Return the text of a file without these parts, and without the blank lines after each."""
    for part in parts:
        assert text.count(part.text) == 1, f"{part.path} has this {text.count(part.text)} times:\n{part.text}"
        text = re.sub(rf"{re.escape(part.text)}(\n\n(?=\S))?", "", text)
    return text


def make_copy(target: Path) -> list[Path]:
    """Copy the project into a new directory, without the files and parts of the page; return what is missing.

    Raises:
        CannotWrite: if the directory exists.
    """
    if target.exists():
        raise CannotWrite(f"{target} exists already; name a directory that does not")
    listed = _git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for path in filter(None, listed):
        if (ROOT / path).is_file() and not (ROOT / path).is_symlink():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, target / path)
    # What the reader builds is then compared with this commit: `git status` shows what differs.
    _git(target, "init", "--quiet")
    _git(target, "add", "--all")
    author = ("-c", "user.name=Tutorial", "-c", "user.email=tutorial@localhost")
    _git(
        target,
        *author,
        "-c",
        "commit.gpgsign=false",
        "commit",
        "--quiet",
        "--message",
        "The project with both products",
    )
    return _remove(target, blocks(PAGE.read_text()))


def _remove(target: Path, shown: Sequence[Block]) -> list[Path]:
    edited = dict.fromkeys(block.path for block in shown if block.role == "part")
    for path in edited:
        parts = [block for block in shown if block.role == "part" and block.path == path]
        (target / path).write_text(without((target / path).read_text(), parts))
    removed = [block.path for block in shown if block.role == "file"]
    for path in removed:
        (target / path).unlink()
        package = target / path.parent / "__init__.py"
        if [*package.parent.iterdir()] == [package] and not package.read_text():
            shutil.rmtree(package.parent)
    return [*removed, *edited]


def renewed(page: str) -> str:
    """Return the page with the present text of every whole file."""

    def present(found: re.Match[str]) -> str:
        if found["role"] != "file":
            return found[0]
        return found[0].removesuffix(f"{found['text']}```\n") + (ROOT / found["path"]).read_text() + "```\n"

    return PARTS.sub(present, page)


def _git(directory: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=directory, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603  # our own arguments


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("directory", required=False, type=click.Path(path_type=Path))
@click.option("--renew", is_flag=True, help="Instead: copy the files that the page shows into the page.")
def tutorial(directory: Path | None, *, renew: bool) -> int:
    """Copy the project into DIRECTORY, without the products that docs/tutorial.md builds."""
    if renew == (directory is not None):
        raise click.UsageError("Give a new directory, or --renew.")
    if directory is None:
        PAGE.write_text(renewed(PAGE.read_text()))
        return DONE
    try:
        missing = make_copy(directory)
    except CannotWrite as error:
        click.echo(error, err=True)
        return NOT_DONE
    click.echo(f"{directory} is a copy of this project. What you build there:")
    click.echo("\n".join(f"  {path}" for path in missing))
    return DONE


def main() -> int:
    """Run the command line that was typed."""
    try:
        return int(tutorial(prog_name="python -m scaffold.tutorial", standalone_mode=False) or DONE)
    except click.UsageError as error:
        click.echo(error.format_message(), err=True)
        return WRONG_USAGE


if __name__ == "__main__":
    run_program(main)
