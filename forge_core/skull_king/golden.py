"""Golden facts of Skull King, which come with the package: tricks, masks, rounds and a game.

The readable rules answer tricks, masks and rounds; the compiled rules, by which networks learn, replay the
game.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from forge_core.skull_king import actions
from forge_core.skull_king.rules import Rules, led_suit, legal_actions, legal_cards, resolve, score_round
from forge_core.skull_king.state import doors
from forge_core.skull_king.state import layout as at

FACTS = Path(__file__).with_name("golden_facts.json")
PRESETS = {"printed": Rules.printed(), "print_2021": Rules.print_2021(), "engine": Rules.engine()}


def read_facts() -> dict[str, Any]:
    """Return the golden facts by kind: tricks, masks, rounds, games."""
    return json.loads(FACTS.read_text())


def by_seat(given: Any) -> dict[int, Any]:
    """Return a dict by seat: JSON has strings as keys, and a published engine one pair [seat, value]."""
    if isinstance(given, list):
        return {given[0]: given[1]}
    return {int(seat): value for seat, value in (given or {}).items()}


def find_differences(facts: Mapping[str, Any]) -> tuple[int, list[str]]:
    """Return the number of golden answers, and a line for each that the rules answer otherwise."""
    answers = [
        *(pair for case in facts["tricks"] for pair in _of_trick(case)),
        *(pair for case in facts["masks"] for pair in _of_mask(case)),
        *(pair for case in facts["rounds"] for pair in _of_round(case)),
        *(pair for game in facts["games"] for pair in _of_game(game)),
    ]
    return len(answers), [
        f"{name}: {found}, not {golden}" for name, golden, found in answers if found != golden
    ]


Answer = tuple[str, Any, Any]
"""(name, golden answer, answer of the rules)"""


def _of_trick(case: Mapping[str, Any]) -> Iterator[Answer]:
    for name, golden in case["expect"].items():
        trick = resolve(case["cards"], case["tigress"], PRESETS[name])
        found = {
            "winner": trick.winner,
            "next_leader": "round starter" if trick.next_leader is None else trick.next_leader,
            "bonus": trick.bonus,
            "loot": [list(pair) for pair in trick.loot],
            "led": led_suit(case["cards"], case["tigress"], PRESETS[name]),
        }
        yield f"trick {case['cards']} by {name}", golden, found


def _of_mask(case: Mapping[str, Any]) -> Iterator[Answer]:
    given = case["hand"], case["table"], case["tigress"]
    for name, golden in case["actions"].items():
        yield f"cards of {given} by {name}", case["legal_cards"][name], legal_cards(*given, PRESETS[name])
        yield f"actions of {given} by {name}", golden, legal_actions(*given, PRESETS[name])


def _of_round(case: Mapping[str, Any]) -> Iterator[Answer]:
    harry, bets, balls = (by_seat(case[name]) for name in ("harry", "bets", "cannonball"))
    loot = [(player, winner) for player, winner in case["loot"]]
    given = case["bids"], case["won"], case["bonus"], case["round"], loot, harry, bets
    name = f"points of round {case['round']}, bids {case['bids']}"
    yield name, case["scores"]["skull_king"], score_round(*given, rules=PRESETS[case["rules"]])
    rascal = score_round(*given, balls, Rules.printed(scoring="rascal"))
    yield f"{name}, by rascal", case["scores"]["rascal"], rascal


def _of_game(game: Mapping[str, Any]) -> Iterator[Answer]:
    """Replay a game by kernels: every seat to act, every legal action, and the points."""
    seats, totals = game["seats"], np.zeros(game["seats"], np.int64)
    options = at.options_of(PRESETS[game["rules"]], seats)
    for number, part in enumerate(game["rounds"], start=1):
        rows = at.row_with(part["hands"], part["start"], options)[None]
        for place in range(seats):
            bid = part["bids"][(part["start"] + place) % seats]
            rows = doors.step_rows(rows, np.array([actions.BID_0 + bid]), options)
        found = []
        for _, _, taken in part["decisions"]:
            legal = np.flatnonzero(np.asarray(doors.legal_mask(rows, options))[0]).tolist()
            found.append([int(doors.to_move(rows)[0]), legal, taken])
            rows = doors.step_rows(rows, np.array([taken]), options)
        row = np.asarray(rows)[0]
        totals += row[at.DELTA : at.DELTA + seats]
        for name, golden, answer in (
            ("decisions", [list(each) for each in part["decisions"]], found),
            ("tricks", part["won"], row[at.WON : at.WON + seats].tolist()),
            ("bonus", part["bonus"], row[at.BONUS : at.BONUS + seats].tolist()),
            ("points", part["delta"], row[at.DELTA : at.DELTA + seats].tolist()),
            ("totals", part["total"], totals.tolist()),
        ):
            yield f"{name} of round {number}", golden, answer
