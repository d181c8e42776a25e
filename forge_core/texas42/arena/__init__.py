"""Matches of Texas 42, which compare players on the same deals.

Modules: duplicate (the conditions of a match, and games in lockstep), boards (played deals and their
files), match (two players, or all pairs, using the arena for any game), faults (checks of a match),
measures (the measures of players and networks), report (figures, tables and the picture), regret (points
lost to luck, to hidden hands and to blunders), whole_games (to seven marks, with auctions) and tournament
(the figures of whole games). Each module uses only those listed before it.
"""

from forge_core.arena.settings import held_out_seeds
from forge_core.texas42.arena.boards import Boards, Seating
from forge_core.texas42.arena.duplicate import Conditions, play_out
from forge_core.texas42.arena.match import Match, play_all, play_match, who_is_better

__all__ = [
    "Boards",
    "Conditions",
    "Match",
    "Seating",
    "held_out_seeds",
    "play_all",
    "play_match",
    "play_out",
    "who_is_better",
]
