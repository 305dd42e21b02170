"""The exit codes of the commands."""

DONE, NOT_DONE, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
