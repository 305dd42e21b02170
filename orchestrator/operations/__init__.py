"""Operations outside of processes: find lost processes, set subscriptions in sync, validate all."""
