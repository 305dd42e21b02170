"""What a subscription is: products, product blocks, lifecycles; pure, no I/O."""
