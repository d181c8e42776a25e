"""Matches: who plays better, on the same deals, and how sure one can be of it.

duplicate (what is fixed, and games in lockstep), boards (deals as they were played, on disk),
match (two players, or all against all), faults (what it is held to), report (figures and pictures
of it), regret (what a game lost to luck, to what was hidden, and to blunders): each uses only what
stands before it.
"""

from forge_core.texas42.arena.boards import Boards, Seating
from forge_core.texas42.arena.duplicate import Conditions, held_out_seeds, play_out
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
