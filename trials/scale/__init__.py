"""What a create needs with one, two and four workers, and what many creates per second would need."""
