"""`make bench-peers`: measure other engines doing the same work, next to this project."""
