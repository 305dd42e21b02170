"""The names of a new product, and those that it cannot have."""

import keyword
import re

from orchestrator.domain.product_block import ProductBlock
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.forms import CreateForm, ModifyForm
from scaffold.errors import CannotWrite

LONGEST, LONGEST_PRODUCT = 30, 19
"""Characters of a name, and of that of a product: longer ones do not fit on the lines of the code."""

OF_COMMANDS = frozenset(
    {
        *("as_json", "at", "dry_run", "field", "help", "in", "no_wait", "open", "opens", "process_id"),
        *("within", "yes"),
    }
)
"""Options of the commands; a field of the same name could not be given there."""

OF_POSTGRESQL = frozenset({"information_schema", "none", "postgres", "public"})
"""Roles or schemas that every database has; the fake of a system makes a role and a schema of its name."""


def words(name: str) -> str:
    """Return a name as words: `mail_box` and `MailBox` are a mail box."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.replace("_", " ")).lower()


def camel(name: str) -> str:
    """Return a name as that of a class."""
    return "".join(part.capitalize() for part in name.split("_"))


def article(text: str) -> str:
    """Return "a" or "an", whichever stands before these words: an account, a user."""
    return "an" if re.match(r"[aeio]|u(?![a-z][aeiou])", text) else "a"


def require_name(name: str, what: str, longest: int = LONGEST) -> None:
    """Require that files, classes and functions can have the name.

    Raises:
        CannotWrite: if they cannot.
    """
    if not re.fullmatch(r"[a-z](_?[a-z0-9])*", name) or len(name) > longest:
        raise CannotWrite(
            f"{name!r} is no name of a {what}; use small letters, digits and single underscores, "
            f"at most {longest}"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise CannotWrite(f"{name!r} is a keyword of Python; give the {what} another name")


def require_product_name(name: str) -> None:
    """Require that a product can have the name; raise `CannotWrite` if it cannot."""
    require_name(name, "product", LONGEST_PRODUCT)
    if name in SubscriptionModel.model_fields or hasattr(SubscriptionModel, name):
        raise CannotWrite(f"Every subscription has its own {name!r}; give the product another name")


def require_system_name(name: str) -> None:
    """Require that an external system can have the name; raise `CannotWrite` if it cannot."""
    require_name(name, "system")
    if name in OF_POSTGRESQL or name.startswith("pg_"):
        raise CannotWrite(f"PostgreSQL has its own {name!r}; give the system another name")


def require_field_name(name: str, product: str) -> None:
    """Require that a field of this product can have the name; raise `CannotWrite` if it cannot."""
    require_name(name, "field")
    models = (ProductBlock, CreateForm, ModifyForm)
    if name in OF_COMMANDS or any(name in one.model_fields or hasattr(one, name) for one in models):
        raise CannotWrite(f"Every form or block has its own {name!r}; give the field another name")
    if name in {product, f"{product}_id"}:
        raise CannotWrite(f"{name!r} is written anyway; give the field another name")
