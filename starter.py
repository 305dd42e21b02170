"""The starter: the command line of this project."""

import sys

from cli.commands import run
from cli.output import spell_what_cannot_be_encoded
from program import run_program


def main() -> int:
    """Run the command line that was typed."""
    spell_what_cannot_be_encoded()
    return run(sys.argv[1:])


if __name__ == "__main__":
    run_program(main, stop_like_ctrl_c=True)
