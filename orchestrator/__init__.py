"""The engine: what runs processes on subscriptions, whatever the product."""
