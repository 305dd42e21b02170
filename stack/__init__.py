"""The embedded stack: PostgreSQL, Temporal with its Web UI, and workers, for one machine."""
