"""Kernels as WebAssembly: the committed file is that of the sources, and equals numba and the rules."""

from __future__ import annotations

import importlib.metadata

import numpy as np
import pytest
import torch
from random_games import play

from forge_core.errors import BadInput
from forge_core.learning.checkpoints import save_model
from forge_core.liuzhou.web import WASM as LIUZHOU_WASM
from forge_core.liuzhou.web import kernels as liuzhou_kernels
from forge_core.skull_king.web import WASM as SKULL_KING_WASM
from forge_core.skull_king.web import kernels as skull_king_kernels
from forge_core.streams import stream
from forge_core.texas42 import rules, tables
from forge_core.texas42.auction import legal_calls
from forge_core.texas42.bidding.advice import Situation
from forge_core.texas42.bidding.bidders import RuleBidder, call
from forge_core.texas42.bidding.playouts import PlayersPlayout
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.eq.beliefs import open_belief
from forge_core.texas42.eq.positions import Table, deal_out
from forge_core.texas42.one_hand.choose import POLICIES, choose_slots, load_policy, open_policy
from forge_core.texas42.one_hand.network import PLAYS_MODEL, OneHandNet, load_weights
from forge_core.texas42.one_hand.playouts import playout_q
from forge_core.texas42.oracle import root_q
from forge_core.texas42.oracle.reference import reference_q
from forge_core.texas42.players.one_hand import OneHandPlayer
from forge_core.texas42.settings.one_hand import HIDDEN, SECOND
from forge_core.texas42.tokens.encoder import encode
from forge_core.texas42.tokens.inferences import encode_views
from forge_core.texas42.web import FOLDER, WASM
from forge_core.texas42.web import kernels as texas42_kernels
from forge_core.texas42.web.weights import FILES, weights_file
from forge_core.texas42.worlds import Worlds
from forge_core.texas42.worlds.count import completions
from forge_core.texas42.worlds.sample import draw_ranks, unrank
from forge_core.texas42.worlds.voids import unseen, voids
from forge_core.web.build import build, origin_of

pytest.importorskip("wasmtime")
REBUILD = "the file is not what the sources give: run `make wasm` and commit it"
of_each_game = pytest.mark.parametrize(
    ("kernels", "file"),
    [(texas42_kernels, WASM), (liuzhou_kernels, LIUZHOU_WASM), (skull_king_kernels, SKULL_KING_WASM)],
    ids=["texas42", "liuzhou", "skull-king"],
)


@pytest.fixture(scope="module")
def host():
    from wasm_host import WasmHost

    return WasmHost(WASM)


@pytest.fixture(scope="module")
def games():
    """Twelve random games under all declarations, before each play."""
    return play(range(12), leaders=np.arange(12) % 4)[:-1]


@of_each_game
def test_the_committed_file_is_of_these_sources(kernels, file):
    origin = origin_of(file.read_bytes())
    assert origin["version"] == kernels.EXPORTS.version, REBUILD
    assert origin["layout"] == kernels.EXPORTS.layout, REBUILD


@pytest.mark.slow
@of_each_game
def test_the_same_sources_and_tools_give_the_same_bytes(kernels, file):
    pytest.importorskip("ziglang")
    committed = file.read_bytes()
    tools = {name: importlib.metadata.version(name) for name in ("numba", "llvmlite", "ziglang")}
    if tools != origin_of(committed)["tools"]:
        pytest.skip(f"the file was built with {origin_of(committed)['tools']}")
    assert build(kernels.MODULE) == committed, REBUILD


def test_exact_search_equals_numba_at_every_step(host, games):
    for game in games:
        deals, states = game.hands, game.states
        decls = game.seen.decl.astype(np.int64)
        empty = np.full((len(deals), 7), -128, np.int8)
        *_, q = host.call("root_q", host.thread[0], deals, decls, states, empty, len(deals))
        assert host.returned == -1
        np.testing.assert_array_equal(q, root_q(deals, decls, None, states))


def test_exact_search_equals_the_rules_in_endings(host, games):
    game = games[18]
    decls = game.seen.decl.astype(np.int64)
    empty = np.full((len(decls), 7), -128, np.int8)
    *_, q = host.call("root_q", host.thread[0], game.hands, decls, game.states, empty, len(decls))
    for deal, decl, state, found in zip(game.hands, decls, game.states, q, strict=True):
        assert found.tolist() == reference_q(deal, int(decl), int(state))[1]


