"""The loop of a match: for each block of seeds, load the stored games and play the missing ones.

A match plays each seed in every seat arrangement, and the games of a seed are one observation. A
test can end a match only after a whole block, so that neither the batch size nor the games already
stored change a result.
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
    """Results of finished games in one seat arrangement, one per seed, in ascending order of seed."""

    @property
    def seed(self) -> npt.NDArray[np.int64]:
        """[D] The seeds of the games."""
        ...

    def take(self, index: Any) -> Self:
        """Return the games at `index`: whole numbers or a mask."""
        ...

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Merge several results, which have no seeds in common, in order of seed."""
        ...


R = TypeVar("R", bound=Results)


class GameSource(Protocol[R]):
    """The source of a match's games: it plays them and, if it has a store, loads and saves them."""

    @property
    def arrangements(self) -> int:
        """The number of seat arrangements in which each seed is played."""
        ...

    @property
    def block(self) -> int:
        """The number of consecutive seeds that are loaded, saved and tested together."""
        ...

    def find(self, arrangement: int, seed: int) -> R | None:
        """Return the stored games of the block that contains a seed; None if there are none."""
        ...

    def play(self, wanted: Sequence[tuple[int, Sequence[int]]]) -> list[R]:
        """Play the games of each (arrangement, seeds) in one lockstep; return the results of each."""
        ...

    def keep(self, arrangement: int, results: R) -> None:
        """Store all known games of a block."""
        ...


def play_seeds(
    source: GameSource[R],
    seeds: Sequence[int],
    outcomes: Callable[[Sequence[R]], npt.ArrayLike] | None = None,
    sprt: Sprt | None = None,
    batch: int = DEFAULT_BATCH,
    on_found: Callable[[int], None] | None = None,
) -> tuple[list[list[R]], Sprt | None]:
    """Play each seed in every arrangement, or only as many blocks as `sprt` needs for a verdict.

    Returns the results by block, [block][arrangement], and the state of the test. outcomes: converts
    the results of a block to one number per seed for `sprt`. batch: seeds played in lockstep; does not
    change results. on_found: called for each batch, before it is played, with the number of games
    already stored. Raises BadInput if a seed repeats.
    """
    seeds = sorted(seeds)
    if len(set(seeds)) != len(seeds):
        raise BadInput("seeds: a match plays each seed only once, so leave out repeated ones")
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
    """Yield groups of whole blocks with at least `batch` seeds each, except the last."""
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
    """Return the results of blocks, [arrangement][block], playing missing games in one lockstep."""
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
    """Return a test that ends when one of two players is shown to be better by `margin` per seed.

    It errs in 5 % of matches between players that differ by exactly `margin`. Raises BadInput unless
    0 < margin < most.
    """
    if not 0 < margin < most:
        below = f" and less than {most:g}" if most < inf else ""
        raise BadInput(f"margin {margin}: use more than 0{below}")
    return Sprt(-margin, margin)


class Named(Protocol):
    """Anything that has a player's name."""

    @property
    def name(self) -> str:
        """The name used in reports."""
        ...


def require_different_names(players: Sequence[Named]) -> None:
    """Raise BadInput if two players share a name."""
    names = [player.name for player in players]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        raise BadInput(f"player {repeated} would play itself: name each player once")


P = TypeVar("P", bound=Named)
M = TypeVar("M")


def play_all(players: Sequence[P], play: Callable[[P, P], M]) -> list[M]:
    """Call `play` for every pair of players and return the matches.

    Raises BadInput if there are fewer than two players, or more than two and two share a name.
    """
    if len(players) < 2:
        raise BadInput(
            f"{len(players)} player{'' if len(players) == 1 else 's'}: name at least two for a match"
        )
    if len(players) > 2:
        require_different_names(players)
    return [play(a, b) for a, b in combinations(players, 2)]
