"""The output of the commands for programs: one JSON document."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from cli.documents import Document


def print_json(document: BaseModel | Document | Sequence[Any]) -> None:
    """Print one JSON document on stdout, and nothing else."""
    plain = document.model_dump(mode="json") if isinstance(document, BaseModel) else document
    text = json.dumps(plain, indent=2, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # the encoding lacks a character; JSON can escape it
        text = json.dumps(plain, indent=2)
    sys.stdout.write(text + "\n")
