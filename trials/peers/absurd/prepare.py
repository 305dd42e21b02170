"""Make the schema and the queue with Absurd's own program, and the tables of the steps."""

import subprocess
import sys
from pathlib import Path

import psycopg
from task import QUEUE, TABLES, URL

PROGRAM = str(Path(sys.executable).with_name("absurdctl"))

subprocess.run([PROGRAM, "init", "--database", URL], check=True)
subprocess.run([PROGRAM, "create-queue", "--database", URL, QUEUE], check=True)
with psycopg.connect(URL) as connection:
    connection.execute(TABLES)
