"""Live rows of stage 2: decisions of self-play, their tokens and values, runs that learn from them."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from forge_core.errors import BadInput, FileCorrupt
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model
from forge_core.learning.labelled.config import REGRET_TEMPERATURE, Recipe
from forge_core.learning.labelled.losses import REGRET_SCALE, expected_regret, losses
from forge_core.learning.networks.sizes import ModelConfig
from forge_core.splits import Split, draw_seeds, split_of
from forge_core.streams import stream
from forge_core.texas42.games import start
from forge_core.texas42.one_hand.choose import open_policy
from forge_core.texas42.one_hand.playouts import playout_q
from forge_core.texas42.one_hand.self_play import draw_deals, self_play
from forge_core.texas42.sources import LiveDecisions, choose_objective, choose_source, parse_source
from forge_core.texas42.state import ILLEGAL
from forge_core.texas42.tokens import live_decisions
from forge_core.texas42.tokens.encoder import Tokens
from forge_core.texas42.tokens.inferences import STAGE2_SPEC, encode_views, infer
from forge_core.texas42.tokens.live_decisions import (
    LiveDecisionConfig,
    play,
    policy_digest,
    rows_of_decisions,
    val_rows,
)
from forge_core.texas42.tokens.live_source import LiveSource
from forge_core.texas42.tokens.transcript import transcripts
from forge_core.texas42.worlds.voids import voids

NETWORK = open_policy("network")
CONFIG = replace(LiveDecisionConfig.of(3, 96), chunk_rows=192)
"""Chunks of two batches of eleven deals."""
TINY = (
    "--layers 1 --heads 2 --width 16 --batch-size 128 --steps 4 --evaluate-every 2 --threads 1 --device cpu"
)


def same(a, b) -> bool:
    return all((x == y).all() for x, y in zip(a.columns(), b.columns(), strict=True))


def some_decisions(epsilon=0.2):
    return play(stream(0, "test-live"), 600, epsilon, NETWORK, Split.TRAIN)


def test_rows_are_what_the_player_sees_with_values_of_playouts():
    """Tokens equal those that a player is asked; values equal playouts of all legal plays."""
    found = some_decisions()
    rows, deals = rows_of_decisions(found), found.deals
    games = start(deals["hands"], deals["decl"].astype(np.int64))
    n_compared = 0
    for step in range(28):
        views, seen = games.views, games.seen
        of_step = np.flatnonzero(rows.ply == step)
        game = rows.deal[of_step]
        asked = encode_views(views)
        for name in ("tokens", "mask", "legal"):
            np.testing.assert_array_equal(getattr(rows, name)[of_step], getattr(asked, name)[game])
        shown = np.packbits(voids(seen), axis=2, bitorder="little")[:, :, 0]
        q = playout_q(games.hands, seen.decl, games.states, shown, seen.bidder, NETWORK, 0)
        q = np.where(seen.turn[:, None] % 2, -q, q)[game]
        np.testing.assert_array_equal(
            np.where(rows.legal, rows.q, 0)[of_step], np.where(asked.legal[game], q, 0)
        )
        np.testing.assert_array_equal(rows.seat[of_step], seen.turn[game])
        n_compared += len(of_step)
        slots = (games.views.hand == deals["dominoes"][:, step, None]).argmax(axis=1)
        games = games.play(slots)
    assert n_compared == 600
    assert ((rows.q != ILLEGAL) == rows.legal).all() and (rows.legal.sum(axis=1) > 1).all()
    assert (rows.value == rows.q.max(axis=1)).all() and rows.q.dtype == np.int8


def test_tokens_are_those_of_stored_rows_of_the_same_games():
    found = some_decisions()
    rows, deals = rows_of_decisions(found), found.deals
    stored = transcripts(deals["hands"], deals["decl"], np.zeros(len(deals), int), deals["dominoes"])
    flat = Tokens(*(a.reshape(-1, *a.shape[2:]) for a in (stored.tokens, stored.mask, stored.legal)))
    index = rows.deal * 28 + rows.ply
    for name in ("tokens", "mask", "legal"):
        np.testing.assert_array_equal(getattr(rows, name), getattr(infer(flat), name)[index])


def test_values_are_those_of_self_play_on_the_same_deals():
    found = some_decisions()
    draw = stream(0, "test-live")
    n = -(-600 // 18)
    hands, decls = draw_deals(draw, n)
    made = self_play(hands, decls, draw.random((n, 28)), 0.2, NETWORK)
    rows = rows_of_decisions(found)
    first = min(len(made), 600)
    expected = [sorted(q[:legal]) for q, legal in zip(made.q, made.n_legal, strict=True)][:first]
    assert expected == [sorted(q[legal]) for q, legal in zip(rows.q, rows.legal, strict=True)][:first]
    np.testing.assert_array_equal(made.dominoes, found.deals["dominoes"][:n])
    assert (np.sort(made.dominoes, axis=1) == np.arange(28)).all()


def test_deals_are_of_their_split(monkeypatch):
    drawn = []

    def noting(draw, n, split):
        drawn.append(split)
        return draw_deals(draw, n, split)

    monkeypatch.setattr(live_decisions, "draw_deals", noting)
    rows = val_rows(50)
    assert len(rows) == 50 and set(drawn) == {Split.VAL} and same(rows, val_rows(50))
    drawn.clear()
    CONFIG.make(0)
    assert set(drawn) == {Split.TRAIN}
    for split in (Split.TRAIN, Split.VAL):
        assert {split_of(seed) for seed in draw_seeds(stream(0, "test"), 50, split)} == {split}


def test_a_batch_is_a_function_of_seed_and_number():
    source = LiveSource(CONFIG)
    wanted = [source.batch(k) for k in range(4)]
    assert all(len(rows) == 96 for rows in wanted) and source.spec is STAGE2_SPEC
    other = LiveSource(CONFIG)
    assert all(same(other.batch(k), wanted[k]) for k in (3, 0, 2, 1))
    assert not same(wanted[0], wanted[1]) and not same(wanted[0], wanted[2])
    assert not same(LiveSource(replace(CONFIG, seed=4)).batch(0), wanted[0])
    assert len(np.unique(wanted[0].deal)) > 8  # the decisions of a deal are spread over the chunk
    seen = [list(islice(LiveSource(CONFIG).batches(0, part, 2), 2)) for part in (0, 1)]
    assert all(same(rows, wanted[2 * part + k]) for part in (0, 1) for k, rows in enumerate(seen[part]))


def test_runs_share_chunks(tmp_path, monkeypatch):
    store, alone = Store(str(tmp_path)), LiveSource(CONFIG)
    first = LiveSource(CONFIG, share=store)
    assert all(same(first.batch(k), alone.batch(k)) for k in range(2))
    monkeypatch.setattr(LiveDecisionConfig, "make", lambda *_: pytest.fail("a chunk was made twice"))
    halves = LiveSource(replace(CONFIG, batch_size=48), share=store)
    assert all(same(halves.batch(2 * k), alone.batch(k).take(slice(48))) for k in range(2))
    (path,) = tmp_path.rglob("*.npy")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FileCorrupt, match="delete it, and it is made again"):
        LiveSource(CONFIG, share=store).batch(0)


@pytest.mark.slow
def test_workers_give_the_same_batches(tmp_path):
    alone = LiveSource(CONFIG)
    with LiveSource(CONFIG, workers=2, share=Store(str(tmp_path))) as source:
        for k in (0, 1, 2, 5):
            assert same(source.batch(k), alone.batch(k))


def test_the_source_describes_its_rows():
    source = choose_source(None, True, 96, 3, stage=2)
    assert isinstance(source, LiveDecisions) and source.is_live and source.spec() is STAGE2_SPEC
    again = parse_source(source.record)
    assert again == source and again.version == LiveDecisionConfig.of(3, 96).fingerprint
    assert source.record["config"]["policy"] == policy_digest()
    assert source.run_stem("regret", "73k") == "texas42-regret-73k-live-decisions"
    assert choose_source(None, True, 96, 4, stage=2).version != source.version


def test_another_network_makes_other_rows():
    assert replace(CONFIG, policy="0" * 16).fingerprint != CONFIG.fingerprint
    with pytest.raises(BadInput, match=r"texas42-one-hand-6k.* has other weights than when the run started"):
        replace(CONFIG, policy="0" * 16).make(0)


@pytest.mark.parametrize("wrong", [{"epsilon": 1.5}, {"batch_size": 0}, {"chunk_rows": 0}, {"seed": -1}])
def test_a_configuration_that_makes_no_rows_is_refused(wrong):
    with pytest.raises(BadInput):
        replace(CONFIG, **wrong)


def test_rows_with_other_legal_plays_are_refused():
    found = some_decisions()
    found.rows["q"][0] = ILLEGAL
    with pytest.raises(BadInput, match="1 rows are wrong"):
        rows_of_decisions(found)


def test_objectives_of_live_decisions():
    assert choose_objective(2, None, live=True) == "regret"
    assert choose_objective(2, "qvalue", live=True) == "qvalue"
    assert choose_objective(2, None) == "eq" and choose_objective(1, None, live=True) == "qvalue"
    for objective in ("eq", "policy"):
        with pytest.raises(BadInput, match=f"--objective {objective} needs values .*: use regret or qvalue"):
            choose_objective(2, objective, live=True)


def test_the_loss_is_the_expected_regret_and_the_error_of_the_value_of_the_chosen_play():
    rows = rows_of_decisions(some_decisions()).to_tensors()
    recipe = Recipe(steps=1, learning_rate=1e-3, temperature=REGRET_TEMPERATURE)
    logits = torch.randn(len(rows), 7, generator=torch.Generator().manual_seed(0))
    model = ModelConfig(16, 1, 2, 32, "regret")
    assert not model.in_points and not model.says_variance
    found = losses(logits, torch.zeros(len(rows)), rows, recipe, model, 42.0)
    q = rows.q.float()
    weight = (q.masked_fill(~rows.legal, -99).amax(1) > q.masked_fill(~rows.legal, 99).amin(1)).float()
    expected = expected_regret(logits, q, rows.legal, REGRET_TEMPERATURE) / REGRET_SCALE
    torch.testing.assert_close(found.action, expected.mean())
    chosen = logits.masked_fill(~rows.legal, -torch.inf).argmax(dim=1, keepdim=True)
    torch.testing.assert_close(found.value, ((q.gather(1, chosen) / 42) ** 2).mean())
    assert 0 < weight.mean() < 1


@pytest.mark.parametrize(
    "given, message",
    [
        ("--stage 2", "--stage 2 needs a source of rows: pass --live; or play games with forge eq"),
        ("--stage 2 --live --data x", "pass either --data DIR or --live"),
        ("--stage 2 --live --rows-per-deal 44", "--rows-per-deal has no effect with --stage 2"),
        ("--stage 2 --live --objective eq", "--objective eq needs values that are means over worlds"),
        ("--stage 2 --live --epochs 3", "live rows never end"),
        ("--stage 3 --live", "stage 3: use 1 or 2"),
        ("--stage 2 --live --share memory://x", "use a local folder"),
        ("--stage 2 --live --batch-size 0", "batch_size 0: use at least 1"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(forge, tmp_path, given, message):
    status, _, err = forge("train", *given.split(), "--runs", str(tmp_path), "--size", "73k")
    assert status == 2 and message in err.replace("\n", " ") and "Traceback" not in err


@pytest.mark.slow
def test_the_verb_trains_resumes_and_plays(forge, tmp_path, monkeypatch):
    monkeypatch.setattr("forge_core.texas42.sources.WATCHED_ROWS", 400)
    runs, rows = str(tmp_path / "runs"), str(tmp_path / "rows")
    train = ("train", "--stage", "2", "--live", *TINY.split(), "--device", "cpu", "--runs", runs)
    assert forge(*train, "--name", "whole", "--workers", "0", "--share", rows)[0] == 0
    status, _, err = forge(*train, "--name", "parts", "--workers", "0", "--minutes", "0")
    assert status == 0 and "--resume --name parts" in err
    assert (
        forge("train", "--resume", "--name", "parts", "--runs", runs, "--workers", "0", "--threads", "1")[0]
        == 0
    )
    whole, parts = (load_model(f"{runs}/{name}/model") for name in ("whole", "parts"))
    assert whole.config.objective == "regret" and whole.card["data"]["kind"] == "live-decisions"
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, parts.state_dict()[name])
    model = f"{runs}/whole/model"
    pytest.importorskip("onnxruntime")
    assert forge("export", model, "--out", str(tmp_path))[0] == 0
    player = f"stage2:model={model}"
    assert forge("match", player, "network", "--deals", "2", "--device", "cpu")[0] == 0
    assert forge(*train, "--fast-dev-run", "--objective", "qvalue")[0] == 0
