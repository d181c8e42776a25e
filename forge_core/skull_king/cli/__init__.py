"""The verbs of `forge skull-king`."""
