"""Matches of Texas 42: which player is better on the same deals, with intervals.

duplicate (the conditions of a match, and games in lockstep), boards (played deals, on disk), match
(two players, or all against all, on the arena of all games), faults (checks of a match), measures
(what players and networks are compared by), report (figures, tables and the picture), regret (how much of
a game was lost to luck, to hidden hands and to blunders): each uses only what stands before it.
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
