"""Pictures of Liuzhou: positions of every phase, and games as films."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageColor

from forge_core.errors import BadInput
from forge_core.liuzhou import rules
from forge_core.liuzhou.analysis import Analysis, Option, analyse
from forge_core.liuzhou.evaluators import FakeNet
from forge_core.liuzhou.match import random_openings
from forge_core.liuzhou.notation import parse_position
from forge_core.liuzhou.pictures import draw_film, draw_position
from forge_core.liuzhou.pictures.canvas import BLACK_FILL, WHITE_FILL
from forge_core.liuzhou.record import GameRecord
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.state import START, legal_actions, outcomes, pack, unpack

FULL = "WBWBWB/BWBWBW/WBWBWB/BWBWBW/WBWBWB/BWBWBW"
POSITIONS = (
    "BBW.../W...../....../....../....../...... place white moves=4",
    "..BBBB/.BWW.W/bB..W./...W../.B..W./..B.W. mark black pending=2 moves=35",
    "wBWBwb/BWBWBW/WBWBWB/BWBWBW/WBWBWB/BWBWBW removal white moves=38",
    "BB..../BB..../B....B/...W../W...WW/..W.WW move white moves=60 quiet=3",
    "BB..../BB..../....../...W../W...WW/..W.WW capture black pending=1 moves=70",
    f"{FULL} forced white moves=37",
    "B...../....../....../....../....../WWWWWW counter black moves=70",
)


def pixels(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def analysis_of(line: str) -> Analysis | None:
    [found] = analyse(pack(parse_position(line))[None], FakeNet(), SearchSettings(20), "cpu")
    return found


@pytest.mark.parametrize("line", POSITIONS[:6], ids=lambda line: line.split()[1])
def test_a_position_of_each_phase(line):
    state = parse_position(line)
    found = analysis_of(line)
    assert found and sum(option.visits or 0 for option in found.options) == 20
    assert [option.action for option in found.options] != [] and found.options[0].share > 0
    picture = pixels(draw_position(state, analysis=found, title="$\\bad$", players=("reply", "a/b=c/d/e")))
    assert picture.size == (1000, 620)
    plain = draw_position(state)
    assert plain == draw_position(state) and pixels(plain) != picture


def test_stones_are_black_and_white_where_they_stand():
    picture = pixels(draw_position(parse_position(POSITIONS[3])))
    for cell, color in ((0, BLACK_FILL), (17, BLACK_FILL), (21, WHITE_FILL), (35, WHITE_FILL)):
        x, y = 46 + 88 * (cell % 6 + 0.5), 46 + 88 * (cell // 6 + 0.5)
        assert picture.getpixel((int(x), int(y))) == ImageColor.getrgb(color)


def test_the_last_action_is_shown():
    state = rules.step(parse_position(POSITIONS[3]), 36 + 4 * 21)
    assert draw_position(state, last=36 + 4 * 21) != draw_position(state)


def test_an_analysis_is_in_order_and_of_the_mover():
    rows = random_openings(range(70), 0, 20)
    found = analyse(rows, FakeNet(), SearchSettings(16), "cpu")
    for row, each in zip(rows, found, strict=True):
        assert each and [option.share for option in each.options] == sorted(
            (option.share for option in each.options), reverse=True
        )
        assert {option.action for option in each.options} == set(rules.legal(unpack(row)))
        assert sum(option.prior or 0 for option in each.options) == pytest.approx(1, abs=1e-5)
        assert all((option.q is None) == (option.visits == 0) for option in each.options)
    assert found == [*analyse(rows[:3], FakeNet(), SearchSettings(16), "cpu"), *found[3:]]
    over = np.array(rows[:1])
    over[0, 3] |= 3 << 22
    assert analyse(over, FakeNet(), SearchSettings(4), "cpu") == [None]
    policy = np.zeros(64)
    policy[:2] = 0.25, 0.75
    stored = Analysis.of_policy(START, policy, -0.5)
    assert stored.options[:2] == (Option(1, 0.75), Option(0, 0.25)) and len(stored.options) == 36
    assert stored.options[0].text == "b1"


def short_game(n: int = 6) -> GameRecord:
    rows, actions = START[None].copy(), []
    for _ in range(n):
        listed, _ = legal_actions(rows)
        actions.append(int(listed[0, 5]))
        rows = GameRecord.replay(actions).rows[-1:]
    assert outcomes(rows)[0] == 0
    return GameRecord.replay(actions, players=("greedy", "reply"))


def test_a_game_as_a_film():
    game, drawn = short_game(), []
    found = analyse(game.rows, FakeNet(), SearchSettings(12), "cpu")
    film = Image.open(io.BytesIO(draw_film(game, found, "A game", 4.0, lambda: drawn.append(1))))
    assert (film.n_frames, film.size, len(drawn)) == (7, (800, 688), 7)
    durations, frames = [], []
    for frame in range(film.n_frames):
        film.seek(frame)
        durations.append(film.info["duration"])
        frames.append(film.convert("RGB").tobytes())
    assert durations == [250] * 6 + [3000] and len(set(frames)) == 7
    bare = draw_film(game)
    assert Image.open(io.BytesIO(bare)).n_frames == 7 and bare == draw_film(game)


def test_films_that_cannot_be_are_refused():
    with pytest.raises(BadInput, match="no action"):
        draw_film(GameRecord.replay([]))
    with pytest.raises(BadInput, match="a GIF can show"):
        draw_film(short_game(1), fps=1000)
