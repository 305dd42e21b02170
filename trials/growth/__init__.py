"""`make bench-growth`: whether anything gets slower as the database grows."""