def test_exact_search_names_the_first_impossible_row(host, games):
    """A play in the trick that does not follow suit, as `root_q` refuses it."""
    game = games[1]
    deal, decl = game.hands[0], 9
    lead = int(deal[0].argmax())
    suit = rules.led_suit(int(deal[0, lead]), decl)
    wrong = next(slot for slot in range(7) if not rules.follows(int(deal[1, slot]), suit, decl))
    held = (1 << 28) - 1 - (1 << lead) - (1 << 7 + wrong)
    state = held | 2 << 30 | lead << 32 | wrong << 35 | 7 << 38
    assert any(rules.follows(int(domino), suit, decl) for domino in deal[1])
    rows = [deal[None], np.array([decl]), np.array([state]), np.full((1, 7), -128, np.int8)]
    host.call("root_q", host.thread[0], *rows, 1)
    assert host.returned == 0


def test_tokens_equal_numba_at_every_step(host, games):
    for game in games:
        n, states = len(game), game.states
        decls = game.seen.decl.astype(np.int64)
        blank = [np.zeros((n, 32, 12), np.int8), np.zeros((n, 32), np.bool_), np.zeros((n, 7), np.bool_)]
        found = host.call("encode", game.hands, decls, np.arange(n), states, *blank, n, n)[4:]
        expected = encode(game.hands, decls, states)
        for array, same in zip(found, (expected.tokens, expected.mask, expected.legal), strict=True):
            np.testing.assert_array_equal(array, same)


def test_transcripts_equal_numba_at_every_step(host, games):
    for game in games[::3]:
        views, seen = game.views, game.seen
        expected = encode_views(views)
        for row in range(0, len(game), 4):
            plays, players = np.zeros((2, 28), np.int8)
            plays[: seen.step], players[: seen.step] = seen.plays[row], seen.players[row]
            numbers = np.array([seen.decl[row], views.seat[row], seen.step], dtype=np.int8)
            blank = [np.zeros((36, width), np.int8) for width in (8, 12)]
            blank += [np.zeros(36, np.bool_), np.zeros(7, np.bool_)]
            found = host.call("encode_transcript", views.hand[row], numbers, plays, players, *blank)[5:]
            same = expected.tokens[row], expected.mask[row], expected.legal[row]
            for array, wanted in zip(found, same, strict=True):
                np.testing.assert_array_equal(array, wanted)


def test_worlds_equal_numba_at_every_step(host, games):
    for game in games[:24]:
        hidden = unseen(game.views)
        table = completions(hidden)
        keys = stream(5, "wasm", game.seen.step).integers(2**64, size=len(game), dtype=np.uint64)
        ranks = draw_ranks(keys, 0, 70, table.counts)
        expected = unrank(table, ranks)
        n_unseen = hidden.allowed.shape[1]
        for row in range(len(game)):
            blank = np.zeros((n_unseen + 1, 81), np.int32)
            allowed, ways = host.call("count_worlds", hidden.allowed[row], blank, n_unseen)
            assert ways[0, table.root[row]] == table.counts[row]
            owner = np.zeros((70, n_unseen), np.int8)
            cell = table.root[row : row + 1]
            *_, owner = host.call("unrank_worlds", allowed, cell, ways, ranks[row], owner, n_unseen, 70)
            np.testing.assert_array_equal(owner, expected[row])


@pytest.mark.parametrize("policy, until", [("heuristic", 0), ("network", 12)])
def test_playouts_equal_numba_at_every_step(host, games, policy, until):
    fast = open_policy(policy)
    for game in games[::3]:
        n, decls = len(game), game.seen.decl.astype(np.int64)
        shown = np.packbits(voids(game.seen), axis=2, bitorder="little")[:, :, 0]
        bidders = game.seen.bidder.astype(np.int64)
        expected = playout_q(game.hands, decls, game.states, shown, bidders, fast, until)
        rows = [game.hands, decls, game.states, shown, bidders]
        empty = np.full((n, 7), -128, np.int8)
        *_, q = host.call("playout_q", *host.thread, *rows, fast.index, fast.weights, until, empty, n)
        assert host.returned == -1
        np.testing.assert_array_equal(q, expected)


