"""Everything that this project can do, product by product: the one list that a new product is added to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, get_type_hints

from temporalio import workflow

from activities.user import UserActivities
from activities.user_group import UserGroupActivities
from orchestrator.domain.process import Target
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.operations.validate_subscriptions import ValidateSubscriptions
from orchestrator.process.forms import StartForm
from orchestrator.process.frame import ProcessFrame
from orchestrator.process.ledger import Ledger
from products.product_types.user import User
from products.product_types.user_group import UserGroup
from workflows.user.create_user import CreateUser
from workflows.user.modify_user import ModifyUser
from workflows.user.terminate_user import TerminateUser
from workflows.user.validate_user import ValidateUser
from workflows.user_group.create_user_group import CreateUserGroup
from workflows.user_group.modify_user_group import ModifyUserGroup
from workflows.user_group.terminate_user_group import TerminateUserGroup
from workflows.user_group.validate_user_group import ValidateUserGroup


class HasTarget(Protocol):
    """A workflow class with a target."""

    target: ClassVar[Target]


@dataclass(frozen=True)
class CatalogueEntry:
    """What can be done with the products of one type."""

    command: str
    """The name of the product on the command line."""
    subscription: type[SubscriptionModel]
    """Any class of the product type: what every process works on."""
    workflows: tuple[type[ProcessFrame], ...]
    external_system: str
    """The system that its subscriptions are provisioned in; its capitals name its settings."""
    activities: Callable[[Ledger, Any], object]
    """Creates the activities of its own steps, from the ledger and the client of that system."""

    @property
    def product_type(self) -> str:
        """The product type, as the database knows it."""
        return self.subscription.product_type

    def workflow(self, target: Target) -> type[ProcessFrame] | None:
        """Return the workflow for this target, or `None` if the product has none."""
        return next((found for found in self.workflows if found.target is target), None)


CATALOGUE: Sequence[CatalogueEntry] = (
    CatalogueEntry(
        command="user-group",
        subscription=UserGroup,
        workflows=(CreateUserGroup, ModifyUserGroup, TerminateUserGroup, ValidateUserGroup),
        external_system="group_management",
        activities=UserGroupActivities,
    ),
    CatalogueEntry(
        command="user",
        subscription=User,
        workflows=(CreateUser, ModifyUser, TerminateUser, ValidateUser),
        external_system="user_management",
        activities=UserActivities,
    ),
)


def workflows(catalogue: Sequence[CatalogueEntry] = CATALOGUE) -> list[type[ProcessFrame]]:
    """Return every workflow that is a process on one subscription."""
    return [one for entry in catalogue for one in entry.workflows]


def registered_workflows(catalogue: Sequence[CatalogueEntry] = CATALOGUE) -> list[type[HasTarget]]:
    """Return everything that a worker runs: the processes, and what starts many of them."""
    return [*workflows(catalogue), ValidateSubscriptions]


def validating_workflows(catalogue: Sequence[CatalogueEntry] = CATALOGUE) -> dict[str, str]:
    """Return the workflow type that validates, by product type."""
    found = {entry.product_type: entry.workflow(Target.VALIDATE) for entry in catalogue}
    return {
        product_type: workflow_type(definition) for product_type, definition in found.items() if definition
    }


def entry_of(product_type: str, catalogue: Sequence[CatalogueEntry] = CATALOGUE) -> CatalogueEntry | None:
    """Return the entry of a product type, or `None` if it is in no catalogue."""
    return next((entry for entry in catalogue if entry.product_type == product_type), None)


def definition_of(entry: CatalogueEntry, target: Target) -> type[ProcessFrame]:
    """Return the workflow for this target, which the product must have."""
    definition = entry.workflow(target)
    assert definition is not None, f"{entry.command} has no workflow for {target}"
    return definition


def external_systems(catalogue: Sequence[CatalogueEntry] = CATALOGUE) -> tuple[str, ...]:
    """Return the names of the external systems, in the order of the catalogue, each once."""
    return tuple(dict.fromkeys(entry.external_system for entry in catalogue))


def workflow_type(definition: type[HasTarget]) -> str:
    """Return the name under which Temporal knows the workflow."""
    name = workflow._Definition.must_from_class(definition).name  # noqa: SLF001  # the SDK has no public way
    assert name is not None
    return name


def form_of(definition: type[ProcessFrame]) -> type[StartForm]:
    """Return the input form of the workflow."""
    form: type[StartForm] = get_type_hints(definition.run)["form"]  # type: ignore[attr-defined]
    return form
