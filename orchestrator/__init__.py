"""The engine: runs processes on subscriptions and knows no product."""
