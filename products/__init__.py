"""What can be subscribed to: product types and product blocks; pure, no I/O."""
