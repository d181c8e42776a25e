"""Positions as tokens for a network: `encoder` if all hands are visible, `transcript` if only one is."""
