"""Matches of games unknown to the arena: two seats with open information, three seats with hidden cards."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from toy_games import Bids, Noughts, SealedBids

from forge_core.arena.loop import play_all, play_seeds, who_is_better
from forge_core.arena.match import Match, SeatResults, Table, compare, play_match
from forge_core.arena.names import PlayerKind, make_player, parse_name, split_names
from forge_core.arena.pictures import draw_standings
from forge_core.arena.play import play_games, seed_keys
from forge_core.arena.players import RandomPlayer, view_of
from forge_core.arena.seats import mean_by_player, rotations, win_shares
from forge_core.arena.standings import (
    Column,
    better_side,
    by_rank,
    pair_table,
    rank_table,
    standings,
    to_markdown,
)
from forge_core.errors import BadInput
from forge_core.stats import Measure, Sprt, Verdict, elo_difference, mean_interval

RANDOM = RandomPlayer()
POINTS = Measure("points", "pair")


@dataclass(frozen=True)
class Winner:
    """A player of Noughts: takes a winning cell, else blocks one, else the first free one. It sees the
    whole state."""

    name: str = "winner"
    blocks: bool = True

    def describe(self) -> dict[str, Any]:
        return {"player": "winner", "blocks": self.blocks}

    def act(self, view: torch.Tensor, legal: torch.Tensor, keys: np.ndarray) -> torch.Tensor:
        game = Noughts()
        worth = -torch.arange(9).repeat(len(view), 1)
        for seat, prize in ((0, 100), (1, 50 * self.blocks)):
            for cell in range(9):
                stones = view[:, :2].clone()
                mover = (game.to_move(view) + seat) % 2
                stones[torch.arange(len(view)), mover] |= 1 << cell
                won = game._won(torch.cat([stones, view[:, 2:]], 1))[torch.arange(len(view)), mover]
                worth[:, cell] += prize * won
        return torch.where(legal, worth, -1000).argmax(1)


@dataclass(frozen=True)
class CardBidder:
    """A player of SealedBids: bids its card less `below`. Its view is the observation, which begins with
    the card."""

    name: str
    below: int
    seen: list[Any] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        return {"player": "bidder", "below": self.below}

    def act(self, view: np.ndarray, legal: np.ndarray, keys: np.ndarray) -> np.ndarray:
        self.seen.append(view)
        return np.maximum(view[:, 0].astype(np.int64) - self.below, 0)


def noughts(*players: Any, **more: Any) -> Table:
    return Table(Noughts(), players, (0, 1), **more)


def bids(*players: Any, lineup: tuple[int, ...] = (0, 1, 1), **more: Any) -> Table:
    return Table(SealedBids(), players, lineup, **more)


def same(one: Match, other: Match) -> bool:
    return np.array_equal(one.seed, other.seed) and all(
        np.array_equal(one.columns[name], other.columns[name]) for name in one.columns
    )


# --- seats ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lineup", [(0, 1), (0, 1, 0, 1), (0, 1, 1), (0, 1, 1, 1), (0, 1, 2, 3)])
def test_every_player_has_every_seat_equally_often(lineup):
    seats = rotations(lineup)
    assert tuple(seats[0]) == lineup and len({tuple(row) for row in seats.tolist()}) == len(seats)
    for player in set(lineup):
        assert len(set((seats == player).sum(axis=0).tolist())) == 1


def test_numbers_by_seat_are_averaged_by_player():
    by_seat = np.array([[[1.0, 5.0, 6.0]], [[7.0, 2.0, 8.0]], [[9.0, 10.0, 3.0]]])  # [3, 1, 3]
    assert mean_by_player(by_seat, rotations((0, 1, 1))).tolist() == [[2.0, 7.5]]
    assert win_shares([[3, 1, 3], [0, 2, 1]]).tolist() == [[0.5, 0, 0.5], [0, 1, 0]]


# --- two players, everything open -------------------------------------------------------------


def test_a_player_is_as_good_as_itself_on_every_seed():
    for table in (noughts(RANDOM, RANDOM), noughts(Winner(), Winner())):
        match = play_match(table, range(60))
        assert not match.swing.any() and match.columns["returns"].shape == (60, 2)
    assert not play_match(bids(RANDOM, RANDOM), range(60)).sprt


def test_colours_are_swapped_and_the_pair_is_one_observation():
    match = play_match(noughts(Winner(), RANDOM), range(100))
    assert (match.a, match.b, len(match)) == ("winner", "random", 100)
    assert np.array_equal(match.columns["returns"].sum(axis=1), np.zeros(100))
    assert set(match.columns["returns"][:, 0]) <= {-1, -0.5, 0, 0.5, 1}
    found = match.mean()
    assert found.n == 100 and found.low > 0.3
    assert elo_difference((1 + found.low) / 2) > 100
    assert match.difference() == mean_interval(match.swing)
    other = play_match(noughts(RANDOM, Winner()), range(100))
    assert same(other.swapped(), match)


def test_games_begin_where_the_game_says_and_count_what_it_counts():
    def start(seeds):
        rows = Noughts().init([0] * len(seeds))
        return Noughts().step(rows, torch.tensor([seed % 9 for seed in seeds]))

    def count(state):
        plies = Noughts()._cells(state).sum((1, 2))
        return {"plies": plies[:, None].expand(-1, 2), "won": (Noughts().returns(state) > 0)}

    match = play_match(noughts(Winner(), RANDOM, start=start, count=count), range(36))
    assert (match.columns["plies"] >= 5).all() and (match.columns["plies"][:, 0] <= 9).all()
    assert match.mean("won").mean > match.mean("won", player=1).mean


# --- three players, hidden cards --------------------------------------------------------------


def test_roles_are_rotated_and_the_games_of_a_seed_are_one_observation():
    game, careful, bold = SealedBids(), CardBidder("careful", 2), CardBidder("bold", 0)
    match = play_match(bids(careful, bold), range(200))
    assert match.columns["returns"].shape == (200, 2) and match.mean().n == 200
    by_hand = []
    for place in range(3):
        seats = np.roll([0, 1, 1], place)
        over = play_games(
            game,
            game.init(range(200)),
            (careful, bold),
            np.tile(seats, (200, 1)),
            seed_keys(range(200), 0),
        )
        by_hand.append(game.returns(over)[:, seats.tolist().index(0)])
    assert np.allclose(match.columns["returns"][:, 0], np.mean(by_hand, axis=0))
    assert match.difference().decided


def test_two_players_meet_the_same_others_paired_by_seed():
    bold = CardBidder("bold", 0)
    one, other = (play_match(bids(CardBidder("x", below), bold), range(100)) for below in (2, 1))
    found = compare(one, other)
    assert found.mean == pytest.approx(one.mean().mean - other.mean().mean)
    with pytest.raises(BadInput, match="same seeds"):
        compare(one, play_match(bids(bold, RANDOM), range(50)))


def test_a_player_is_handed_only_what_its_seat_may_know():
    player = CardBidder("spy", 1)
    play_match(bids(player, RANDOM), range(20))
    width = SealedBids().facts.observation.shape[0]
    assert player.seen and all(type(view) is np.ndarray and view.shape[1] == width for view in player.seen)
    assert view_of(SealedBids())(SealedBids().init([1])).shape == (1, width)
    rows = Noughts().init([1])
    assert view_of(Noughts())(rows) is rows, "nothing is hidden"

    def cards_only(state: Bids) -> np.ndarray:
        return state.card[np.arange(len(state.card)), SealedBids().to_move(state)][:, None]

    own = CardBidder("own", 1)
    assert same(
        play_match(bids(own, RANDOM, view=cards_only), range(20)),
        play_match(bids(player, RANDOM), range(20)),
    )
    assert own.seen[0].shape[1] == 1


def test_an_illegal_action_is_refused():
    with pytest.raises(BadInput, match="is illegal for seat"):
        play_match(bids(CardBidder("cheat", -1), RANDOM), range(5))


# --- batches, stores, tests -------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Keeping(Table):
    """A table that keeps its games, and counts those that it plays."""

    kept: dict[tuple[int, int], SeatResults] = field(default_factory=dict)
    counts: list[int] = field(default_factory=list)

    def find(self, arrangement: int, seed: int) -> SeatResults | None:
        return self.kept.get((arrangement, seed // self.block))

    def keep(self, arrangement: int, results: SeatResults) -> None:
        self.kept[arrangement, int(results.seed[0]) // self.block] = results

    def play(self, wanted):
        self.counts.append(sum(len(seeds) for _, seeds in wanted))
        return super().play(wanted)


def test_the_size_of_a_batch_changes_nothing():
    for table in (noughts(Winner(), RANDOM), bids(RANDOM, CardBidder("bold", 0))):
        assert same(*(play_match(table, range(30, 170), batch=batch) for batch in (1, 1000)))


def test_another_seed_draws_other_actions():
    tables = [noughts(RANDOM, Winner(), seed=seed) for seed in (0, 1)]
    assert not same(*(play_match(table, range(100)) for table in tables))


def test_what_is_kept_is_not_played_again():
    table, found = Keeping(SealedBids(), (RANDOM, CardBidder("bold", 0)), (0, 1, 1)), []
    play_match(table, range(20, 65), on_found=found.append)
    assert (sum(table.counts), sum(found), len(table.kept)) == (3 * 45, 0, 6)
    more = play_match(table, range(30, 80), on_found=found.append)
    assert (sum(table.counts), sum(found)) == (3 * 60, 3 * 35)
    assert same(more, play_match(bids(*table.players), range(30, 80)))
    play_match(table, range(20, 80))
    assert len(table.counts) == 2, "nothing is missing"


def test_a_test_that_is_decided_ends_the_match_after_its_block_whatever_the_batch():
    matches = [
        play_match(noughts(Winner(), RANDOM), range(400), who_is_better(0.4), batch=batch)
        for batch in (50, 400)
    ]
    assert same(*matches)
    [match, _] = matches
    assert len(match) < 400 and len(match) % 50 == 0
    assert match.sprt and match.sprt.verdict is Verdict.ACCEPT_H1 and match.sprt.n == len(match)
    assert better_side(match.sprt) == "a" and better_side(match.swapped().sprt) == "b"
    assert better_side(None) is None and better_side(Sprt()) is None
    blocks, sprt = play_seeds(noughts(RANDOM, RANDOM), range(120))
    assert [len(parts) for parts in blocks] == [2, 2, 2] and sprt is None


def test_a_test_may_compare_a_column_of_the_game():
    def count(state):
        return {"won": Noughts().returns(state) > 0}

    match = play_match(noughts(Winner(), RANDOM, count=count), range(100), who_is_better(0.01), by="won")
    assert match.sprt and match.sprt.total == pytest.approx(match.swing.sum())
    assert np.array_equal(match.swing, match.columns["won"][:, 0] - match.columns["won"][:, 1])
    with pytest.raises(BadInput, match="use one of returns"):
        play_match(noughts(RANDOM, RANDOM), range(2), by="luck")


def test_what_cannot_be_is_refused():
    with pytest.raises(BadInput, match="once"):
        play_match(noughts(RANDOM, RANDOM), [1, 1])
    with pytest.raises(BadInput, match="use at least 2 players and 1 seed"):
        play_match(noughts(RANDOM, RANDOM), [])
    for lineup in ((0, 1), (0, 0, 0), (0, 1, 2)):
        with pytest.raises(BadInput, match="a seat to each player"):
            bids(RANDOM, RANDOM, lineup=lineup)
    for margin in (0, -1, float("nan"), 42):
        with pytest.raises(BadInput, match="use more than 0 and less than 42"):
            who_is_better(margin, 42)
    with pytest.raises(BadInput, match=r"use more than 0$"):
        who_is_better(0)
    with pytest.raises(BadInput, match="at least two"):
        play_all([RANDOM], lambda a, b: None)
    with pytest.raises(BadInput, match="play itself"):
        play_all([RANDOM, Winner(), RANDOM], lambda a, b: None)
    with pytest.raises(BadInput, match="no match"):
        draw_standings([], POINTS)


# --- standings --------------------------------------------------------------------------------


def test_all_against_all_ranks_by_strength():
    players = [RANDOM, Winner(), Winner("blind", blocks=False)]
    matches = play_all(players, lambda a, b: play_match(noughts(a, b), range(150)))
    ranked = standings(matches)
    assert [standing.name for standing in ranked] == ["winner", "blind", "random"]
    assert sum(standing.swing.mean for standing in ranked) == pytest.approx(0)
    ordered = by_rank(matches, ranked)
    assert [(match.a, match.b) for match in ordered] == [
        ("winner", "blind"),
        ("winner", "random"),
        ("blind", "random"),
    ]
    lines = rank_table(ranked, POINTS)
    assert lines[0] == ["", "against all others", "points per pair", "pairs"]
    assert lines[1][:2] == ["1", "winner"] and lines[1][3] == "150" and " ± " in lines[1][2]
    draws: Column[Match] = Column(
        "drawn", lambda match: f"{(match.columns['returns'][:, 0] == 0).mean():.0%}"
    )
    ordered[0] = replace(ordered[0], sprt=Sprt())
    pairs = pair_table(ordered, POINTS, [draws], label=str.upper, undecided="open")
    assert pairs[0] == ["pair", "points per pair", "drawn", "pairs", "test"]
    assert pairs[1][0] == "WINNER : BLIND" and [line[-1] for line in pairs[1:]] == ["open", "", ""]
    text = to_markdown(pairs).splitlines()
    assert text[1] == "|-|-|-|-|-|" and len(text) == 5 and text[2].startswith("| WINNER : BLIND | +")
    picture = draw_standings(matches, POINTS)
    assert picture.startswith(b"\x89PNG") and int.from_bytes(picture[16:20], "big") == 1000


# --- names ------------------------------------------------------------------------------------

KINDS: dict[str, PlayerKind[Any]] = {
    "random": PlayerKind((), lambda name, device: RANDOM),
    "playouts": PlayerKind(("games",), lambda name, device: name.whole("games", 64), main="games"),
    "search": PlayerKind(
        ("sims", "model"), lambda name, device: (name.whole("sims", 32), name.model(), device), "policy"
    ),
    "network": PlayerKind(("model",), lambda name, device: name.model(), "policy"),
}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("hard", ["hard"]),
        (" hard  easy\thard ", ["hard", "easy", "hard"]),
        ('hard "my models/sk" easy', ["hard", "my models/sk", "easy"]),
        ('search:sims=2,model="a b, c/l" random', ["search:sims=2,model=a b, c/l", "random"]),
        ("it's/here", ["it's/here"]),
        ("", []),
    ],
)
def test_several_players_in_one_option(text, names):
    assert split_names(text) == names
    with pytest.raises(BadInput, match="close the quotation mark"):
        split_names(f'{text} "')


def test_players_are_made_by_name():
    def find_model(objective: str, word: str) -> str:
        return f"runs/{objective}/{word}"

    assert make_player(" random ", KINDS) is RANDOM
    assert [make_player(text, KINDS) for text in ("playouts", "playouts:256", "playouts:games=9")] == [
        64,
        256,
        9,
    ]
    assert make_player("search:sims=64,model=latest", KINDS, "cpu", find_model) == (
        64,
        "runs/policy/latest",
        "cpu",
    )
    assert make_player("search:model=a/b", KINDS, "cpu") == (32, "a/b", "cpu")
    for path in ("runs/x", "s3://bucket/model"):
        assert make_player(path, KINDS, path_kind="network") == path
        assert parse_name(path, KINDS, "network").text == path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chance", "unknown player 'chance': use random, playouts, search, network, or the path"),
        ("random:5", "random has no option '5'; it takes none"),
        ("search:depth=2", "no option 'depth'; use sims, model"),
        ("search:sims", "write sims=VALUE exactly once"),
        ("search:model=", "write model=VALUE exactly once"),
        ("playouts:1,2", "write games=VALUE exactly once"),
        ("playouts:many", "games=many is not a whole number"),
        ("search:sims=2", "needs a network: write search:model=FOLDER"),
    ],
)
def test_names_that_say_nothing_are_refused(text, message):
    with pytest.raises(BadInput, match=message):
        make_player(text, KINDS, path_kind="network")
    with pytest.raises(BadInput, match="unknown player"):
        make_player("runs/x", KINDS)
