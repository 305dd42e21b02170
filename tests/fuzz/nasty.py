"""Illegal input, and legal but unusual input: texts, numbers, JSON, payloads."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from pydantic import BaseModel
from temporalio.api.common.v1 import Payload

from catalogue import CATALOGUE, form_of, workflow_type
from orchestrator.domain.subscription import SubscriptionModel

T = TypeVar("T")


def mostly(usual: st.SearchStrategy[T], seldom: st.SearchStrategy[T], *, one_in: int) -> st.SearchStrategy[T]:
    """Draw from `seldom` once in `one_in` draws; `one_of` would weigh by the number of parts."""
    return st.integers(1, one_in).flatmap(lambda number: seldom if number == one_in else usual)


A_GROUP, A_USER, AN_ENDED_GROUP, NOBODY = (str(UUID(int=number)) for number in range(1, 5))
"""Placeholders for subscriptions that exist when the input is sent; the last one does not."""
A_PROCESS = "a-process-that-is-there"
"""Placeholder for a process that has ended."""
SUBSCRIPTIONS = mostly(
    st.sampled_from([A_GROUP, A_USER]), st.sampled_from([AN_ENDED_GROUP, NOBODY]), one_in=10
)

CLASSICS = (
    "", " ", "\t", "\x00", "a\x00b", "\x1b[31mred", "\x9b31m", "a\nb", "a\r\nb", "a\u2028b", "\u0085",
    "\x7f", "alice", " alice ", "\u00a0alice\u3000", "été", "e\u0301te\u0301", "ﬁ", "ß", "İ", "🎉",
    "👩‍👩‍👧‍👦", "\U0010ffff", "\uffff", "\ufeff", "\u200b", "\u00ad", "\u202egnp.exe", "\u2066x\u2069",
    "\u05d0\u05d1\u05d2", "مرحبا", "a\u0300" * 100, "\ud800", "\udfff", "a\ud83d", "\udcff", "𝒳" * 255,
    "𝒳" * 256, "x" * 255, "x" * 256, "x" * 1000, "x" * 1001, "'; DROP TABLE subscriptions; --",
    '" OR ""="', "$1", "%s", "%n%n", "{}", "{0}", "{{7*7}}", "${7*7}", "<%= 7 %>", "| a | b |", "# x",
    "**x**", "`x`", "![x](http://127.0.0.1/x)", "<script>alert(1)</script>", "&lt;b&gt;", "~~x~~",
    "[bold]x", "[/]", "[/bold]", "[link=x]y[/link]", ":smile:", "\\", "\\n", "\\u0000", '"', "''",
    "../../etc/passwd", "null", "None", "true", "NaN", "0", "-1", "1", "1e400", "0x10", "1_0", "٤٢", "42",
    "150", "151", "9" * 20, "9" * 5000, "-", "--", "---", "--x", "-x", "@file", "http://127.0.0.1",
    "user internal", "User internal", "User Group",
)  # fmt: skip
NAMES = (
    "alice", " bob ", "été 🎉", "𝒳" * 255, "| a | b |", "[/]", "\u202egnp.exe", "مرحبا", "{{7*7}}",
    "'; DROP TABLE x",
)  # fmt: skip
"""Unusual, but all of them legal."""
LONG = st.sampled_from([
    "x" * 1_000_000, "x" * 10_000, "𝒳" * 10_000, "𝒳" * 100_000,
    "\x00" * 100_000, "{" * 100_000, "é " * 100_000,
])  # fmt: skip
ANY_TEXT = mostly(
    st.sampled_from(CLASSICS),
    st.text(st.characters(exclude_categories=()), max_size=40),  # all planes, including lone surrogates
    one_in=3,
)
TEXTS = mostly(ANY_TEXT, LONG, one_in=40)

NUMBERS = st.sampled_from([
    "0", "-0", "1", "2", "42", "150", "151", "-1", "1.0", "42.5", "1e2", "1e400", "-1e400", "NaN",
    "Infinity", "-Infinity", "2147483647", "2147483648", "9223372036854775808", "1" + "0" * 400,
    "9" * 4300, "9" * 5000, "true", "false", "null", '"42"', '"4_2"', '" 42 "', '"٤٢"', "01", "+1", "1.",
    ".5", "[42]",
])  # fmt: skip
TIMES = st.sampled_from([
    "2030-01-01", "2030-01-01T00:00:00Z", "2031-02-28T23:59:60", "2030-06-30T12:00:00.123456+05:45",
    "2030-01-01 08:00", "2020-01-01", "2999-12-31", "2030-02-30", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00", "2030-W01-1", "20300101", "1893456000", "30d", "tomorrow",
])  # fmt: skip
DEPTHS = st.sampled_from([1, 3, 100, 199, 250, 1000, 100_000])
NESTED = st.one_of(
    DEPTHS.map(lambda depth: "[" * depth + "]" * depth),
    DEPTHS.map(lambda depth: '{"a":' * depth + "1" + "}" * depth),
)


def quoted(text: str) -> str:
    """Return the text as a JSON string, with lone surrogates escaped."""
    return json.dumps(text)


def values(form: type[BaseModel], name: str) -> st.SearchStrategy[str]:
    """Draw JSON that often fits this field."""
    if name == "input":  # of a process that starts later
        forms = st.sampled_from([form_of(one) for entry in CATALOGUE for one in entry.workflows])
        return forms.flatmap(objects)
    if name == "values":  # of a retry: corrected values
        named = mostly(st.sampled_from(NAMES), ANY_TEXT, one_in=3)
        return named.map(lambda text: json.dumps({"group_name": text}))
    return typed(form, name).map(lambda text: text if _is_number(form, name) else quoted(text))


def typed(form: type[BaseModel], name: str) -> st.SearchStrategy[str]:
    """Draw text that a user might type into this field."""
    types = _types(form.model_fields[name].annotation)
    drawn = {"workflow": _workflows, "product": _products}.get(name)
    if drawn is not None:
        return st.sampled_from(drawn())
    if datetime in types:
        return TIMES
    if name == "customer_id":
        return st.uuids().map(str)
    if UUID in types:
        return SUBSCRIPTIONS
    if int in types:
        return st.integers(0, 150).map(str) if name == "age" else st.sampled_from(["1", "1", "2", "600"])
    return mostly(st.sampled_from(NAMES), ANY_TEXT, one_in=5)


def _is_number(form: type[BaseModel], name: str) -> bool:
    return int in _types(form.model_fields[name].annotation)


def _types(annotation: Any) -> set[Any]:
    parts = getattr(annotation, "__args__", ())
    return {annotation, getattr(annotation, "__origin__", None)}.union(*(_types(part) for part in parts))


def _workflows() -> list[str]:
    return [workflow_type(one) for entry in CATALOGUE for one in entry.workflows]


def _products() -> list[str]:
    stages = {stage for family in SubscriptionModel.families.values() for stage in family.values()}
    products = {str(one): product.name for stage in stages for one, product in stage.products.items()}
    return sorted({*products, *products.values()}) + ["User internal", "User external"] * 2


@st.composite
def objects(draw: st.DrawFn, form: type[BaseModel]) -> str:
    """Draw a JSON object for a form: often valid, sometimes wrong in a field or two."""
    names = [name for name, field in form.model_fields.items() if field.is_required() or draw(st.booleans())]
    fields = [(quoted(name), draw(values(form, name))) for name in names]
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 2]))):
        name = draw(st.one_of(st.sampled_from(sorted(form.model_fields)), ANY_TEXT))
        wrong = draw(mostly(TEXTS.map(quoted), NUMBERS | NESTED, one_in=2))
        fields.append((quoted(name), wrong))
    if fields and draw(st.integers(0, 15)) == 15:
        fields.pop(draw(st.integers(0, len(fields) - 1)))
    return "{" + ", ".join(f"{name}: {value}" for name, value in fields) + "}"


def documents(form: type[BaseModel]) -> st.SearchStrategy[str]:
    """Draw JSON for a form, and sometimes other JSON."""
    others = st.one_of(
        NUMBERS, NESTED, TEXTS.map(quoted), TEXTS, st.sampled_from(["", "{", "[]", "{}{}", "[{}]", "null"])
    )
    return mostly(objects(form), others, one_in=6)


@st.composite
def payloads(draw: st.DrawFn, form: type[BaseModel]) -> Sequence[Payload]:
    """Draw the input of a workflow or an update: usually one payload of JSON."""
    text = draw(documents(form))
    how = draw(st.integers(1, 20))
    if how == 20:
        return [
            Payload(
                metadata=draw(METADATA), data=draw(st.one_of(st.binary(max_size=40), st.just(_utf8(text))))
            )
        ]
    if how == 19:
        return draw(
            st.sampled_from([[], [_json(text)] * 2, [_json("{}"), Payload()], [_json(text), UNKNOWN]])
        )
    return [_json(text)]


UNKNOWN = Payload(metadata={"encoding": b"never/heard"}, data=b"{}")
METADATA = st.sampled_from([
    {}, {"encoding": b""}, {"encoding": b"\xff\xfe"}, {"encoding": b"never/heard"},
    {"encoding": b"binary/null"}, {"encoding": b"binary/plain"}, {"encoding": b"binary/encrypted"},
    {"encoding": b"json/plain"}, {"encoding": b"json/plain", "encoding-decode": b"x", "\u202e": b"\xff"},
    {"encoding": b"json/protobuf", "messageType": b"x.Y"},
    {"encoding": b"binary/protobuf", "messageType": b"\xff"}, {"encoding": b"json/protobuf"},
    {"encoding": b"json/protobuf", "messageType": b"temporal.api.common.v1.Payload"},
    {"encoding": b"binary/protobuf", "messageType": b"temporal.api.common.v1.Payload"},
])  # fmt: skip


def _json(text: str) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=_utf8(text))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # a lone surrogate becomes invalid UTF-8
