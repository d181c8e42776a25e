"""The chance to win the game at every score, computed from how many marks hands bring and to whom.

A Tally counts, at each score, the hands that brought a number of marks to the team ahead or to the team
behind. `win_chances` turns it into chances: at each score the outcome of the next hand has the counted
shares, shrunk towards those of all scores, and the chance to win is the mean over the outcomes of the
chance at the score that follows. Hands that all pass are dealt again and do not count.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from forge_core.texas42.auction import MARKS_TO_WIN

Floats = npt.NDArray[np.float64]
N_SCORES = MARKS_TO_WIN + 1
"""0..7 marks of a team"""
PRIOR_HANDS = 100.0
"""hands of all scores that weigh as much as those of one score; with fewer, rare scores are too noisy"""


def count_outcomes(outcomes: Iterable[tuple[int, int, int]]) -> Floats:
    """Count hands by (own, other, gained) as seen by one team: [7, 7, 15], the score before and the marks.

    gained: marks of the hand, 1..7, negative if the other team wins them; more than seven count as seven.
    Each hand is counted from both teams' sides, so that the chances of the two teams add up to 1.
    """
    counts = np.zeros((MARKS_TO_WIN, MARKS_TO_WIN, 2 * MARKS_TO_WIN + 1))
    for own, other, gained in outcomes:
        marks = max(-MARKS_TO_WIN, min(MARKS_TO_WIN, gained))
        counts[own, other, MARKS_TO_WIN + marks] += 1
        counts[other, own, MARKS_TO_WIN - marks] += 1
    return counts


def win_chances(counts: Floats, prior_hands: float = PRIOR_HANDS) -> Floats:
    """Return [8, 8]: the chance to win the game by own marks and the other team's, given counted outcomes.

    counts: see `count_outcomes`. A score with seven own marks has chance 1, one with seven of the others 0.
    Both at seven, which cannot occur, is NaN.
    """
    seven, pooled = MARKS_TO_WIN, counts.sum(axis=(0, 1))
    pooled = pooled / pooled.sum()
    chances = np.full((N_SCORES, N_SCORES), np.nan)
    chances[MARKS_TO_WIN, :MARKS_TO_WIN], chances[:MARKS_TO_WIN, MARKS_TO_WIN] = 1, 0
    for total in range(2 * MARKS_TO_WIN - 2, -1, -1):
        for own in range(max(0, total - MARKS_TO_WIN + 1), min(total, MARKS_TO_WIN - 1) + 1):
            other = total - own
            shares = counts[own, other] + prior_hands * pooled
            shares = shares / shares.sum()
            chances[own, other] = sum(
                share * chances[min(own + max(gained, 0), seven), min(other - min(gained, 0), seven)]
                for gained, share in zip(range(-seven, seven + 1), shares, strict=True)
                if gained
            )
    return chances


def even_chances() -> Floats:
    """Return [8, 8]: the chances if each hand is worth one mark and goes either way with equal chance."""
    counts = np.zeros((MARKS_TO_WIN, MARKS_TO_WIN, 2 * MARKS_TO_WIN + 1))
    counts[:, :, [MARKS_TO_WIN - 1, MARKS_TO_WIN + 1]] = 1
    return win_chances(counts)


_MEASURED = (
    (0.500, 0.385, 0.273, 0.168, 0.090, 0.039, 0.013),
    (0.615, 0.500, 0.373, 0.252, 0.146, 0.070, 0.023),
    (0.727, 0.627, 0.500, 0.362, 0.227, 0.113, 0.044),
    (0.832, 0.748, 0.638, 0.500, 0.345, 0.195, 0.082),
    (0.910, 0.854, 0.773, 0.655, 0.500, 0.323, 0.152),
    (0.961, 0.930, 0.887, 0.805, 0.677, 0.500, 0.288),
    (0.987, 0.977, 0.956, 0.918, 0.848, 0.712, 0.500),
)
"""from 11,429 hands of RuleBidder and the one-hand network
(`python benchmarks/bidding_chances.py rule+network --pairs 1200`)"""


def _with_ends(chances: tuple[tuple[float, ...], ...]) -> Floats:
    """Return [8, 8]: chances at scores up to six marks [7][7], and those of games that are won or lost."""
    complete = even_chances()
    complete[:MARKS_TO_WIN, :MARKS_TO_WIN] = chances
    complete.setflags(write=False)
    return complete


MEASURED_CHANCES = _with_ends(_MEASURED)
"""[8, 8] the chance to win the game by own marks and the other team's"""


def chances_after(
    own: npt.NDArray[np.int64] | int, other: npt.NDArray[np.int64] | int, marks: npt.NDArray[np.int64] | int
) -> tuple[Floats, Floats]:
    """Return the chances to win the game after a contract of our team: if it is made, and if it is set.

    own, other: [...] marks of our team and of the other, before the hand. marks: [...] at stake; more than a
    team needs count as those that it needs.
    """
    if_made = MEASURED_CHANCES[np.minimum(own + marks, MARKS_TO_WIN), other]
    if_set = MEASURED_CHANCES[own, np.minimum(other + marks, MARKS_TO_WIN)]
    return if_made, if_set
