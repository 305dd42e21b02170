"""Migrate the database as the documents say, and register the product and its workflow."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

from names import PRODUCT, PRODUCT_ID
from orchestrator.core.migrations.helpers import create, create_workflow
from orchestrator.core.targets import Target
from sqlalchemy import create_engine, text

MAIN = str(Path(__file__).with_name("main.py"))

for command in ("init", "upgrade heads"):
    subprocess.run([sys.executable, MAIN, "db", *command.split()], check=True)
with create_engine(os.environ["DATABASE_URI"]).begin() as connection:
    resources = {
        "group_name": ("Name of the group", str(uuid4())),
        "group_id": ("Id of the group", str(uuid4())),
    }
    create(
        connection,
        {
            "product_blocks": {
                "UserGroupBlock": {
                    "product_block_id": str(uuid4()),
                    "description": "A group of users",
                    "tag": "UG",
                    "status": "active",
                    "resources": resources,
                }
            },
            "products": {
                PRODUCT: {
                    "product_id": PRODUCT_ID,
                    "product_type": "UserGroup",
                    "description": "A group of users",
                    "tag": "UG",
                    "status": "active",
                    "product_blocks": ["UserGroupBlock"],
                    "fixed_inputs": {},
                }
            },
        },
    )
    create_workflow(
        connection,
        {
            "name": "create_user_group",
            "target": Target.CREATE,
            "description": "Create user group",
            "product_type": "UserGroup",
        },
    )
    connection.execute(text("CREATE SCHEMA group_management"))
    connection.execute(
        text(
            "CREATE TABLE group_management.groups (subscription_id uuid PRIMARY KEY,"
            " group_id integer GENERATED ALWAYS AS IDENTITY, name text NOT NULL)"
        )
    )
