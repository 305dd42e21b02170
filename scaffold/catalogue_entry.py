"""Adds the entry of a new product to the text of `catalogue.py`."""

import ast

from scaffold.errors import CannotWrite
from scaffold.product import NewProduct

TYPES = "products.product_types."
VERBS = ("Create", "Modify", "Terminate", "Validate")


def with_entry(text: str, product: NewProduct) -> str:
    """Return the text of the catalogue with the product at its end.

    Raises:
        CannotWrite: if the text has another shape; the message says what to add by hand.
    """
    try:
        lines = text.splitlines()
        for add in (_add_entry, _add_parts, _add_import):  # from the end, so that line numbers stay right
            add(ast.parse(text), lines, product)
        return "\n".join(lines) + "\n"
    except (SyntaxError, StopIteration) as error:
        added = "\n\n\n".join((_import(product), _parts(product), _entry(product)))
        raise CannotWrite(
            "catalogue.py has a shape that this program does not know. Add this to it yourself, the entry at "
            f"the end of CATALOGUE:\n\n{added}"
        ) from error


def _add_entry(tree: ast.Module, lines: list[str], product: NewProduct) -> None:
    last = _catalogue(tree).value.end_lineno  # type: ignore[union-attr]  # `_is_catalogue` requires a value
    assert last is not None
    if lines[last - 1].endswith("= ()"):
        lines[last - 1] = f"{lines[last - 1].removesuffix('()')}(\n{_entry(product)}\n)"
    elif lines[last - 1] == ")":
        lines.insert(last - 1, _entry(product))
    else:
        raise StopIteration


def _add_parts(tree: ast.Module, lines: list[str], product: NewProduct) -> None:
    lines.insert(_catalogue(tree).lineno - 1, f"{_parts(product)}\n\n")


def _add_import(tree: ast.Module, lines: list[str], product: NewProduct) -> None:
    module = f"{TYPES}{product.name}"
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    later = (node for node in imports if (node.module or "").startswith(TYPES) and str(node.module) > module)
    after = next(later, None)
    if after is not None:
        lines.insert(after.lineno - 1, _import(product))
        return
    last = max((node.end_lineno or 0 for node in imports), default=0)
    if not last:
        raise StopIteration
    lines.insert(last, _import(product))


def _catalogue(tree: ast.Module) -> ast.AnnAssign:
    return next(node for node in tree.body if isinstance(node, ast.AnnAssign) and _is_catalogue(node))


def _is_catalogue(node: ast.AnnAssign) -> bool:
    return (
        isinstance(node.target, ast.Name)
        and node.target.id == "CATALOGUE"
        and isinstance(node.value, ast.Tuple)
    )


def _import(product: NewProduct) -> str:
    return f"from {TYPES}{product.name} import {product.type}"


def _parts(product: NewProduct) -> str:
    name, kind = product.name, product.type
    imports = "\n".join(
        f"    from workflows.{name}.{verb.lower()}_{name} import {verb}{kind}" for verb in VERBS
    )
    return (
        f"def _{name}() -> Parts:\n"
        f"    from activities.{name} import {kind}Activities\n"
        f"{imports}\n\n"
        f"    return Parts(workflows=({', '.join(f'{verb}{kind}' for verb in VERBS)}), "
        f"activities={kind}Activities)"
    )


def _entry(product: NewProduct) -> str:
    return (
        "    CatalogueEntry(\n"
        f'        command="{product.command}",\n'
        f"        subscription={product.type},\n"
        f'        external_system="{product.system}",\n'
        f"        parts=_{product.name},\n"
        "    ),"
    )
