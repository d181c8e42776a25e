"""Matches of Liuzhou by pairs, the ladder, and games on record."""

from __future__ import annotations

import json

import numpy as np
import pytest

from forge_core.arena.players import RandomPlayer
from forge_core.errors import BadInput
from forge_core.liuzhou.game import LIUZHOU
from forge_core.liuzhou.match import Comparison, play_ladder, play_match, random_openings, rate
from forge_core.liuzhou.notation import parse_action
from forge_core.liuzhou.players.greedy import GreedyPlayer
from forge_core.liuzhou.record import GameRecord
from forge_core.liuzhou.settings.matches import LadderSettings, MatchSettings, PairSettings
from forge_core.liuzhou.state import START, legal_mask, pack, unpack
from forge_core.streams import mix

RANDOM, GREEDY, REPLY = RandomPlayer(), GreedyPlayer(), GreedyPlayer(reply=True)
FEW = PairSettings(pairs=40)


def test_an_opening_depends_on_its_pair_and_the_seed_alone():
    rows = random_openings(range(50), 0, 4)
    assert np.array_equal(random_openings([7, 3], 0, 4), rows[[7, 3]])
    assert not np.array_equal(random_openings(range(50), 1, 4), rows)
    assert len(np.unique(rows, axis=0)) == 50 and ((rows[:, 3] >> 8 & 255) == 4).all()
    assert np.array_equal(random_openings([5], 3, 0)[0], START)
    assert {unpack(row).player for row in rows} == {1}, "black places next"


def test_both_games_of_a_pair_begin_alike_and_colours_are_exchanged():
    seen: list[np.ndarray] = []

    class Watcher:
        name = "watcher"

        def act(self, view, legal, keys):
            if (view[:, 3] >> 8 & 255 == 4).all():
                seen.append(view.copy())
            return RANDOM.act(view, legal, keys)

    play_match(Watcher(), Watcher(), PairSettings(pairs=6))
    one, other = seen
    assert np.array_equal(one, other) and np.array_equal(one, random_openings(range(6), 0, 4))
    watched = Comparison.of(play_match(Watcher(), RANDOM, PairSettings(pairs=6)))
    assert np.array_equal(seen[2], one), "it is black once in each pair"
    assert watched.tally.score.mean == 0.5, "it draws the same numbers as the other"


def test_a_match_counts_games_stones_and_plies():
    found = Comparison.of(play_match(GREEDY, RANDOM, FEW))
    tally = found.tally
    assert (tally.a, tally.b, tally.seeds, tally.games) == ("greedy", "random", 40, 80)
    assert tally.won + tally.drawn + tally.lost == 80 and tally.won > 50
    assert tally.score.mean == pytest.approx((tally.won + tally.drawn / 2) / 80)
    assert 0.8 < tally.score.low < tally.score.mean < tally.score.high <= 1
    assert found.stones.low > 6 and 80 < found.plies < 130
    answer = json.loads(json.dumps(found.to_dict()))
    assert answer["stones"]["mean"] == found.stones.mean and answer["better"] is None


def test_the_other_way_round_it_is_the_same_match_and_batches_change_nothing():
    match = play_match(REPLY, GREEDY, FEW)
    turned = play_match(GREEDY, REPLY, PairSettings(pairs=40, batch=7)).swapped()
    assert all(np.array_equal(match.columns[name], turned.columns[name]) for name in match.columns)
    other = play_match(REPLY, GREEDY, PairSettings(pairs=40, seed=1))
    assert not np.array_equal(match.columns["stones"], other.columns["stones"])


def test_a_sequential_test_ends_a_match():
    ended: list[int] = []
    settings = MatchSettings(pairs=400, sprt=True, margin=0.3)
    match = play_match(GREEDY, RANDOM, settings, on_over=ended.append)
    assert len(match) == 50 and sum(ended) == 200, "a batch of 100 pairs is played at once"
    assert Comparison.of(match).better == "a" and Comparison.of(match).was_tested


def test_the_ladder_rates_players_by_strength():
    ladder = play_ladder(REPLY, (RANDOM, GREEDY), FEW)
    assert [(match.a, match.b) for match in ladder] == [("reply", "random"), ("reply", "greedy")]
    crossed = play_ladder(REPLY, (RANDOM, GREEDY), FEW, cross=True)
    assert [(match.a, match.b) for match in crossed[2:]] == [("greedy", "random")]
    plain, more = rate(ladder), rate(crossed)
    assert [rating.name for rating in more] == ["reply", "greedy", "random"] and more[2].elo == 0
    assert more[0].games == 160 and 400 < more[0].elo < 900

    def width(ratings, name):
        return next(rating.high - rating.low for rating in ratings if rating.name == name)

    assert width(more, "greedy") < width(plain, "greedy")


def test_settings_of_the_ladder():
    assert LadderSettings().names == ("random", "greedy", "reply", "playouts:256")
    for names in ("", "greedy greedy"):
        with pytest.raises(BadInput, match="name each player once"):
            assert LadderSettings(opponents=names).names


# --- games on record --------------------------------------------------------------------------


def random_game(seed: int) -> GameRecord:
    """Return a game by random play."""
    rows, actions = START[None].copy(), []
    while not LIUZHOU.over(rows)[0]:
        action = RANDOM.act(rows, legal_mask(rows), mix(seed, [len(actions)]))
        rows = LIUZHOU.step(rows, action)
        actions.append(int(action[0]))
    return GameRecord.replay(actions, players=("random", "search:sims=2,model=a/b"))


def test_a_game_is_written_and_read_back():
    game = random_game(3)
    assert game.is_over and len(game.rows) == len(game.actions) + 1
    text = game.to_text()
    assert text.startswith("black: random\nwhite: search:sims=2,model=a/b\n")
    again = GameRecord.parse(text)
    assert (again.actions, again.players) == (game.actions, game.players)
    assert np.array_equal(again.rows, game.rows)
    later = GameRecord.replay(game.actions[30:40], game.rows[30])
    assert "start: " in later.to_text() and not later.is_over
    assert np.array_equal(GameRecord.parse(later.to_text()).rows, game.rows[30:41])


def test_games_that_are_none_are_refused():
    with pytest.raises(BadInput, match="action 2, c3, is against the rules"):
        GameRecord.parse("c3 c3")
    with pytest.raises(BadInput, match="is not an action"):
        GameRecord.parse("black: x\nc3 what")
    with pytest.raises(BadInput, match="is not a position"):
        GameRecord.parse("start: nowhere\nc3")
    assert GameRecord.parse("c3").actions == (parse_action("c3"),)
    assert np.array_equal(GameRecord.parse("").rows, pack(unpack(START))[None])
