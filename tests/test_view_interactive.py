"""`forge view --interactive`: decisions and worlds by keys or lines, with exact answers and a network's."""

from __future__ import annotations

import io
import os
import sys

import numpy as np
import pytest

from forge_core.cli import keys
from forge_core.files import Store
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.eq import ExactOracle, GameConfig, Sampling, play_games
from forge_core.texas42.eq.files import write_game
from forge_core.texas42.eq.sampled_worlds import SampledWorlds
from forge_core.texas42.eq.scenes import scenes
from forge_core.texas42.games import start

MODEL = "models/texas42-qvalue-73k"


@pytest.fixture(scope="module")
def game():
    """A game with three worlds per decision, and an own seed."""
    games = start([deal_from_seed(7)], [7])
    [record] = play_games(ExactOracle(1), games, GameConfig(Sampling(3), seed=5), "cpu", deal_seeds=[7])
    return record


@pytest.fixture(scope="module")
def store(game, tmp_path_factory):
    root = str(tmp_path_factory.mktemp("games"))
    write_game(Store(root), game)
    return root


@pytest.fixture
def typed(forge, store, monkeypatch):
    """Run `forge view --interactive` with lines as its input; return the pages."""

    def run(lines: str, *options: str) -> list[str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        status, out, err = forge("view", store, "--interactive", *options)
        assert (status, err) == (0, "")
        return out.split("n next · b back")

    return run


def test_the_worlds_are_those_of_the_estimates(game):
    """The solver's means over them are the E[Q] of the record."""
    for scene in scenes(game):
        worlds = SampledWorlds.of(scene)
        assert len(worlds) == scene.n_worlds
        q = worlds.q(ExactOracle(1))
        np.testing.assert_allclose(q.mean(axis=0), game.decisions.e_q_mean[scene.step], atol=1e-5)
        assert worlds.positions.hands[len(worlds)].tolist() == game.hands.tolist()
        for world in range(len(worlds) + 1):
            left = worlds.left(world)
            assert sorted(domino for hand in left for domino in hand) == sorted(
                {*range(28)} - {*scene.played}
            )
            assert sorted(left[scene.seat]) == sorted(set(scene.hand) - {*scene.played})


def test_decisions_by_lines(typed):
    pages = typed("n\n\nb\n27\nn\n0\nb\n28\nfly\nh\nq\nn\n")
    places = [0, 1, 2, 1, 27, 0]
    for page, place in zip(pages, places, strict=False):
        assert f"seed 7 · decision {place} · " in page
    assert "this is the last decision" in pages[5] and "this is the first decision" in pages[6]
    assert "decision 28: use 0 to 27" in pages[6] and "'fly' is no command" in pages[6]
    assert "jump to a decision" in pages[6] and len(pages) == len(places) + 1


def test_the_input_may_end_without_quit(typed):
    assert len(typed("")) == 2
    assert "decision 12 · " in typed("", "--decision", "12")[0]


def test_worlds_by_lines(typed, game):
    pages = typed("w\nw\nw\nw\nv\nd\nx\nv\nw 2\nw 4\nn\n", "--decision", "4")
    which = ["world 1 of 3", "world 2 of 3", "world 3 of 3", "world 1 of 3", "world 3 of 3"]
    which += ["the hands as they were dealt", "trick 2", "world 3 of 3", "world 2 of 3", "trick 2"]
    for page, text in zip(pages[1:], which, strict=False):
        assert text in page
    assert "world 4: use 1 to 3" in pages[-2] and "decision 5 · " in pages[-2]
    assert "exact" in pages[1] and "network" not in pages[1]


def test_a_network_next_to_the_exact_answer(typed, game):
    pages = typed("w\n", "--model", MODEL)
    for page in pages[:2]:
        _, *rows = page[page.index("exact   network   off by") :].splitlines()
        for row in rows[: int(game.decisions.legal_mask[0].sum())]:
            *_, exact, predicted, off = row.split()
            assert float(predicted) - float(exact) == pytest.approx(float(off), abs=0.11)
    assert "means over these worlds" in pages[0]


@pytest.mark.parametrize("objective", ["policy", "regret", "eq"])
def test_networks_of_other_kinds(typed, tmp_path, objective):
    from forge_core.learning.checkpoints import save_model
    from forge_core.learning.networks.sizes import ModelConfig
    from forge_core.learning.networks.transformer import TokenTransformer
    from forge_core.texas42.tokens.inferences import STAGE2_SPEC
    from forge_core.texas42.tokens.rows import STAGE1_SPEC

    spec = STAGE1_SPEC if objective == "policy" else STAGE2_SPEC
    save_model(str(tmp_path / "net"), TokenTransformer(spec, ModelConfig(8, 1, 1, 8, objective)), {})
    decision, world, _ = typed("w\n", "--model", str(tmp_path / "net"))
    assert "network" in decision and ("network" in world) == (objective == "policy")
    assert ("from the mover's own hand" in decision) == (objective != "policy")
    assert ("off by" in decision) == (objective == "eq")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--interactive", "--json"), "--interactive and --json exclude each other"),
        (("-i", "--regret"), "--interactive and --regret exclude each other"),
        (("--model", MODEL), "--model has an effect only with --interactive"),
        (("-i", "--model", "models/liuzhou-32x3"), "another model"),
        (("-i", "--model", "nowhere"), "contains no model"),
        (("-i", "--decision", "28"), "use 0..27"),
    ],
)
def test_options_that_do_not_fit(forge, store, options, message):
    status, out, err = forge("view", store, *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err


# --- at a terminal ----------------------------------------------------------------------------


@pytest.fixture
def keyboard(monkeypatch):
    """A terminal whose keys are bytes that the test writes."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        yield ours
    os.close(ours)


def test_single_keys(keyboard, capsys):
    import termios

    before = termios.tcgetattr(sys.stdin)
    read = keys.commands("decision ")
    for pressed, command in [
        (b"n", "n"),
        (b"\r", ""),
        (b"\x1b[C", "right"),
        (b"\x1b[D", "left"),
        (b"12\r", "12"),
        (b"13\x7f4\n", "14"),
        (b"1xw", "w"),
        (b"\x1bq", "q"),
    ]:
        os.write(keyboard, pressed)
        assert next(read) == command
    assert "decision 12" in capsys.readouterr().out
    assert termios.tcgetattr(sys.stdin) == before
    os.write(keyboard, b"\x04")
    assert next(read, None) is None


@pytest.mark.parametrize("width", [40, 60])
def test_nothing_is_cut_on_a_narrow_terminal(game, keyboard, width):
    from rich.console import Console

    from forge_core.texas42.cli.browse import Browser
    from forge_core.texas42.players.network_answers import NetworkAnswers

    page = io.StringIO()
    console = Console(file=page, width=width, force_terminal=True, color_system=None, highlight=False)
    os.write(keyboard, b"nwd" + b"n" * N_PLAYS + b"16\rq")
    Browser(console, game, NetworkAnswers.open(MODEL)).browse()
    text = page.getvalue()
    assert "…" not in text and all(f"decision {step} · " in text for step in range(N_PLAYS))
    lines = [line.replace("\x1b[2J", "").replace("\x1b[H", "") for line in text.splitlines()]
    assert max(map(len, lines)) <= width
    for scene in list(scenes(game))[::5]:
        for option in scene.options:
            assert f"{option.mean:+.1f}" in text
