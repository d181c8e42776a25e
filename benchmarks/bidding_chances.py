"""The chance to win a game to seven marks at every score, from the hands of whole games, and a check.

    python benchmarks/bidding_chances.py rule+network --pairs 1000
    python benchmarks/bidding_chances.py rollout:worlds=50 rollout:worlds=51 --player network

Two equal sides play whole games. Their hands are counted by the score before and the marks that they
brought; `bidding.chances` computes the chances from the counts. Check: at each score that occurred, the
share of games that the team with this score won, compared with the computed chance. Every visit counts
from the side of the team that is ahead; at equal scores the share of seats 0 and 2 counts.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

from forge_core.arena.settings import held_out_seeds
from forge_core.texas42.arena.whole_games import PairedGames, PlayedHand, parse_side, play_pairs
from forge_core.texas42.auction import MARKS_TO_WIN
from forge_core.texas42.bidding.chances import count_outcomes, even_chances, win_chances

Floats = npt.NDArray[np.float64]


def hands_of(games: PairedGames) -> list[PlayedHand]:
    """Return the hands of all games, or of the first game of each pair if both are the same game."""
    if games.a.removesuffix(SAME) == games.b.removesuffix(SAME):
        return [hand for hand in games.hands if hand.game == 0]
    return list(games.hands)


def share_of_wins(games: PairedGames, hands: list[PlayedHand]) -> tuple[Floats, Floats]:
    """Return [7, 7] each: visits of every score by side a, and the games that side a then won."""
    rows = {seed: row for row, seed in enumerate(games.seed.tolist())}
    visits, wins = np.zeros((2, MARKS_TO_WIN, MARKS_TO_WIN))
    for hand in hands:
        visits[hand.score] += 1
        wins[hand.score] += games.won[rows[hand.seed], hand.game]
    return visits + visits.T, wins + (visits - wins).T


SAME = " "
"""ends the name of the second of two equal sides"""


def main() -> None:
    """Play, and print the chances by own marks (lines) and the other team's (columns), and the check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sides", nargs="+", help="BIDDER+PLAYER, once or twice")
    parser.add_argument("--pairs", type=int, default=100)
    asked = parser.parse_args()
    a, b = parse_side(asked.sides[0]), parse_side(asked.sides[-1])
    if len(asked.sides) == 1:
        b = type(b)(a.name + SAME, b.bidder, b.player)
    games = play_pairs(a, b, held_out_seeds(asked.pairs))
    hands = hands_of(games)
    counts = count_outcomes((*hand.score, hand.gained) for hand in hands)
    chances, even = win_chances(counts)[:-1, :-1], even_chances()[:-1, :-1]
    print(f"{len(hands):,} hands; a won {100 * games.share.mean:.1f} % of the games")
    marks = np.bincount([hand.contract.marks for hand in hands], minlength=4) / len(hands)
    print("share of hands by marks at stake:", *(f"{k}: {share:.3f}" for k, share in enumerate(marks) if k))
    made = np.mean([hand.made for hand in hands])
    print(f"contracts made: {made:.3f}")
    print(np.array2string(chances, precision=3, separator=", ", suppress_small=True))
    visits, wins = share_of_wins(games, hands)
    ahead = np.tril(visits, -1) > 0
    n, won = visits[ahead], wins[ahead]
    for name, table in (("computed", chances), ("even hands of one mark", even)):
        expected = table[ahead]
        error = won / n - expected
        spread = np.sqrt(expected * (1 - expected) / n)
        print(
            f"{name}: {len(n)} scores, {n.sum():,.0f} visits; "
            f"mean error {np.average(error, weights=n):+.4f}, "
            f"rms {np.sqrt(np.average(error**2, weights=n)):.4f} (by chance "
            f"{np.sqrt(np.average(spread**2, weights=n)):.4f}), largest {np.abs(error / spread).max():.1f} "
            "standard errors"
        )


if __name__ == "__main__":
    main()
