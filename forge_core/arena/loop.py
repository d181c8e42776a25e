"""The loop of a match: stored games are found, missing ones played, block by block, until all is known.

A match plays each seed in every arrangement of the seats; the games of a seed are one observation.
Seeds come in blocks, and a test may end a match only after a block: so neither the size of a
batch nor what was stored before changes a result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, groupby
from math import inf
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from forge_core.arena.settings import DEFAULT_BATCH
from forge_core.errors import BadInput
from forge_core.stats import Sprt, Verdict


class Results(Protocol):
    """Games that are over, one per seed, all in one arrangement of the seats; seeds ascending."""

    @property
    def seed(self) -> npt.NDArray[np.int64]:
        """[D]."""
        ...

    def take(self, index: Any) -> Self:
        """Return the games at `index`: whole numbers or a mask."""
        ...

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return the games of several, by seed; their seeds differ."""
        ...


R = TypeVar("R", bound=Results)


class GameSource(Protocol[R]):
    """Plays the games of one match, and finds and keeps them if it has a store."""

    @property
    def arrangements(self) -> int:
        """Number of arrangements of the seats in which each seed is played."""
        ...

    @property
    def block(self) -> int:
        """Number of consecutive seeds that are found, kept and tested together."""
        ...

    def find(self, arrangement: int, seed: int) -> R | None:
        """Return the stored games of the block of a seed; None if there are none."""
        ...

    def play(self, wanted: Sequence[tuple[int, Sequence[int]]]) -> list[R]:
        """Play games, all in one lockstep: (arrangement, seeds) -> the results of each."""
        ...

    def keep(self, arrangement: int, results: R) -> None:
        """Store all games of a block that are known."""
        ...


def play_seeds(
    source: GameSource[R],
    seeds: Sequence[int],
    outcomes: Callable[[Sequence[R]], npt.ArrayLike] | None = None,
    sprt: Sprt | None = None,
    batch: int = DEFAULT_BATCH,
    on_found: Callable[[int], None] | None = None,
) -> tuple[list[list[R]], Sprt | None]:
    """Play each seed in every arrangement, or as many blocks of seeds as `sprt` needs for a verdict.

    Returns the results block by block, [block][arrangement], and the state of the test. outcomes:
    the results of a block -> one number per seed for `sprt`. batch: seeds in lockstep; changes no
    result. on_found: called with the number of games that need not be played, before the others of
    a batch are. Raises BadInput for seeds that repeat.
    """
    seeds = sorted(seeds)
    if len(set(seeds)) != len(seeds):
        raise BadInput("a match plays each seed once: leave out the repeated ones")
    played: list[list[R]] = []
    for blocks in _batches(seeds, source.block, batch):
        for block in zip(*_play_blocks(source, blocks, on_found), strict=True):
            played.append(list(block))
            if sprt and outcomes:
                sprt = sprt.add(outcomes(block))
                if sprt.verdict is not Verdict.CONTINUE:
                    return played, sprt
    return played, sprt


def _batches(seeds: Sequence[int], block: int, batch: int) -> Iterator[list[list[int]]]:
    """Yield blocks of seeds, together `batch` seeds or somewhat more."""
    blocks: list[list[int]] = []
    for _, same_block in groupby(seeds, lambda seed: seed // block):
        blocks.append(list(same_block))
        if sum(map(len, blocks)) >= batch:
            yield blocks
            blocks = []
    if blocks:
        yield blocks


def _play_blocks(
    source: GameSource[R], blocks: Sequence[list[int]], on_found: Callable[[int], None] | None
) -> list[list[R]]:
    """Return the results of some blocks, [arrangement][block]; the missing games share one lockstep."""
    units = [(arrangement, block) for arrangement in range(source.arrangements) for block in blocks]
    stored = [source.find(arrangement, block[0]) for arrangement, block in units]
    known = [set() if found is None else set(found.seed.tolist()) for found in stored]
    missing = [
        [seed for seed in block if seed not in seeds] for (_, block), seeds in zip(units, known, strict=True)
    ]
    if on_found:
        on_found(sum(len(block) for _, block in units) - sum(map(len, missing)))
    wanted = [(arrangement, new) for (arrangement, _), new in zip(units, missing, strict=True) if new]
    new_results = iter(source.play(wanted) if wanted else ())
    results: list[R] = []
    for (arrangement, block), found, new in zip(units, stored, missing, strict=True):
        if new:
            played = next(new_results)
            found = played if found is None else type(played).join([found, played])
            source.keep(arrangement, found)
        assert found is not None
        results.append(found.take(np.isin(found.seed, block)))
    n = len(blocks)
    return [results[first : first + n] for first in range(0, len(results), n)]


def who_is_better(margin: float, most: float = inf) -> Sprt:
    """Return a test that ends when it is clear which of two players is better by `margin` per seed.

    It errs in 5 % of matches that are so close. Raises BadInput unless 0 < margin < most.
    """
    if not 0 < margin < most:
        below = f" and less than {most:g}" if most < inf else ""
        raise BadInput(f"a margin of {margin}: use more than 0{below}")
    return Sprt(-margin, margin)


class Named(Protocol):
    """Anything with the name of a player."""

    @property
    def name(self) -> str:
        """The name that reports print."""
        ...


def require_different_names(players: Sequence[Named]) -> None:
    """Raise BadInput if two players have one name."""
    names = [player.name for player in players]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        raise BadInput(f"{repeated} would play itself: name each player once")


P = TypeVar("P", bound=Named)
M = TypeVar("M")


def play_all(players: Sequence[P], play: Callable[[P, P], M]) -> list[M]:
    """Play every player against every other by `play`.

    Raises BadInput for fewer than two players, or more than two of whom two have one name.
    """
    if len(players) < 2:
        raise BadInput(f"a match of {len(players)} players: name at least two")
    if len(players) > 2:
        require_different_names(players)
    return [play(a, b) for a, b in combinations(players, 2)]
