"""Computes: games, their exact oracles, learning from them. Knows nothing of orchestration."""
