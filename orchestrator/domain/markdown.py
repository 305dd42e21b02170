"""Text from users in Markdown, which the Web UI shows."""


def quoted(text: str) -> str:
    """Return foreign text as a Markdown quotation."""
    return "\n".join(f"> {escaped(line)}" for line in text.splitlines())


def escaped(text: str) -> str:
    """Return foreign text so that Markdown shows it as it is."""
    return "".join(f"\\{one}" if one in r"\`*_{}[]<>()#+!|&~" else one for one in text)
