"""The networks in models/ load, and play as their cards say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forge_core.texas42.oracle.shards import ShardKey
from forge_core.texas42.tokens.golden import golden_rows

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent.parent / "models"
LOST = {
    "texas42-qvalue-3.3m": 0.6,
    "texas42-policy-817k": 0.7,
    "texas42-qvalue-230k": 1.4,
    "texas42-qvalue-73k": 2.1,
}
"""points per decision that each network loses at most on ten golden deals"""


def test_every_network_that_sees_all_hands_is_tested():
    seeing = {
        path.parent.name for kind in ("qvalue", "policy") for path in FOLDER.glob(f"texas42-{kind}-*/*.json")
    }
    assert seeing == set(LOST)


@pytest.mark.parametrize("name", LOST)
def test_a_reference_network_loses_little(name):
    import torch

    from forge_core.learning.checkpoints import load_model
    from forge_core.learning.labelled.metrics import evaluate_q, evaluate_random
    from forge_core.learning.labelled.rows import concatenate

    model = load_model(str(FOLDER / name))
    rows = concatenate(list(golden_rows([ShardKey(900 + d, d) for d in range(10)], rows_per_deal=500)))
    with torch.no_grad():
        q, _ = model(torch.from_numpy(np.asarray(rows.tokens)), torch.from_numpy(np.asarray(rows.mask)))
    measured = evaluate_q(q.numpy(), rows.q, rows.legal, rows.weight)
    chance = evaluate_random(rows.q, rows.legal)
    assert measured["decision_q_gap"] < LOST[name]
    assert measured["decision_q_gap"] < chance["decision_q_gap"] / 4


def test_the_network_of_liuzhou_beats_a_player_that_looks_two_plies_ahead():
    from forge_core.arena.scores import Tally
    from forge_core.liuzhou.match import play_match
    from forge_core.liuzhou.players import make_player
    from forge_core.liuzhou.settings.matches import PairSettings

    network = make_player(f"search:sims=16,model={FOLDER / 'liuzhou-32x3'}", "cpu")
    tally = Tally.of(play_match(network, make_player("reply"), PairSettings(pairs=10)))
    assert tally.score.mean > 0.75, tally


def test_the_network_of_skull_king_beats_the_players_by_rules():
    from forge_core.skull_king.arena import evaluate
    from forge_core.skull_king.players import player

    network = player(str(FOLDER / "skull-king-256x2"), "cpu")
    for others, score, wins in (("hard", 290, 0.75), ("captain", 300, 0.65)):
        result = evaluate(network, player(others), 40)
        assert result.score.mean > score and result.win.mean > wins, (others, result.score, result.win)


def test_the_network_of_skull_king_knows_the_chances_of_its_bids():
    from forge_core.skull_king.calibration import calibrate
    from forge_core.skull_king.players import player
    from forge_core.skull_king.players.network import NetworkPlayer

    network = NetworkPlayer.load(str(FOLDER / "skull-king-256x2"), "cpu")
    _, found = calibrate(network, player("hard"), 100)
    assert found.error < 0.03


def test_the_network_of_skull_king_scores_three_times_as_much_as_a_player_by_rules():
    from forge_core.skull_king.arena import evaluate
    from forge_core.skull_king.players import player

    found = evaluate(player(str(FOLDER / "skull-king-256x2")), player("hard"), deals=40)
    assert found.score.mean > 280 and found.hits.mean() > 0.65 and found.wins.mean() > 0.75
