"""Strategies equal brute force on tiny endings, and solve positions in which E[Q] over all worlds errs."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from forge_core.errors import BadInput
from forge_core.streams import stream
from forge_core.texas42.auction import NO_CALL
from forge_core.texas42.eq import GameConfig, Sampling, decide
from forge_core.texas42.eq.beliefs import DeclarationBelief
from forge_core.texas42.eq.endings import value_endings
from forge_core.texas42.eq.oracles import ExactOracle
from forge_core.texas42.eq.positions import Table, deal_out
from forge_core.texas42.eq.strategies import strategy_values
from forge_core.texas42.games import start
from forge_core.texas42.notation import parse_domino
from forge_core.texas42.rules import legal_plays, trick_points, trick_winner
from forge_core.texas42.views import Seen, Views
from forge_core.texas42.worlds import Worlds
from forge_core.texas42.worlds.voids import unseen

EXACT = ExactOracle(workers=1)
FUSION = json.loads((Path(__file__).parent / "golden" / "fusion_positions.json").read_text())
KEY = np.zeros(1, dtype=np.uint64)


def ids(dominoes: list[str]) -> list[int]:
    return [parse_domino(domino) for domino in dominoes]


def view_of(position: dict) -> Views:
    seen = Seen(
        *(np.array([position["decl"]], np.int8), np.array([0], np.int8), np.array([30], np.int16)),
        *(np.array([ids(position["plays"])], np.int8), np.array([position["players"]], np.int8)),
        *(np.array([position["seat"]], np.int8), np.array([position["points"]], np.int16)),
        *(np.full((1, 4), NO_CALL, np.int16), np.zeros(1, np.bool_)),
    )
    return Views(seen, np.array([ids(position["hand"])], np.int8))


def worlds_of(views: Views) -> np.ndarray:
    """Return [1, W, 4, 7]: all worlds of one view."""
    hidden = unseen(views)
    worlds, only = Worlds(hidden, KEY), np.zeros(1, dtype=np.int64)
    owner = worlds.owner(only, worlds.ranks(only, 0, int(worlds.count[0]), np.ones(1, dtype=bool)))
    game = torch.zeros(owner.shape[1], dtype=torch.int64)
    return deal_out(Table.of(views, hidden, "cpu"), game, owner.flatten(0, 1)).numpy()[None]


def by_domino(views: Views, values: np.ndarray) -> dict[int, float]:
    return {int(views.hand[0, slot]): float(values[slot]) for slot in np.flatnonzero(views.legal[0])}


@pytest.mark.parametrize("position", FUSION, ids=[f"{p['gap']:.2f} points" for p in FUSION])
def test_positions_in_which_expected_q_errs_are_solved(position):
    views = view_of(position)
    hands = worlds_of(views)
    assert hands.shape[1] == position["worlds"]
    n = np.array([hands.shape[1]])
    for own_plays, name in ((7, "amu"), (1, "eq")):
        values = strategy_values(views, hands, n, own_plays=own_plays)
        expected = {ids([domino])[0]: value for domino, value in position[name].items()}
        assert by_domino(views, values[0]) == pytest.approx(expected, abs=1e-3)
    config = GameConfig(Sampling(60, points=False), ending_worlds=60)
    best = max(position["amu"], key=position["amu"].get)
    for ending_worlds, is_right in ((60, True), (10, False)):  # with more worlds than 10, E[Q] decides
        _, choices = decide(EXACT, views, KEY, replace(config, ending_worlds=ending_worlds))
        assert (views.hand[0, choices.slot[0]] == ids([best])[0]) == is_right


def random_views(n: int, step: int, seed: int) -> list[Views]:
    draws = stream(seed, "test-strategies")
    hands = np.sort(draws.permuted(np.tile(np.arange(28), (n, 1)), axis=1).reshape(n, 4, 7), axis=2)
    games = start(hands, np.arange(n) % 10)
    while games.seen.step < step:
        games = games.play(np.where(games.views.legal, draws.random((n, 7)), -1).argmax(axis=1))
    views = games.views
    return [views.take([game]) for game in np.flatnonzero(views.legal.sum(axis=1) > 1)]


def brute_force(views: Views, hands: np.ndarray, weights: np.ndarray) -> dict[int, float] | None:
    """Return the best mean of each first play over all pure strategies; None if there are too many."""
    seen = views.seen
    decl, mover, played = int(seen.decl[0]), int(seen.turn[0]), set(seen.plays[0].tolist())
    trick = tuple(int(domino) for domino in seen.trick[0])
    leader = (mover - len(trick)) % 4
    left = [[frozenset(hand.tolist()) - played for hand in world] for world in hands]

    def outcome(held, trick, leader, made, strategy, decisions) -> int:
        """Return the points to come. decisions: filled with the choices that `strategy` must make."""
        gained = 0
        if len(trick) == 4:
            taker = (leader + trick_winner(trick, decl)) % 4
            points = trick_points(trick)
            gained, trick, leader = points if (taker - mover) % 2 == 0 else -points, (), taker
            if not any(held):
                return gained
        seat = (leader + len(trick)) % 4
        legal = legal_plays(sorted(held[seat]), trick, decl)
        if seat == mover and len(legal) > 1:
            if strategy is None:
                decisions[made] = legal
            else:
                legal = [strategy[made]]
        values = []
        for domino in legal:
            after = [hand - {domino} if player == seat else hand for player, hand in enumerate(held)]
            values.append(outcome(after, (*trick, domino), leader, (*made, domino), strategy, decisions))
        return gained + (max(values) if (seat - mover) % 2 == 0 else min(values))

    best: dict[int, float] = {}
    for first in legal_plays(sorted(left[0][mover]), trick, decl):
        after = [
            [hand - {first} if seat == mover else hand for seat, hand in enumerate(world)] for world in left
        ]
        decisions: dict[tuple[int, ...], list[int]] = {}
        for held in after:
            outcome(held, (*trick, first), leader, (first,), None, decisions)
        if np.prod([len(legal) for legal in decisions.values()]) > 400:
            return None
        best[first] = -np.inf
        for chosen in product(*decisions.values()):
            strategy = dict(zip(decisions, chosen, strict=True))
            outcomes = [outcome(held, (*trick, first), leader, (first,), strategy, {}) for held in after]
            best[first] = max(best[first], float(np.average(outcomes, weights=weights)))
    return best


@pytest.mark.parametrize("step", [18, 19, 20, 21])
def test_strategies_equal_brute_force_on_tiny_endings(step):
    checked = 0
    for views in random_views(40, step, seed=step):
        draws = stream(step, "test-strategies-worlds", checked)
        hands = worlds_of(views)
        hands = hands[:, draws.permutation(hands.shape[1])[:3]]
        weights = draws.integers(1, 4, size=hands.shape[1]).astype(float)
        expected = brute_force(views, hands[0], weights)
        if expected is not None:
            found = strategy_values(views, hands, np.array([hands.shape[1]]), weights[None], most=10_000)
            assert by_domino(views, found[0]) == pytest.approx(expected)
            checked += 1
    assert checked >= 5


def test_values_fall_as_more_choices_follow_a_strategy():
    for views in random_views(10, 16, seed=3):
        hands = worlds_of(views)[:, :50]
        n, legal = np.array([hands.shape[1]]), views.legal[0]
        one, two, all_of_them = (strategy_values(views, hands, n, own_plays=k)[0] for k in (1, 2, 7))
        assert (two[legal] <= one[legal] + 1e-9).all() and (all_of_them[legal] <= two[legal] + 1e-9).all()
        assert np.isnan(one[~legal]).all()


def test_only_endings_with_few_worlds_are_valued_anew():
    views = Views.take(random_views(1, 20, seed=1)[0], [0])
    config = GameConfig(Sampling(2_000, points=False), belief=DeclarationBelief())
    estimates, _ = decide(EXACT, views, KEY, config)
    assert value_endings(estimates, views, int(estimates.world_count[0]) - 1) is estimates
    changed = value_endings(estimates, views, int(estimates.world_count[0]), DeclarationBelief())
    legal = estimates.legal
    assert (changed.mean[legal] <= estimates.mean[legal] + 1e-4).all()
    early = random_views(4, 8, seed=1)[0]
    of_early, _ = decide(EXACT, early, KEY, GameConfig(Sampling(3, points=False)))
    assert value_endings(of_early, early, 2**31) is of_early


def test_settings_of_endings_that_cannot_be_are_refused():
    with pytest.raises(BadInput, match="ending_worlds 5000: use 0 to 1000"):
        GameConfig(Sampling(points=False), ending_worlds=5_000)
    with pytest.raises(BadInput, match="set points to False"):
        GameConfig(ending_worlds=9)
    views = view_of(FUSION[0])
    with pytest.raises(BadInput, match="own_plays 0"):
        strategy_values(views, worlds_of(views), np.array([60]), own_plays=0)
