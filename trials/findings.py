"""What an audit finds."""

from typing import Literal

from pydantic import BaseModel

Kind = Literal["loss", "duplicate", "orphan", "contradiction"]


class Finding(BaseModel):
    """Something that must not be."""

    kind: Kind
    about: str
    """The process, or the subscription."""
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.about} {self.what}"
