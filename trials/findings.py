"""The findings of an audit."""

from typing import Literal

from pydantic import BaseModel

Kind = Literal["loss", "duplicate", "orphan", "contradiction"]


class Finding(BaseModel):
    """Something that must not happen."""

    kind: Kind
    about: str
    """The id of the process or subscription."""
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.about} {self.what}"