def test_beliefs_equal_numba_at_every_step(host, games):
    """The log weights of worlds by plays and declaration, with the library's own exp and log."""
    belief, policy = open_belief("both"), load_policy(PLAYS_MODEL)
    assert belief
    for game in games[::3]:
        views, seen, hidden = game.views, game.seen, unseen(game.views)
        worlds, every = Worlds(hidden, np.arange(len(game), dtype=np.uint64)), np.arange(len(game))
        owner = worlds.owner(every, worlds.ranks(every, 0, 12, np.zeros(len(game), np.bool_)))
        of_game = torch.arange(len(game)).repeat_interleave(12)
        hands = deal_out(Table.of(views, hidden, "cpu"), of_game, owner.flatten(0, 1))
        expected = belief.log_prior(seen, of_game, hands).numpy().reshape(-1, 12)
        for row in range(0, len(game), 3):
            numbers = np.array([seen.decl[row], views.seat[row], seen.bidder[row]], dtype=np.int64)
            arrays = np.zeros(12, np.int64), numbers, seen.plays[row], seen.players[row], policy.weights
            dealt, log_p = hands.numpy().reshape(-1, 12, 4, 7)[row], np.zeros(12)
            found = host.call("log_weights", *host.thread[1:], dealt, *arrays, log_p, seen.step, 12)
            np.testing.assert_allclose(found[-1], expected[row], atol=1e-12)


@pytest.mark.parametrize("name", POLICIES)
def test_policies_equal_numba_at_every_step(host, games, name):
    policy = open_policy(name)
    for game in games[::2]:
        views, seen = game.views, game.seen
        expected = choose_slots(views, policy)
        for row in range(0, len(game), 3):
            numbers = np.array([seen.decl[row], views.seat[row], seen.bidder[row]], dtype=np.int64)
            arrays = numbers, seen.plays[row], seen.players[row], views.hand[row]
            blank = np.zeros(1, np.int64)
            sight, memory = host.thread[1:]
            found = host.call(
                "policy_slot", sight, memory, *arrays, policy.index, policy.weights, blank, seen.step
            )
            assert found[-1][0] == expected[row]


@pytest.mark.parametrize("name", POLICIES)
def test_whole_deals_equal_the_players(host, name):
    policy = open_policy(name)
    hands = np.array([deal_from_seed(seed) for seed in range(20)], dtype=np.int8)
    decls = np.arange(20, dtype=np.int64) % 10
    playout = PlayersPlayout(name, "", OneHandPlayer(name, policy), 1000)
    blank = np.zeros(20, np.int64)
    *_, gained = host.call("deal_points", *host.thread, hands, decls, policy.index, policy.weights, blank, 20)
    np.testing.assert_array_equal((42 + gained) // 2, playout.points(hands, decls))


def test_calls_equal_those_of_the_rule_bidder(host):
    draws, bidder = stream(3, "wasm-calls"), RuleBidder()
    for _ in range(300):
        hand = np.sort(draws.permutation(28)[:7]).astype(np.int8)
        _, p_make = host.call("rule_p_make", hand, np.zeros((10, 13)))
        np.testing.assert_allclose(p_make, bidder.p_make(hand.tolist()), atol=1e-14)
        calls: list[int] = []
        for _ in range(int(draws.integers(4))):
            calls.append(int(draws.choice(legal_calls(max(calls, default=0))[:6])))
        own, other, forced = (int(draws.integers(n)) for n in (7, 7, 2))
        expected = call(bidder, hand.tolist(), Situation(tuple(calls), own, other, bool(forced)))
        earlier = np.array([*calls, 0], dtype=np.int64)
        best = np.zeros(2, np.int64)
        *_, best = host.call("best_call", p_make, earlier, len(calls), own, other, forced, best)
        assert best.tolist() == [expected.call, -1 if expected.decl is None else expected.decl]


def test_the_weights_are_those_of_the_shipped_network():
    for name, model in FILES.items():
        assert (FOLDER / name).read_bytes() == weights_file(model), f"run `make wasm` and commit {name}"


def test_weights_that_half_precision_changes_are_refused(tmp_path):
    network = OneHandNet.of_size(HIDDEN, SECOND)
    save_model(str(tmp_path), network)
    with pytest.raises(BadInput, match="weights that half precision changes"):
        weights_file(str(tmp_path))
    save_model(str(tmp_path), network.in_half_precision())
    halves = np.frombuffer(weights_file(str(tmp_path)), "<f2")
    np.testing.assert_array_equal(halves, load_weights(str(tmp_path)).view(np.float32))


def test_tables_are_those_of_the_rules(host):
    expected = (tables.LED_SUIT, tables.FOLLOWS, tables.TRICK_RANK, tables.COUNTS)
    found = host.call("rules", *(np.full(table.shape, -1, np.int8) for table in expected))
    for array, same in zip(found, expected, strict=True):
        np.testing.assert_array_equal(array, same)
