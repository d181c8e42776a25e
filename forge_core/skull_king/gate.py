"""The gate of Skull King: challenger and champion play the final deals against the same opponents."""

from __future__ import annotations

from forge_core.arena.players import Player
from forge_core.gate import CHAMPION, Ruling, ScoreRule, judge_scores
from forge_core.skull_king.arena import evaluate
from forge_core.skull_king.evaluation import TABLES, check_same_table, opponents_at
from forge_core.skull_king.network import TableSpec
from forge_core.skull_king.players import make_player
from forge_core.skull_king.players.network import NetworkPlayer
from forge_core.skull_king.settings.gate import GateSettings
from forge_core.stats import Measure

FIRST_OPPONENT = "hard"
"""the player whose score the first champion must exceed, at the same tables"""
RULE = ScoreRule(Measure("points", "deal"), "table", 5.0)
"""5 points are about the width of an interval over 1,000 deals"""


def judge(challenger: str, champion: str | None, settings: GateSettings, device: str = "cpu") -> Ruling:
    """Rule on a challenger by its scores at every table, paired by deal with those of the champion.

    challenger, champion: folders; champion None: there is none, and the challenger must score more than
    `hard` in its seat. device: resolved. Raises BadInput for networks of different tables.
    """
    own = NetworkPlayer.load(challenger, device)
    holder: Player = make_player(FIRST_OPPONENT)
    if champion:
        holder = NetworkPlayer.load(champion, device)
        check_same_table(own, holder)
    scores = {
        name: {table: scores_at(table, player, own.network.spec, settings) for table in TABLES}
        for name, player in (("own", own), ("holder", holder))
    }
    return judge_scores(scores["own"], scores["holder"], RULE, CHAMPION if champion else FIRST_OPPONENT)


def scores_at(table: str, player: Player, spec: TableSpec, settings: GateSettings) -> list[float]:
    """Return the score of a player on each final deal, the mean over all seats."""
    against = [make_player(name) for name in opponents_at(table, spec.seats)]
    return evaluate(player, against, settings.seeds, spec.rules, settings.seed, spec.seats).scores.tolist()
