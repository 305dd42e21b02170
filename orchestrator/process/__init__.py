"""The frame of every process: its forms, steps, ledger and endings."""
