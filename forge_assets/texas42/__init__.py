"""The assets of Texas 42."""
