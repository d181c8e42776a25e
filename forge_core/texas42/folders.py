"""The folders in a store, relative to its root."""

from __future__ import annotations

STANDARD_SHARDS = "shards-standard"
MARGINALIZED_SHARDS = "shards-marginalized"
GOLDEN_SHARDS = "shards-golden"
TOKENS_FOLDER = "tokenized"
"""training rows made from shards"""
GAMES_FOLDER = "eq-games"
GAME_ROWS_FOLDER = "tokenized-eq"
"""training rows made from games"""
BIDDING_FOLDER = "bidding-results"
MATCHES_FOLDER = "matches"
PAGE_FOLDER = "play-page"
"""the page of `forge play` with the champion inside"""


def shards_folder(kind: str) -> str:
    """Return the folder for shards of a kind: standard, marginalized or golden."""
    return f"shards-{kind}"
