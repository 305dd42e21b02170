"""Renders the templates, and writes the files of a new product."""

import ast
import builtins
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from textwrap import indent

from scaffold.catalogue_entry import with_entry
from scaffold.errors import CannotWrite
from scaffold.product import NewProduct

TEMPLATES = Path(__file__).parent / "templates"
VERSIONS = Path("orchestrator/database/migrations/versions")
CATALOGUE = Path("catalogue.py")

Files = Mapping[Path, str]
"""The text of each file, by its path in the project."""


def render(product: NewProduct, root: Path) -> Files:
    """Return the new files of a product.

    Args:
        root: the project.

    Raises:
        CannotWrite: if a file exists, or a name in it stands for two things.
    """
    last = max(int(path.name[:4]) for path in (root / VERSIONS).glob("[0-9]*_*.py"))
    numbers = {"number": f"{last + 1:04}", "last_number": f"{last:04}"}
    values = {**product.substitutions(), **numbers}
    files = {
        _place(template, product, numbers["number"]): _fill(template.read_text(), values)
        for template in sorted(TEMPLATES.rglob("*.template"))
    }
    _require_new(root, files)
    for path, text in files.items():
        _require_distinct_names(path, text)
    return files


def write(product: NewProduct, root: Path, files: Files) -> None:
    """Write the files, format them, and enter the product into the catalogue.

    Raises:
        CannotWrite: if the catalogue has a shape that is not known; the other files are written then.
    """
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with (root / path).open("x") as file:  # fails if the file exists
            file.write(text)
    _format(root, files)
    catalogue = root / CATALOGUE
    catalogue.write_text(with_entry(catalogue.read_text(), product))
    _format(root, [CATALOGUE])


def _place(template: Path, product: NewProduct, number: str) -> Path:
    path = template.relative_to(TEMPLATES).as_posix().removesuffix(".template")
    for mark, name in {"NUMBER": number, "NAME": product.name, "SYSTEM": product.system}.items():
        path = path.replace(mark, name)
    return Path(path)


def _fill(text: str, values: Mapping[str, str]) -> str:
    """Return the text with the values in place; one alone on its line may have many lines, or none."""

    def block(found: re.Match[str]) -> str:
        value = values[found[2]]
        return f"{indent(value, found[1])}\n" if value else ""

    return Template(re.sub(r"^( *)\$([a-z_]+)\n", block, text, flags=re.MULTILINE)).substitute(values)


def _require_new(root: Path, files: Files) -> None:
    there = [path for path in files if (root / path).exists()]
    there += [path.parent for path in files if (root / path.parent).with_suffix(".py").exists()]
    if there:
        names = ", ".join(str(path) for path in dict.fromkeys(there))
        raise CannotWrite(f"{names} exists already; remove it, or choose another name. Nothing was written")


def _require_distinct_names(path: Path, text: str) -> None:
    """Require that no class or function of the product has the name of another thing in its file."""
    seen: set[str] = set(dir(builtins))
    for name in _names(ast.parse(text)):
        if name in seen:
            raise CannotWrite(f"{name} would stand for two things in {path}; choose another name")
        seen.add(name)


def _names(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        match node:
            case ast.Import() | ast.ImportFrom():
                yield from (alias.asname or alias.name for alias in node.names)
            case ast.With(body=body):
                yield from _names(ast.Module(body, []))
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name


def _format(root: Path, paths: Files | list[Path]) -> None:
    """Remove the imports that this product does not need, sort the others, and format."""
    names = [str(path) for path in paths]
    for command in (("check", "--quiet", "--fix", "--select", "F401,I001"), ("format", "--quiet")):
        subprocess.run(  # noqa: S603  # our own files
            [sys.executable, "-m", "ruff", *command, *names], cwd=root, check=True
        )
