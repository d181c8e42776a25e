"""Kernels as WebAssembly: the committed file is that of the sources, and equals numba and the rules."""

from __future__ import annotations

import importlib.metadata
import importlib.util

import numpy as np
import pytest
from random_games import play

from forge_core.streams import stream
from forge_core.texas42 import rules, tables
from forge_core.texas42.oracle import root_q
from forge_core.texas42.oracle.reference import reference_q
from forge_core.texas42.tokens.encoder import encode
from forge_core.texas42.web import WASM
from forge_core.texas42.web.kernels import EXPORTS, MODULE
from forge_core.texas42.worlds.count import completions
from forge_core.texas42.worlds.sample import draw_ranks, unrank
from forge_core.texas42.worlds.voids import unseen
from forge_core.web.build import build, compiled, digest, origin_of

pytest.importorskip("wasmtime")
ORIGIN = origin_of(WASM.read_bytes())
REBUILD = "texas42.wasm is not what the sources give: run `make wasm` and commit the file"


@pytest.fixture(scope="module")
def host():
    from wasm_host import WasmHost

    return WasmHost(WASM, ORIGIN["layout"]["search_bytes"])


@pytest.fixture(scope="module")
def games():
    """Twelve random games under all declarations, before each play."""
    return play(range(12), leaders=np.arange(12) % 4)[:-1]


def test_the_committed_file_is_of_these_sources():
    assert ORIGIN["version"] == EXPORTS.version, REBUILD
    assert ORIGIN["layout"] == EXPORTS.layout, REBUILD


@pytest.mark.slow
def test_the_same_sources_and_tools_give_the_same_bytes():
    tools = {name: importlib.metadata.version(name) for name in ("numba", "llvmlite")}
    if tools.items() - ORIGIN["tools"].items():
        pytest.skip(f"the file was built with {ORIGIN['tools']}")
    if importlib.util.find_spec("ziglang"):
        assert build(MODULE) == WASM.read_bytes(), REBUILD
    else:
        assert digest(compiled(MODULE)) == ORIGIN["object"], REBUILD


def test_exact_search_equals_numba_at_every_step(host, games):
    for game in games:
        deals, states = game.hands, game.states
        decls = game.seen.decl.astype(np.int64)
        empty = np.full((len(deals), 7), -128, np.int8)
        *_, q = host.call("root_q", host.search, deals, decls, states, empty, len(deals))
        assert host.returned == -1
        np.testing.assert_array_equal(q, root_q(deals, decls, None, states))


def test_exact_search_equals_the_rules_in_endings(host, games):
    game = games[18]
    decls = game.seen.decl.astype(np.int64)
    empty = np.full((len(decls), 7), -128, np.int8)
    *_, q = host.call("root_q", host.search, game.hands, decls, game.states, empty, len(decls))
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
    host.call("root_q", host.search, *rows, 1)
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


def test_tables_are_those_of_the_rules(host):
    expected = (tables.LED_SUIT, tables.FOLLOWS, tables.TRICK_RANK, tables.COUNTS)
    found = host.call("rules", *(np.full(table.shape, -1, np.int8) for table in expected))
    for array, same in zip(found, expected, strict=True):
        np.testing.assert_array_equal(array, same)
