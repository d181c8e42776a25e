"""Positions as tokens for a network: `encoder` for one who sees all hands."""
