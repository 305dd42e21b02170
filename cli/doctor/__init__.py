"""The checks of `starter.py doctor`: each asks one question, changes nothing, and names a remedy."""
