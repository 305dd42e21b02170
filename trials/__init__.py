"""The trials: run a whole system under faults or load, audit what became of it, and measure it."""
