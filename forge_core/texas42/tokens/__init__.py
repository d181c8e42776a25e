"""Positions as tokens for a network: `encoder` where all hands are seen, `transcript` where one hand is."""
