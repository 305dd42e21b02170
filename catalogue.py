"""Everything that this project can do, product by product: the one list that a new product is added to.

The classes of a product are imported here. Its workflows and activities are imported when they are asked for:
a command that only reads subscriptions does without them, and without Temporal's SDK.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, get_type_hints

from orchestrator.domain.process import Target
from orchestrator.domain.subscription import SubscriptionModel
from products.product_types.user import User
from products.product_types.user_group import UserGroup

if TYPE_CHECKING:
    from orchestrator.process.forms import StartForm
    from orchestrator.process.frame import ProcessFrame
    from orchestrator.process.ledger import Ledger
    from orchestrator.process.starting import Startable


class HasTarget(Protocol):
    """A workflow class with a target."""

    target: ClassVar[Target]


@dataclass(frozen=True)
class Parts:
    """What a worker runs for the products of one type."""

    workflows: "tuple[type[ProcessFrame], ...]"
    activities: "Callable[[Ledger, Any], object]"
    """Makes the activities of its own steps, from the ledger and the client of its external system."""


@dataclass(frozen=True)
class CatalogueEntry:
    """What can be done with the products of one type."""

    command: str
    """The name of the product on the command line."""
    subscription: type[SubscriptionModel]
    """Any class of the product type: what every process works on."""
    external_system: str
    """The system that its subscriptions are provisioned in; its capitals name its settings."""
    parts: Callable[[], Parts]
    """Imports its workflows and activities."""

    @property
    def product_type(self) -> str:
        """The product type, as the database knows it."""
        return self.subscription.product_type

    @property
    def workflows(self) -> "tuple[type[ProcessFrame], ...]":
        """Its workflows."""
        return self.parts().workflows

    @property
    def activities(self) -> "Callable[[Ledger, Any], object]":
        """What makes the activities of its own steps."""
        return self.parts().activities

    def workflow(self, target: Target) -> "type[ProcessFrame] | None":
        """Return the workflow for this target, or `None` if the product has none."""
        return next((found for found in self.workflows if found.target is target), None)


def _user_group() -> Parts:
    from activities.user_group import UserGroupActivities
    from workflows.user_group.create_user_group import CreateUserGroup
    from workflows.user_group.modify_user_group import ModifyUserGroup
    from workflows.user_group.terminate_user_group import TerminateUserGroup
    from workflows.user_group.validate_user_group import ValidateUserGroup

    return Parts(
        workflows=(CreateUserGroup, ModifyUserGroup, TerminateUserGroup, ValidateUserGroup),
        activities=UserGroupActivities,
    )


def _user() -> Parts:
    from activities.user import UserActivities
    from workflows.user.create_user import CreateUser
    from workflows.user.modify_user import ModifyUser
    from workflows.user.terminate_user import TerminateUser
    from workflows.user.validate_user import ValidateUser

    return Parts(workflows=(CreateUser, ModifyUser, TerminateUser, ValidateUser), activities=UserActivities)


CATALOGUE: Sequence[CatalogueEntry] = (
    CatalogueEntry(
        command="user-group",
        subscription=UserGroup,
        external_system="group_management",
        parts=_user_group,
    ),
    CatalogueEntry(
        command="user",
        subscription=User,
        external_system="user_management",
        parts=_user,
    ),
)


def workflows(catalogue: Sequence[CatalogueEntry] = CATALOGUE) -> "list[type[ProcessFrame]]":
    """Return every workflow that is a process on one subscription."""
    return [one for entry in catalogue for one in entry.workflows]


def registered_workflows(catalogue: Sequence[CatalogueEntry] = CATALOGUE) -> list[type[HasTarget]]:
    """Return everything that a worker runs: the processes, and what operators start beside them."""
    from orchestrator.operations.apply_rows import ApplyRows
    from orchestrator.operations.clean_up import CleanUp
    from orchestrator.operations.mending import Reconcile, SetInSync
    from orchestrator.operations.start_later import StartLater
    from orchestrator.operations.validate_subscriptions import ValidateSubscriptions

    beside = (ValidateSubscriptions, ApplyRows, SetInSync, Reconcile, CleanUp, StartLater)
    return [*workflows(catalogue), *beside]


def startable_workflows(catalogue: Sequence[CatalogueEntry] = CATALOGUE) -> "dict[str, Startable]":
    """Return what a file and a scheduled start can start: every process on one subscription, by type."""
    from orchestrator.process.starting import Startable

    return {
        workflow_type(one): Startable(form_of(one), one.target, entry.subscription)
        for entry in catalogue
        for one in entry.workflows
    }


def validating_workflows(catalogue: Sequence[CatalogueEntry] = CATALOGUE) -> dict[str, str]:
    """Return the workflow type that validates, by product type."""
    found = {entry.product_type: entry.workflow(Target.VALIDATE) for entry in catalogue}
    return {
        product_type: workflow_type(definition) for product_type, definition in found.items() if definition
    }


def entry_of(product_type: str, catalogue: Sequence[CatalogueEntry] = CATALOGUE) -> CatalogueEntry | None:
    """Return the entry of a product type, or `None` if it is in no catalogue."""
    return next((entry for entry in catalogue if entry.product_type == product_type), None)


def definition_of(entry: CatalogueEntry, target: Target) -> "type[ProcessFrame]":
    """Return the workflow for this target, which the product must have."""
    definition = entry.workflow(target)
    assert definition is not None, f"{entry.command} has no workflow for {target}"
    return definition


def external_systems(catalogue: Sequence[CatalogueEntry] = CATALOGUE) -> tuple[str, ...]:
    """Return the names of the external systems, in the order of the catalogue, each once."""
    return tuple(dict.fromkeys(entry.external_system for entry in catalogue))


def workflow_type(definition: type[HasTarget]) -> str:
    """Return the name under which Temporal knows the workflow."""
    from temporalio import workflow

    name = workflow._Definition.must_from_class(definition).name  # noqa: SLF001  # the SDK has no public way
    assert name is not None
    return name


def form_of(definition: "type[ProcessFrame]") -> "type[StartForm]":
    """Return the input form of the workflow."""
    form: type[StartForm] = get_type_hints(definition.run)["form"]  # type: ignore[attr-defined]
    return form
