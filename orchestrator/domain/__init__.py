"""The domain: subscriptions, products, processes, and the in-sync gate. Pure: no I/O."""
