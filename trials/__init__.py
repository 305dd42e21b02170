"""The trials: run a whole system under faults or load, audit the result, and measure it."""
