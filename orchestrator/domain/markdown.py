"""Text from users in Markdown, which the Web UI shows."""


def quoted(text: str) -> str:
    """Return foreign text as a Markdown quotation."""
    return "\n".join(f"> {escaped(line)}" for line in text.splitlines())


def escaped(text: str) -> str:
    """Return foreign text so that Markdown shows it as it is."""
    return "".join(f"\\{one}" if one in r"\`*_{}[]<>()#+!|&~" else one for one in text)


def acted(did: str, by: str | None, reason: str | None) -> str:
    """Return who did something, and why, as far as they said.

    Args:
        did: what they did, such as "Retried".
    """
    return f"{did}{f' by {escaped(by)}' if by else ''}{f': {escaped(reason)}' if reason else ''}"
