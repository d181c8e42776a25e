"""Skull King's network: expected points of bids, the layer that adds ones, disk, ONNX, and its player."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skull_king_play import random_play

from forge_core.errors import BadInput
from forge_core.learning.checkpoints import load_model, save_model
from forge_core.learning.onnx import PARITY, export_onnx
from forge_core.skull_king import actions
from forge_core.skull_king.arena import evaluate
from forge_core.skull_king.calibration import calibrate
from forge_core.skull_king.game import SkullKingGame
from forge_core.skull_king.network import BidAndPlayConfig, BidAndPlayNet, TableSpec, parse_size
from forge_core.skull_king.network.ones import OnesLinear
from forge_core.skull_king.network.points import points_without_bonus, shares_of_bonus
from forge_core.skull_king.players import TableView, player
from forge_core.skull_king.players.network import NetworkPlayer
from forge_core.skull_king.rules import Rules
from forge_core.skull_king.state import doors
from forge_core.streams import stream

ILLEGAL = -1e8
"""above the number that stands for illegal actions, below all others"""


@pytest.fixture(scope="module")
def network() -> BidAndPlayNet:
    torch.manual_seed(1)
    return BidAndPlayNet(TableSpec(), BidAndPlayConfig(16, 2)).eval()


@pytest.fixture(scope="module")
def seen() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Observations (bid, play, legal actions) of random rounds of 5 cards."""
    game, bids, plays, legal = SkullKingGame(), [], [], []
    for rows, allowed, _ in random_play(game.rules, 4, 8, 5, 5):
        bid, play, is_bid = doors.observe(rows, rows[:, doors.at.ACTOR], game.options, game.rules)
        bids.append(bid[is_bid])
        plays.append(play[~is_bid])
        legal.append(allowed[~is_bid, : actions.N_PLAYS])
    return np.concatenate(bids), np.concatenate(plays), np.concatenate(legal)


def test_the_points_of_a_bid_are_those_of_the_rules():
    table = points_without_bonus(Rules())
    assert table[5, 0, 0] == 50 and table[5, 0, 2] == -50 and table[5, 3, 3] == 60 and table[5, 3, 1] == -20
    assert table[5, 6].sum() == 0 and (shares_of_bonus(Rules())[9, 2, :4] == [0, 0, 1, 0]).all()
    rascal = Rules.printed(scoring="rascal")
    assert points_without_bonus(rascal)[4, 2, :5].tolist() == [0, 20, 40, 20, 0]
    assert shares_of_bonus(rascal)[4, 2, :5].tolist() == [0, 0.5, 1, 0.5, 0]


def test_expected_points_follow_from_the_predicted_tricks(network, seen):
    with torch.inference_mode():
        bids = network.bids(torch.from_numpy(seen[0]))
    chances, n = bids.log_chances.exp(), 5
    assert torch.allclose(chances.sum(2), torch.ones(len(chances), 11), atol=1e-5)
    assert (chances[:, :, n + 1 :] == 0).all() and (bids.points[:, n + 1 :] < ILLEGAL).all()
    for bid in range(n + 1):
        points = 20 * float(bids.bonus[0, bid]) * float(chances[0, bid, bid])
        for won in range(n + 1):
            missed = -10 * n if bid == 0 else -10 * abs(won - bid)
            points += float(chances[0, bid, won]) * (missed if won != bid else 20 * bid or 10 * n)
        assert float(bids.points[0, bid]) == pytest.approx(points, abs=1e-3)


def test_only_legal_plays_have_a_probability(network, seen):
    plays = network.plays(torch.from_numpy(seen[1]))
    assert ((plays.logits > ILLEGAL).numpy() == seen[2]).all()
    assert plays.value.shape == (len(seen[1]),) and plays.tricks.shape == (len(seen[1]), 11)


