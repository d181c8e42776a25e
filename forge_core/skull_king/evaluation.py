"""Evaluation of a network at several tables, by round, and the calibration of its bids."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from forge_core.errors import BadInput
from forge_core.skull_king.arena import Result, evaluate
from forge_core.skull_king.calibration import Calibration, calibrate
from forge_core.skull_king.game import SkullKingGame
from forge_core.skull_king.players import make_player
from forge_core.skull_king.players.network import NetworkPlayer
from forge_core.skull_king.replay import Replay
from forge_core.skull_king.rules import Rules
from forge_core.skull_king.settings.evaluation import EvaluationSettings
from forge_core.skull_king.timing import DecisionTimes, time_decisions

EVALUATION_VERSION = "v1"
"""Raised when the same network gets other figures."""

REPLAYED_DEALS = 5
"""deals per table whose games the readable rules replay: about 5,000 actions, in a second"""

TABLES: dict[str, tuple[str, ...]] = {
    "hard": ("hard",),
    "captain": ("captain",),
    "mixed": ("hard", "captain", "medium"),
}
"""opponents by name of the table: those of the seats that follow the network, from the first one again as
often as there are seats"""


def opponents_at(table: str, seats: int) -> list[str]:
    """Return the names of the P - 1 opponents at a table."""
    names = TABLES[table]
    return [names[place % len(names)] for place in range(seats - 1)]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A network at every table, and other players at the table of three hards."""

    tables: dict[str, Result]
    """by name of the table, see TABLES"""
    calibrations: dict[str, Calibration | None]
    """by name of the table; None if the network states nothing about its bids"""
    others: tuple[Result, ...]
    """other players at the table `hard`, on the same deals; the first is `hard` itself"""
    times: tuple[DecisionTimes, ...]
    """of the decisions of the network, and of `others`"""
    rules: Rules
    seconds: float

    @property
    def main(self) -> Result:
        """The network against three hards."""
        return self.tables["hard"]

    @property
    def replays(self) -> list[Replay]:
        """The replays of the first deals at every table."""
        return [result.replay for result in self.tables.values() if result.replay]

    def faults(self) -> dict[str, str]:
        """Return what is wrong at the first table where anything is, by name of the check."""
        found: dict[str, str] = {}
        for name, result in reversed(self.tables.items()):
            if result.replay and result.replay.faults:
                found["no_illegal_action"] = f"table {name}: {result.replay.faults[0]}"
            if not np.allclose(result.points_by_round.sum(1), result.scores, rtol=0, atol=1e-9):
                found["deltas_add_up"] = f"table {name}: points by round do not sum to the score"
            deals, rounds = result.points_by_round.shape
            seats = len(result.others) + 1
            if result.tricks.sum() != deals * rounds * seats:
                found["seats_balanced"] = f"table {name}: not every deal was played once in every seat"
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON types."""
        return {
            "tables": {name: result.to_dict() for name, result in self.tables.items()},
            "calibration": {name: by_bid(of) for name, of in self.calibrations.items() if of},
            "calibration_error": {name: of.error for name, of in self.calibrations.items() if of},
            "others": [result.to_dict() for result in self.others],
            "decision_times": [of.to_dict() for of in self.times],
            "replays": {name: by_game(of.replay) for name, of in self.tables.items() if of.replay},
            "seconds": round(self.seconds, 3),
        }


def evaluate_network(
    folder: str, settings: EvaluationSettings, device: str, others: Sequence[str] = ("captain",)
) -> Evaluation:
    """Evaluate the network in a folder at every table, at its own number of seats and by its own rules.

    device: resolved. others: players to compare with at the table of three hards, next to `hard` itself.
    Raises BadInput for players that do not exist, and for an illegal action.
    """
    begun, own = time.perf_counter(), NetworkPlayer.load(folder, device)
    spec, deals = own.network.spec, settings.seeds
    options: dict[str, Any] = {"rules": spec.rules, "seed": settings.seed, "seats": spec.seats}
    own_options: dict[str, Any] = options | {"replayed": REPLAYED_DEALS}
    tables: dict[str, Result] = {}
    calibrations: dict[str, Calibration | None] = {}
    for table in TABLES:
        against = [make_player(name) for name in opponents_at(table, spec.seats)]
        if own.network.config.bid_head == "tricks":
            tables[table], calibrations[table] = calibrate(own, against, deals, **own_options)
        else:
            tables[table], calibrations[table] = evaluate(own, against, deals, **own_options), None
    hard = make_player("hard")
    compared = [make_player(name, device) for name in dict.fromkeys(("hard", *others))]
    results = tuple(evaluate(player, hard, deals, **options) for player in compared)
    game = SkullKingGame(spec.seats, spec.rules)
    times = tuple(time_decisions(player, game) for player in (own, *compared))
    return Evaluation(tables, calibrations, results, times, spec.rules, time.perf_counter() - begun)


def by_bid(calibration: Calibration) -> dict[str, dict[str, float]]:
    """Return the figures of a calibration for each bid that was made, as JSON types."""
    return {
        str(bid): {
            "rounds": int(calibration.counts[bid]),
            "stated": round(float(calibration.stated[bid]), 4),
            "met": round(float(calibration.met[bid]), 4),
            "tricks_expected": round(float(calibration.expected[bid]), 4),
        }
        for bid in np.flatnonzero(calibration.counts).tolist()
    }


def by_game(replay: Replay) -> list[dict[str, Any]]:
    """Return the recorded games of a table as JSON types. `seat` is that of the network."""
    return [{"seat": number % len(game.scores), **asdict(game)} for number, game in enumerate(replay.records)]


def check_same_table(one: NetworkPlayer, other: NetworkPlayer) -> None:
    """Raise BadInput unless two networks play at the same number of seats and by the same rules."""
    a, b = one.network.spec, other.network.spec
    if (a.seats, a.rules) != (b.seats, b.rules):
        raise BadInput(
            f"{one.name} and {other.name} play at other numbers of seats or by other rules: compare networks "
            "of one table"
        )
