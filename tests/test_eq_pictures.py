"""Pictures of a recorded game: complete, the right size, without overlapping elements."""

from __future__ import annotations

import io
import itertools
import json

import pytest
from recorded_game import recorded_game

from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.texas42.domino_art import draw_domino
from forge_core.texas42.dominoes import N_DOMINOES, PIPS
from forge_core.texas42.eq import pictures
from forge_core.texas42.eq.files import write_game
from forge_core.texas42.eq.pictures import HEIGHT, WIDTH, draw_decision, draw_game, draw_scene, steps_of_seat
from forge_core.texas42.eq.scenes import Scene
from forge_core.texas42.notation import declaration_text

pytestmark = pytest.mark.slow

GAME = recorded_game()
PNG = b"\x89PNG\r\n\x1a\n"


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(PNG)
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


def frames_of(gif: bytes) -> list[int]:
    """Return the duration of each frame in ms."""
    from PIL import Image

    assert gif.startswith(b"GIF89a")
    with Image.open(io.BytesIO(gif)) as film:
        assert film.size == (WIDTH, HEIGHT)
        assert film.info["loop"] == 0
        times = []
        for frame in range(film.n_frames):
            film.seek(frame)
            times.append(film.info["duration"])
        return times


def texts_of(figure) -> list:
    return [text for text in figure.axes[0].texts if text.get_text()]


@pytest.mark.parametrize("domino", range(N_DOMINOES))
def test_a_domino_shows_its_pips(domino):
    from matplotlib.figure import Figure
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    for horizontal in (False, True):
        ax = Figure().add_subplot(aspect="equal")
        ax.set(xlim=(-1, 1), ylim=(-1, 1))
        draw_domino(ax, domino, 0, 0, horizontal=horizontal)
        paths = [patch.get_path() for patch in ax.patches if isinstance(patch, PathPatch)]
        circles = [path for path in paths if path.codes is not None]
        assert sum((path.codes == Path.CLOSEPOLY).sum() for path in circles) == sum(PIPS[domino])


@pytest.mark.parametrize("step", [0, 27])
def test_a_decision_is_a_png(step):
    assert size_of(draw_decision(GAME, step)) == (WIDTH, HEIGHT)


def test_the_same_decision_is_the_same_file():
    assert draw_decision(GAME, 4) == draw_decision(GAME, 4)


@pytest.mark.parametrize(
    ("game", "step"),
    [
        (GAME, 0),
        (GAME, 10),
        (GAME, 27),
        (recorded_game(12345678, bid=84, leader=3), 6),
        (recorded_game(17, bid=42, leader=2), 15),
        (recorded_game(29, pdf=False, criterion="pmake"), 3),
    ],
)
def test_every_word_is_on_the_page_and_none_on_another(game, step):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = draw_scene(Scene(game, step))
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts_of(figure)]
    for word, box in boxes:
        assert min(box.x0, box.y0) >= 0 and box.x1 <= WIDTH and box.y1 <= HEIGHT, word
    for (word, box), (other, another) in itertools.combinations(boxes, 2):
        assert not box.overlaps(another), (word, other)


def test_a_picture_says_what_was_weighed():
    scene = next(scene for scene in (Scene(GAME, step) for step in range(28)) if len(scene.options) == 4)
    words = [text.get_text() for text in texts_of(draw_scene(scene))]
    for option in scene.options:
        assert f"{option.mean:+.1f} ± {option.spread:.1f}".replace("-", "−") in words
    assert f"ESS {scene.ess:.1f}" in words
    assert sum(word.startswith("played, ") for word in words) == 1
    assert declaration_text(GAME.decl) in words[0]


def test_a_film_of_seat_0():
    assert frames_of(draw_game(GAME, fps=4)) == [250] * 7


def test_a_film_of_some_decisions():
    assert steps_of_seat(GAME, 0) == [step for step in range(28) if GAME.decisions.player[step] == 0]
    assert frames_of(draw_game(GAME, [3, 5])) == [2000] * 2


@pytest.mark.parametrize(
    ("steps", "fps"), [([], 1.0), ([28], 1.0), ([0], 0.0), ([0], 51.0), ([0], float("nan")), ([0], -1.0)]
)
def test_no_such_film(steps, fps):
    with pytest.raises(BadInput):
        draw_game(GAME, steps, fps)


# --- forge pictures ---------------------------------------------------------------------------


@pytest.fixture
def games(tmp_path):
    """A folder with one game."""
    write_game(Store(str(tmp_path)), GAME)
    return str(tmp_path)


def test_forge_pictures_of_a_decision(forge, games, tmp_path):
    out = tmp_path / "out"
    status, said, err = forge("pictures", games, "--decision", "5", "--out", str(out))
    assert (status, err) == (0, "")
    assert "seed_00000016_decl_6_05.png: 1 decision, " in said
    assert [path.name for path in out.iterdir()] == ["seed_00000016_decl_6_05.png"]
    assert size_of((out / "seed_00000016_decl_6_05.png").read_bytes()) == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("extra", "name", "steps"),
    [
        ((), "seed_00000016_decl_6.gif", steps_of_seat(GAME, 0)),
        (("--all-players",), "seed_00000016_decl_6_all.gif", list(range(28))),
    ],
)
def test_forge_pictures_of_a_game(forge, games, tmp_path, monkeypatch, extra, name, steps):
    asked = []
    monkeypatch.setattr(pictures, "draw_game", lambda record, *which: asked.append(which) or b"GIF")
    status, said, _ = forge("pictures", games, "--fps", "3", "--out", games, *extra, "--json")
    assert (status, asked) == (0, [(steps, 3.0)])
    assert json.loads(said) == {"path": f"{games}/{name}", "decisions": steps, "bytes": 3}
    assert (tmp_path / name).read_bytes() == b"GIF"


@pytest.mark.parametrize("extra", [("--fps", "0"), ("--fps", "x"), ("--decision", "3", "--all-players")])
def test_pictures_that_cannot_be(forge, games, tmp_path, extra):
    status, said, err = forge("pictures", games, "--out", str(tmp_path / "out"), *extra)
    assert (status, said, err.count("\n")) == (2, "", 1)
    assert not (tmp_path / "out").exists()
