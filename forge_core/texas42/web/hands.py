"""Hands that were played on the page and exported, read as recorded games."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.files.store import parse_json
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS
from forge_core.texas42.eq.estimate import Estimates
from forge_core.texas42.eq.generate import EQ_VERSION, records_of, start_arguments
from forge_core.texas42.eq.oracles import ExactOracle
from forge_core.texas42.eq.policies import Choices
from forge_core.texas42.eq.records import GameRecord
from forge_core.texas42.games import Games, replay, start
from forge_core.texas42.web import LEVELS
from forge_core.web.saved import open_saved

FORMAT = "forge texas42 hand 1"
"""The format that the page writes; raised when a field changes its meaning"""
_MOST_COUNT = 1 << 53
"""The largest whole number that JSON from a browser holds exactly"""


def open_hand(path: str) -> GameRecord:
    """Read a hand by the path or URL of its file. Raises BadInput and StoreUnusable; see `read_hand`."""
    return open_saved(path, "a hand exported by the page of forge play", read_hand)


def read_hand(text: bytes | str) -> GameRecord:
    """Return the game of an exported hand: its plays, and the page's estimates of every decision.

    The estimates are those of exact E[Q], as the page made them. Deal and plays are checked against the
    seed and the rules. Raises BadInput or ValueError that says what is wrong.
    """
    hand = parse_json(text)
    if not isinstance(hand, dict) or hand.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT!r}")
    try:
        seed, plays = int(str(hand["seed"])), np.array(hand["plays"])
        numbers = [hand[name] for name in ("decl", "bidder", "bid")]
        judged = list(hand["estimates"])
        page: dict[str, Any] = {"version": str(hand["page"]), "opponents": hand["opponents"]}
        deal = deal_from_seed(seed)
    except (KeyError, TypeError) as error:
        raise ValueError(f"a field is missing or malformed ({error})") from error
    if not all(type(number) is int for number in numbers):
        raise ValueError("decl, bidder or bid is not a whole number")
    if page["opponents"] not in LEVELS:
        raise ValueError(f"its opponents are none of {', '.join(LEVELS)}")
    if (player := hand.get("player")) is not None:
        if not isinstance(player, dict) or not all(isinstance(text, str) for text in player.values()):
            raise ValueError("its player is not the name and the digest of a network")
        page["player"] = player
    if deal != hand.get("deal"):
        raise ValueError(f"its deal is not that of seed {seed}")
    if plays.shape != (N_PLAYS,) or not np.issubdtype(plays.dtype, np.integer) or len(judged) != N_PLAYS:
        raise ValueError(f"it has not {N_PLAYS} plays with their estimates")
    decl, bidder, bid = numbers
    before = list(replay(start([deal], [decl], bidder, bids=bid), plays[None].astype(np.int64)))
    steps = [_step(at, int(domino), found) for at, domino, found in zip(before, plays, judged, strict=False)]
    most = max(int(estimates.n_worlds[0]) for _, estimates, _ in steps)
    oracle = ExactOracle()
    settings = {
        **oracle.describe(),
        "version": EQ_VERSION,
        "sampling": {"n_worlds": most, "enumerate_limit": most},
        "page": page,
        **start_arguments(bidder, bidder, bid),
    }
    return records_of(before[-1], steps, oracle, settings, [seed])[0]


def _step(games: Games, domino: int, found: Any) -> tuple[Games, Estimates, Choices]:
    """Return one decision as `records_of` takes it. Raises ValueError for impossible estimates."""
    legal = games.views.legal
    mean, spread, p_make = (_columns(found, name, legal) for name in ("mean", "spread", "pMake"))
    worlds, count = found.get("worlds"), found.get("count")
    if not (type(worlds) is int and type(count) is int and 1 <= worlds <= count <= _MOST_COUNT):
        raise ValueError(f"decision {games.seen.step} has {worlds!r} of {count!r} worlds")
    slot = int(np.flatnonzero(games.views.hand[0] == domino)[0])
    estimates = Estimates(
        legal=legal,
        mean=mean,
        variance=spread**2,
        p_make=p_make,
        points=None,
        ess=np.array([worlds], dtype=np.float32),
        max_weight=np.array([1 / worlds], dtype=np.float32),
        entropy=np.log(np.array([worlds], dtype=np.float32)),
        n_worlds=np.array([worlds]),
        world_count=np.array([count]),
        converged=np.array([worlds == count]),
    )
    gap = np.nanmax(mean, axis=1) - mean[:, slot]
    return games, estimates, Choices(np.array([slot]), np.zeros(1, dtype=np.int8), gap)


def _columns(found: Any, name: str, legal: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return [1, 7] numbers of an estimate, NaN where a play is illegal."""
    values = found.get(name) if isinstance(found, dict) else None
    if not isinstance(values, list) or len(values) != HAND_SIZE:
        raise ValueError(f"an estimate has no {HAND_SIZE} numbers {name}")
    if not all(value is None or (type(value) in (int, float) and abs(value) <= 100) for value in values):
        raise ValueError(f"{name} of an estimate has something other than small numbers")
    array = np.array([values], dtype=np.float32)
    if not (np.isfinite(array) == legal).all():
        raise ValueError(f"{name} of an estimate has numbers for other plays than the legal ones")
    return array
