"""Make the schema of DBOS by a first launch, and the tables of the steps."""

from application import TABLES, external, launch
from dbos import DBOS
from sqlalchemy import text

with external.begin() as connection:
    connection.execute(text(TABLES))
launch()
DBOS.destroy()
