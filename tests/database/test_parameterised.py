"""All SQL is constant; values are passed as parameters."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from settings import ROOT

METHODS = {
    *("cursor", "execute", "executemany", "fetch", "fetchmany", "fetchrow", "fetchval", "prepare"),
    *("copy_from_query", "scalar", "scalars", "text"),
}
"""Calls whose first argument is a statement: of asyncpg, SQLAlchemy and Alembic, and `text`."""

NOT_OURS = ("tests/", "trials/peers/", ".")
"""How paths begin that are not checked; the peers run in databases of their own, on made-up values."""

SOURCES = sorted(
    path for path in ROOT.rglob("*.py") if not path.relative_to(ROOT).as_posix().startswith(NOT_OURS)
)


def test_the_sources_with_sql_are_checked() -> None:
    talking = {path.relative_to(ROOT).as_posix() for path in SOURCES if list(statements(parsed(path)))}
    assert {
        "orchestrator/database/processes.py",
        "orchestrator/database/migrate.py",
        "services/fake_system.py",
        "trials/bench/running.py",
    } <= talking
    migrations = [path for path in talking if path.startswith("orchestrator/database/migrations/versions/")]
    assert len(migrations) > 1


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_statement_is_constant(source: Path) -> None:
    assert varying(parsed(source)) == []


@pytest.mark.parametrize(
    "sql",
    [
        'f"SELECT {name}"',
        '"SELECT " + name',
        '"SELECT %s" % name',
        '"SELECT {}".format(name)',
        '" ".join(["SELECT", name])',
        "name",
        "_MADE",
        "_CHANGED",
        "Path(name).read_text()",
        "text(name)",
        "*name",
        "query=name",
    ],
)
def test_a_variable_statement_is_found(sql: str) -> None:
    made = '_MADE = f"SELECT {1}"\n_CHANGED = "SELECT "\n_CHANGED += name'
    assert varying(ast.parse(f"{made}\nconnection.execute({sql})"))


@pytest.mark.parametrize("sql", ['"SELECT 1"', '_KNOWN + "WHERE true"', "query=_KNOWN", "text(_KNOWN)"])
def test_a_constant_statement_is_accepted(sql: str) -> None:
    assert varying(ast.parse(f'_KNOWN = "SELECT 1"\nconnection.fetch({sql})')) == []


def parsed(source: Path) -> ast.Module:
    return ast.parse(source.read_text())


def varying(module: ast.Module) -> list[str]:
    """Return the statements that are not constant, with their lines."""
    known = constants(module)
    return [f"{sql.lineno}: {ast.unparse(sql)}" for sql in statements(module) if not is_constant(sql, known)]


def statements(module: ast.Module) -> Iterator[ast.expr]:
    """Yield the SQL arguments of a module."""
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in METHODS:
                pass
            case ast.Call(func=ast.Name(id="text")):
                pass
            case _:
                continue
        yield from node.args[:1]
        yield from (keyword.value for keyword in node.keywords if keyword.arg in {None, "query", "text"})


def constants(module: ast.Module) -> set[str]:
    """Return the names that are bound to literals only, including loop variables over such tuples."""
    bound = Counter(node.id for node in ast.walk(module) if isinstance(node, ast.Name) and is_stored(node))
    known: set[str] = set()
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.isupper() and bound[name] == 1:
                elements = value.elts if isinstance(value, ast.Tuple) else [value]
                known |= {name} if all(is_constant(element, known) for element in elements) else set()
    for loop in ast.walk(module):
        match loop:
            case ast.For(target=ast.Name(id=name), iter=ast.Name(id=each)) if (
                each in known and bound[name] == 1
            ):
                known.add(name)
    return known


def is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def is_constant(sql: ast.expr, known: set[str]) -> bool:
    match sql:
        case ast.Constant(value=str()):
            return True
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return is_constant(left, known) and is_constant(right, known)
        case ast.Name(id=name):
            return name in known
        case ast.Call(func=ast.Name(id="text"), args=[inner]):
            return is_constant(inner, known)
    return False
