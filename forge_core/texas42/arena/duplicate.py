"""The same deals for all: what is fixed before a match, and games in lockstep between two sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.texas42.deals import check_seed, deal_from_seed
from forge_core.texas42.declarations import N_DECLARATIONS, check_declaration, has_trump_power
from forge_core.texas42.games import LOWEST_BID, Games, check_bid, start
from forge_core.texas42.players import AnyPlayer, ask
from forge_core.texas42.players.protocol import Keys
from forge_core.texas42.splits import Split, split_of
from forge_core.texas42.tables import BEATEN_BY, CALLED, LED_SUIT

DECLARE = ("hand", "seed")
"""How a declaration may come about, beside being given: see `Conditions`"""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What all games of a match have in common. Raises BadInput for contradictions.

    Seat 0 bids and leads. What players draw follows from `seed`, the deal and the
    declaration, and so is the same whoever sits there.
    """

    declare: str | int = "hand"
    """`hand`: what `suits` says of seat 0's hand; `seed`: the deal's seed % 10; or one of 0..9 for all"""
    bid: int = LOWEST_BID
    """30..42 points, or marks: 84, 126, ..."""
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.declare, str) and self.declare not in DECLARE:
            raise BadInput(f"declarations by {self.declare!r}: use {', '.join(DECLARE)}, or one of 0..9")
        if not isinstance(self.declare, str):
            check_declaration(self.declare)
        check_bid(self.bid)
        check_seed(self.seed)

    def to_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return asdict(self)

    def deal(self, seeds: Sequence[int]) -> Games:
        """The games of D seeds before their first play. Raises BadInput for a seed that is sealed."""
        sealed = next((seed for seed in seeds if split_of(seed) is Split.TEST), None)
        if sealed is not None:
            raise BadInput(f"seed {sealed} is of the test split, which is sealed: use others")
        hands = np.array([deal_from_seed(seed) for seed in seeds], dtype=np.int8).reshape(-1, 4, 7)
        if self.declare == "hand":
            decls = suits(hands[:, 0])
        elif self.declare == "seed":
            decls = np.array([seed % N_DECLARATIONS for seed in seeds], dtype=np.int64)
        else:
            decls = np.full(len(seeds), self.declare)
        return start(hands, decls, bids=self.bid)


def suits(hands: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """What suits each of N hands [N, 7] to declare, by a plain rule: [N] declarations.

    The one for which the trumps held, and the dominoes held that nothing outside the hand
    beats when they are led, are most in number together; the lowest among equals.
    """
    ids = hands.astype(np.int64)
    elsewhere = ~(np.int64(1) << ids).sum(axis=1, keepdims=True)
    strength = np.empty((len(ids), N_DECLARATIONS), dtype=np.int64)
    for decl in range(N_DECLARATIONS):
        trumps = CALLED[decl, ids] & has_trump_power(decl)
        unbeaten = (BEATEN_BY[decl, LED_SUIT[decl, ids], ids] & elsewhere) == 0
        strength[:, decl] = trumps.sum(axis=1) + unbeaten.sum(axis=1)
    return strength.argmax(axis=1)


def play_out(
    games: Games,
    players: Sequence[AnyPlayer],
    sides: npt.NDArray[np.int64],
    keys: Keys,
    on_step: Callable[[int], None] | None = None,
) -> Games:
    """Play N games to their end in lockstep.

    sides [N, 2]: which of `players` is team 0, which team 1; keys [N] of what is drawn in each
    game (see `eq.game_keys`). on_step: told of each step done, 0..27. A game is a function
    of its deal, contract, players and key; the last digit of a network's answer, and so a
    choice between equals, may depend on how many are asked at once.
    """
    rows = np.arange(len(games))
    while len(games) and not games.over:
        on_turn = sides[rows, games.seen.turn % 2]
        slots = np.empty(len(games), dtype=np.int64)
        for which in np.unique(on_turn):
            mine = np.flatnonzero(on_turn == which)
            slots[mine] = ask(players[which], games.take(mine), keys[mine])
        step = games.seen.step
        games = games.play(slots)
        if on_step:
            on_step(step)
    return games


def held_out_seeds(n: int) -> list[int]:
    """The first n seeds that no network learns from, and that are not sealed."""
    if n < 0:
        raise BadInput(f"{n} deals: use at least 0")
    seeds, seed = [], 0
    while len(seeds) < n:
        if split_of(seed) is Split.VAL:
            seeds.append(seed)
        seed += 1
    return seeds
