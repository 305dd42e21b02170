"""PostgreSQL: schema, migrations and queries. A query takes a connection; its caller owns the transaction."""