@pytest.mark.parametrize("n_ones", [0, 1, 3, 4, 9])
def test_adding_ones_equals_the_product(n_ones):
    draws = stream(n_ones, "ones")
    inputs = np.zeros((7, 12), np.uint8)
    for row in inputs:
        row[draws.permutation(12)[:n_ones]] = 1
    layer = OnesLinear(12, 5)
    added, weights = layer(torch.from_numpy(inputs)), torch.from_numpy(draws.normal(size=(7, 5))).float()
    (added * weights).sum().backward()
    by_adding = layer.weight.grad
    assert by_adding is not None
    layer.zero_grad()
    product = layer(torch.from_numpy(inputs).float())
    (product * weights).sum().backward()
    torch.testing.assert_close(added, product)
    torch.testing.assert_close(by_adding, layer.weight.grad)


@pytest.mark.parametrize(
    "spec", [TableSpec(), TableSpec(seats=2), TableSpec(seats=6, rules=Rules.engine(scoring="rascal"))]
)
def test_a_network_is_stored_with_the_rules_of_its_table(spec, tmp_path):
    network = BidAndPlayNet(spec, BidAndPlayConfig(8, 1, "policy", hidden_critic=True))
    save_model(str(tmp_path), network)
    loaded = load_model(str(tmp_path), kind=BidAndPlayNet)
    assert loaded.spec == spec and loaded.config == network.config
    for name, weights in network.state_dict().items():
        assert torch.equal(weights, loaded.state_dict()[name])


def test_specs_and_sizes_are_checked():
    with pytest.raises(BadInput, match="abilities"):
        TableSpec(rules=Rules(abilities=True))
    with pytest.raises(BadInput, match="rules"):
        TableSpec.from_dict(TableSpec().to_dict() | {"rules": {}})
    assert parse_size("64X3") == (64, 3)
    for wrong in ("256", "1x1", "256x0", "x2"):
        with pytest.raises(BadInput, match="size"):
            parse_size(wrong)


def test_onnx_gives_the_same_answers(network, tmp_path):
    export = export_onnx(network, str(tmp_path))
    assert export.largest_difference < PARITY


# --- the player -------------------------------------------------------------------------------


def test_the_player_takes_the_best_rated_action_whatever_else_is_played(network):
    game = SkullKingGame(rounds=3)
    one = NetworkPlayer("network", network)
    keys = np.zeros(6, np.uint64)
    for rows, legal, _ in random_play(game.rules, 4, 6, 2, 3):
        taken = one.act(TableView.of(game, rows), legal, keys)
        assert legal[np.arange(6), taken].all()
        alone = [
            one.act(TableView.of(game, rows[i : i + 1]), legal[i : i + 1], keys[:1])[0] for i in range(6)
        ]
        assert taken.tolist() == alone


def test_the_player_is_named_by_its_folder(network, tmp_path):
    save_model(str(tmp_path / "net"), network)
    one = player(str(tmp_path / "net"), "cpu")
    result = evaluate(one, player("random"), 2, rounds=2)
    assert result.name == str(tmp_path / "net") and result.settings["weights"]
    with pytest.raises(BadInput, match="seats"):
        evaluate(one, player("random"), 2, seats=3, rounds=2)


def test_calibration_compares_the_chances_stated_with_the_bids_met(network):
    one = NetworkPlayer("network", network)
    result, found = calibrate(one, player("hard"), 4, rounds=3)
    assert found.counts.sum() == result.tricks.sum() == 4 * 4 * 3
    assert (found.counts == result.tricks.sum(1)).all()
    made = found.counts > 0
    assert (found.met[made] == result.tricks.diagonal()[made] / found.counts[made]).all()
    assert ((found.stated[made] > 0) & (found.stated[made] < 1)).all() and np.isnan(found.met[~made]).all()
    expected = np.abs(found.stated - found.met)[made] * found.counts[made] / found.counts.sum()
    assert found.error == pytest.approx(expected.sum())
    same = evaluate(one, player("hard"), 4, rounds=3)
    assert (same.scores == result.scores).all()
    policy = BidAndPlayNet(TableSpec(), BidAndPlayConfig(8, 1, "policy"))
    with pytest.raises(BadInput, match="bid head"):
        calibrate(NetworkPlayer("policy", policy), player("hard"), 4)
