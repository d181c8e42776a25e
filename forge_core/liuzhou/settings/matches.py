"""Settings of matches and of the ladder of Liuzhou."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.arena import settings as arena
from forge_core.errors import BadInput
from forge_core.ranges import whole
from forge_core.settings import like, setting

DEFAULT_PAIRS = 200
"""pairs of two games each: the interval of a score is then about 0.05 wide to either side"""
DEFAULT_OPENING, LONGEST_OPENING = 4, 30
"""random actions: four, which have 1.4 million outcomes, make no shape; thirty nearly fill the board"""
MATCH_SIMS = 256
"""simulations per action of a player that searches, unless its name says otherwise"""
DEFAULT_PLAYOUTS, MOST_PLAYOUTS = 256, 1_000_000
"""random games per action of `playouts`; more than the most is a typing error"""
LADDER_SIMS = 32
"""simulations per action of a network on the ladder: the number used for the figures in the documentation"""
ANCHOR = "random"
"""the player whose Elo rating is 0"""
DEFAULT_MARGIN = 0.1
"""a score of .55 against one of .45: 35 Elo points to either side"""


def read_pairs(text: str) -> int:
    """Return a number of pairs of games, at least two. Raises BadInput."""
    pairs = whole(text, "number of pairs")
    if not 2 <= pairs <= arena.MOST_SEEDS:
        raise BadInput(f"--pairs {pairs:,}: use 2..{arena.MOST_SEEDS:,}, since one pair gives no interval")
    return pairs


def read_opening(text: str) -> int:
    """Return a number of random actions. Raises BadInput."""
    opening = whole(text, "opening")
    if opening > LONGEST_OPENING:
        raise BadInput(f"--opening {opening}: use 0..{LONGEST_OPENING} random actions")
    return opening


def read_batch(text: str) -> int:
    """Return a number of pairs in lockstep. Raises BadInput."""
    batch = whole(text, "batch")
    if not 1 <= batch <= arena.MOST_SEEDS:
        raise BadInput(f"--batch {batch:,}: use 1..{arena.MOST_SEEDS:,}")
    return batch


def read_margin(text: str) -> float:
    """Return a difference of two scores. Raises BadInput."""
    try:
        margin = float(text)
    except ValueError:
        margin = 0.0
    if not 0 < margin < 1:
        raise BadInput(f"--margin {text}: use a number between 0 and 1")
    return margin


@dataclass(frozen=True, slots=True)
class PairSettings:
    """Settings of pairs of games: two games from one random opening, with colours exchanged."""

    pairs: int = setting(
        DEFAULT_PAIRS, "Pairs of games from one opening, with colours exchanged.", read=read_pairs
    )
    opening: int = setting(DEFAULT_OPENING, "Random actions before the players begin.", read=read_opening)
    seed: int = like(
        arena.MatchSettings, "seed", help="Seed of the openings and of what players draw at random."
    )
    batch: int = setting(
        arena.DEFAULT_BATCH, "Pairs of games played in lockstep; changes no result.", read=read_batch
    )


@dataclass(frozen=True, slots=True)
class MatchSettings(PairSettings):
    """Settings of a match: its games, and the test that ends it."""

    sprt: bool = like(arena.MatchSettings, "sprt")
    margin: float = setting(
        DEFAULT_MARGIN,
        "Difference between the scores of the two players that the sequential test can detect.",
        read=read_margin,
    )


@dataclass(frozen=True, slots=True)
class LadderSettings(PairSettings):
    """Settings of the ladder: the opponents of a network, and how it plays."""

    opponents: str = setting(
        "random greedy reply playouts:256",
        "Opponents of the network, separated by spaces.",
        metavar="NAMES",
    )
    sims: int = setting(LADDER_SIMS, "Simulations of the network per action; 0: its policy alone.")
    cross: bool = setting(
        False, "Also play the opponents against each other, which makes Elo intervals narrower."
    )

    @property
    def names(self) -> tuple[str, ...]:
        """The opponents. Raises BadInput if there are none or if one is named twice."""
        from forge_core.arena.names import split_names

        names = tuple(split_names(self.opponents))
        if not names or len(set(names)) < len(names):
            raise BadInput(f"--opponents {self.opponents!r}: name each player once, separated by spaces")
        return names
