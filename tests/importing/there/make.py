"""Make a database of orchestrator-core with its own migrations and workflows: what an import may meet.

It is run in an environment with orchestrator-core, with `DATABASE_URI` and the path of the command line that
migrates.
"""

import os
import subprocess
import sys
from uuid import UUID, uuid4

import workshop
from orchestrator.core import OrchestratorCore
from orchestrator.core.db import ProcessTable, SubscriptionTable, db
from orchestrator.core.migrations.helpers import create, create_workflow
from orchestrator.core.services.processes import abort_process, start_process
from orchestrator.core.settings import app_settings
from orchestrator.core.targets import Target
from orchestrator.core.workflows import LazyWorkflowInstance
from sqlalchemy import create_engine

GROUP, MAIL_LIST, INTERNAL, EXTERNAL = (str(uuid4()) for _ in range(4))
WORKFLOWS = {
    "create_user_group": (Target.CREATE, "UserGroup"),
    "modify_user_group": (Target.MODIFY, "UserGroup"),
    "ask_about_user_group": (Target.MODIFY, "UserGroup"),
    "disable_user_group": (Target.MODIFY, "UserGroup"),
    "reconcile_user_group": (Target.RECONCILE, "UserGroup"),
    "validate_user_group": (Target.VALIDATE, "UserGroup"),
    "terminate_user_group": (Target.TERMINATE, "UserGroup"),
    "create_user": (Target.CREATE, "User"),
    "terminate_user": (Target.TERMINATE, "User"),
}


def product(product_id: str, kind: str, tag: str, block: str, **fixed_inputs: str) -> dict[str, object]:
    """Return a product as a migration describes it."""
    return {
        "product_id": product_id,
        "product_type": kind,
        "description": f"{kind} administration",
        "tag": tag,
        "status": "active",
        "product_blocks": [block],
        "fixed_inputs": {name: (value, str(uuid4())) for name, value in fixed_inputs.items()},
    }


def block(tag: str, *resource_types: str, depends_on: list[str]) -> dict[str, object]:
    """Return a product block as a migration describes it."""
    return {
        "product_block_id": str(uuid4()),
        "description": f"Block {tag}",
        "tag": tag,
        "status": "active",
        "resources": {name: (name, str(uuid4())) for name in resource_types},
        "depends_on_block_relations": depends_on,
    }


def migrate(command_line: str) -> None:
    """Make the schema, the products and the workflows."""
    for command in ("init", "upgrade heads"):
        subprocess.run([sys.executable, command_line, "db", *command.split()], check=True)
    with create_engine(os.environ["DATABASE_URI"]).begin() as connection:
        create(
            connection,
            {
                "product_blocks": {
                    "UserGroupBlock": block("UGB", "group_name", "group_id", depends_on=[]),
                    "UserBlock": block("UB", "username", "age", "user_id", depends_on=["UserGroupBlock"]),
                },
                "products": {
                    "User Group": product(GROUP, "UserGroup", "GROUP", "UserGroupBlock"),
                    "Mail list": product(MAIL_LIST, "UserGroup", "LIST", "UserGroupBlock"),
                    "User internal": product(
                        INTERNAL, "User", "USER_INT", "UserBlock", affiliation="internal"
                    ),
                    "User external": product(
                        EXTERNAL, "User", "USER_EXT", "UserBlock", affiliation="external"
                    ),
                },
            },
        )
        for name, (target, kind) in WORKFLOWS.items():
            create_workflow(
                connection,
                {"name": name, "target": target, "description": name, "product_type": kind},
            )


def run(workflow: str, *pages: dict[str, object], user: str = "alice") -> UUID:
    """Run a workflow until it ends, fails or waits; return the id of its process."""
    return start_process(workflow, [*pages], user=user)


def subscription_of(process_id: UUID) -> str:
    """Return the subscription that the process is related to."""
    with db.database_scope():
        return str(db.session.get(ProcessTable, process_id).process_subscriptions[0].subscription_id)


def group(name: str, product_id: str = GROUP, fails_at: str = "") -> str:
    """Create a user group; return its id."""
    form = {"group_name": name, "fails_at": fails_at}
    return subscription_of(run("create_user_group", {"product": product_id}, form))


def user(name: str, of: str, product_id: str, age: int | None = None) -> str:
    """Create a user; return its id."""
    form = {"username": name, "group": of, "age": age}
    return subscription_of(run("create_user", {"product": product_id}, form))


def change(subscription_id: str, **columns: object) -> None:
    """Change columns of a subscription, as the API and people with SQL do."""
    with db.database_scope():
        for name, value in columns.items():
            setattr(db.session.get(SubscriptionTable, subscription_id), name, value)
        db.session.commit()


def fill() -> None:
    """Make subscriptions in every state, by workflows."""
    operators = group("Network operators")
    for number in range(1, 41):
        user(f"user{number}", operators, INTERNAL if number % 2 else EXTERNAL, 20 + number)
    on = lambda one: {"subscription_id": one}  # noqa: E731
    run("modify_user_group", on(operators), {"group_name": "Operators"}, user="bob")
    run("validate_user_group", on(operators))
    run("reconcile_user_group", on(operators))
    change(operators, note="Call them before noon.\nThen send a mail.")

    ended = group("Ended")
    run("terminate_user", on(user("gone", ended, EXTERNAL)))
    run("terminate_user_group", on(ended))
    group("Half made", fails_at="provision")
    group("Just begun", fails_at="initialize")
    run("validate_user_group", on(group("Differs")))
    change(group("Set out of sync by hand"), insync=False)

    aborted = run("create_user_group", {"product": GROUP}, {"group_name": "Aborted", "fails_at": "provision"})
    with db.database_scope():
        abort_process(db.session.get(ProcessTable, aborted), "carol")
    run("ask_about_user_group", on(group("Waits for a person")))
    run("disable_user_group", on(group("Disabled")))
    lost = group("Without its customer")
    user("lonely", lost, INTERNAL)
    change(lost, customer_id="SURF")
    group("All of us", MAIL_LIST)
    run("task_clean_up_tasks", {})


if __name__ == "__main__":
    migrate(sys.argv[1])
    app_settings.TESTING = True  # the processes run in this thread
    OrchestratorCore(base_settings=app_settings)
    for name in WORKFLOWS:
        LazyWorkflowInstance(workshop.__name__, name)
    fill()
