"""`make bench`: what a process costs, beside what Temporal and PostgreSQL cost anyway."""
