"""What subscriptions, products and processes are, and which process may start; pure, no I/O."""
