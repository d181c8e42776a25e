"""The gate of Liuzhou: a challenger plays the champion until a sequential test decides."""

from __future__ import annotations

from forge_core.gate import Ruling, judge_match
from forge_core.liuzhou.match import play_match
from forge_core.liuzhou.players import make_player
from forge_core.liuzhou.players.names import ladder_name
from forge_core.liuzhou.settings.gate import GateSettings
from forge_core.stats import Measure, Sprt

LEAD = Measure("score", "pair")
"""the score of the challenger less that of its opponent, -1..1, in the two games of a pair"""
FIRST_OPPONENT = "random"
"""that the first champion must beat"""


def judge(challenger: str, champion: str | None, settings: GateSettings, device: str = "auto") -> Ruling:
    """Rule on two networks by a match. The first champion must beat random play.

    challenger, champion: folders; champion None: there is none. Raises BadInput, DeviceUnavailable.
    """
    opponent = ladder_name(champion, settings.sims) if champion else FIRST_OPPONENT
    a, b = (make_player(name, device) for name in (ladder_name(challenger, settings.sims), opponent))
    match = play_match(a, b, settings, Sprt(0.0, settings.margin))
    assert match.sprt
    return judge_match(match.sprt, LEAD, "the champion" if champion else "random play")
