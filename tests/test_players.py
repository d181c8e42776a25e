"""Players: none sees a hidden hand, each obeys the rules, and each repeats its play."""

from __future__ import annotations

import gc
from types import ModuleType

import numpy as np
import pytest
import torch

from forge_core.arena.names import parse_name
from forge_core.errors import BadInput, ForgeError
from forge_core.learning.checkpoints import save_model
from forge_core.learning.networks.sizes import ModelConfig
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.eq import ExactOracle, game_keys, generate_games
from forge_core.texas42.games import Games, start
from forge_core.texas42.notation import parse_domino
from forge_core.texas42.oracle import root_q
from forge_core.texas42.players import Clairvoyant, Player, ask, ask_at_choices, parse_player
from forge_core.texas42.players.names import KINDS
from forge_core.texas42.players.protocol import Keys, Slots
from forge_core.texas42.tokens.inferences import STAGE2_SPEC
from forge_core.texas42.tokens.rows import STAGE1_SPEC
from forge_core.texas42.views import Views
from forge_core.texas42.worlds import sample_worlds
from forge_core.texas42.worlds.voids import unseen

BLIND = (
    *("random", "heuristic", "network"),
    *("eq:worlds=3,oracle=exact", "pmake:worlds=3,oracle=exact", "eq:worlds=2"),
    *("eq:worlds=3,oracle=playout", "strong:worlds=3/2,bonus=5,endings=9", "strong:worlds=4,loss=9,most=8"),
)


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """A folder with untrained networks: stage1, policy, stage2."""
    folder = tmp_path_factory.mktemp("networks")
    for name, spec, objective in (
        ("stage1", STAGE1_SPEC, "qvalue"),
        ("policy", STAGE1_SPEC, "policy"),
        ("stage2", STAGE2_SPEC, "eq"),
    ):
        torch.manual_seed(0)
        model = TokenTransformer(spec, ModelConfig(16, 1, 2, 32, objective))
        torch.nn.init.normal_(model.head.weight)
        save_model(str(folder / name), model)
    return folder


@pytest.fixture(scope="module")
def players(networks):
    """One player of each kind: first those that see only their hand, then those that see all."""
    texts = (
        *BLIND,
        f"eq:worlds=3,oracle=model,model={networks / 'stage1'},posterior=on",
        f"policy:worlds=3,model={networks / 'policy'}",
        f"stage2:model={networks / 'stage2'}",
        "clairvoyant",
        f"clairvoyant:model={networks / 'policy'}",
    )
    return [parse_player(text, "cpu") for text in texts]


def some_games(n: int = 4) -> Games:
    return start([deal_from_seed(seed) for seed in range(n)], [(3 * seed) % 10 for seed in range(n)])


def play_out(player, games: Games, keys=None) -> Games:
    keys = game_keys(games, 0) if keys is None else keys
    while not games.over:
        games = games.play(ask(player, games, keys))  # raises for what is not legal
    return games


def test_players_need_to_be_asked_only_where_there_is_a_choice():
    class Counter:
        """A player that makes the last legal play, and counts its decisions."""

        name, asked = "counter", 0

        def describe(self):
            return {}

        def slots(self, views: Views, keys: Keys) -> Slots:
            self.asked += len(views)
            return 6 - views.legal[:, ::-1].argmax(axis=1)

    games, counter, choices = some_games(), Counter(), 0
    keys = game_keys(games, 0)
    while not games.over:
        slots = ask_at_choices(counter, games, keys)
        assert (slots == ask(Counter(), games, keys)).all()
        choices += int((games.views.legal.sum(axis=1) > 1).sum())
        games = games.play(slots)
    assert counter.asked == choices < 28 * len(games)


# --- what they can see ------------------------------------------------------------------------


def reachable(thing) -> list:
    """Return all objects reachable from `thing`, except code."""
    found, todo = {}, [thing]
    while todo:
        here = todo.pop()
        if id(here) in found or isinstance(here, (type, ModuleType)) or callable(here):
            continue
        found[id(here)] = here
        todo += gc.get_referents(here)
        if isinstance(here, np.ndarray) and here.base is not None:
            todo.append(here.base)
    return list(found.values())


def test_no_way_leads_from_a_view_to_a_hidden_hand():
    games = some_games()
    for _ in range(10):
        games = games.play(games.views.legal.argmax(axis=1))
    for views in (games.views, games.views.take([0, 2])):
        things = reachable(views)
        arrays = [thing for thing in things if isinstance(thing, np.ndarray)]
        assert len(arrays) >= 8
        assert not any(isinstance(thing, Games) for thing in things)
        assert not any(np.shares_memory(array, games.hands) for array in arrays)
        known = {*views.hand[0].tolist(), *views.seen.plays[0].tolist()}
        ids = [views.hand[0], views.seen.plays[0]]
        assert all(set(array.tolist()) <= known for array in ids)
        rest = [array for array in arrays if array is not views.hand and array is not views.seen.plays]
        assert not any(array.ndim == 2 and array.shape[1] == 7 for array in rest)
        assert not any(array.ndim > 2 for array in arrays)


def same_to_the_mover(games: Games, draw: int) -> Games:
    """Return the same games, with hidden hands redealt in ways that the movers cannot tell apart."""
    views, hands = games.views, games.hands.copy()
    hidden = unseen(views)
    for game in range(len(games)):
        seat, seen = views.seat[game], games.seen
        args = (hidden.dominoes[game].tolist(), hidden.allowed[game].tolist(), hidden.need[game].tolist())
        (world,) = sample_worlds(*args, 1, stream(draw, "another world", game))
        for j, held in enumerate(world):
            other = (seat + 1 + j) % 4
            played = seen.plays[game][seen.players[game] == other].tolist()
            hands[game, other] = sorted([*held, *played])
    return Games(hands, games.seen)


@pytest.mark.slow
def test_what_is_hidden_changes_no_play_but_of_those_who_say_that_they_see_it(players):
    seeing = 0
    for player in players:
        games, differs = some_games(6), False
        keys = game_keys(games, 0)
        while not games.over:
            slots = ask(player, games, keys)
            differs |= bool((ask(player, same_to_the_mover(games, games.seen.step), keys) != slots).any())
            games = games.play(slots)
        assert isinstance(player, Clairvoyant) == (not isinstance(player, Player))
        assert ("clairvoyant" in player.name) == isinstance(player, Clairvoyant)
        assert not (differs and isinstance(player, Player)), player.name
        seeing += differs
    assert seeing == 2  # both clairvoyants do look


def test_who_is_no_clairvoyant_is_given_views():
    class Spy:
        name = "spy"
        given: object = None

        def describe(self):
            return {}

        def slots(self, views: Views, keys: Keys) -> Slots:
            self.given = views
            return views.legal.argmax(axis=1)

    spy, games = Spy(), some_games(1)
    ask(spy, games, game_keys(games, 0))
    assert type(spy.given) is Views


# --- how they play ----------------------------------------------------------------------------


def test_players_keep_the_rules_and_play_the_same_again_whatever_is_played_beside(players):
    for player in players:
        games = some_games()
        keys = game_keys(games, 0)
        over = play_out(player, games, keys)
        assert over.over
        few = np.array([2, 3])
        again = play_out(player, games.take(few), keys[few])
        assert (again.seen.plays == over.seen.plays[few]).all(), player.name


def test_who_draws_draws_otherwise_with_another_key():
    for text in ("random", "eq:worlds=1,oracle=exact"):
        games, player = some_games(), parse_player(text, "cpu")
        plays = [play_out(player, games, game_keys(games, seed)).seen.plays for seed in (0, 1)]
        assert (plays[0] != plays[1]).any()


def test_random_play_takes_every_legal_slot_alike():
    n = 7000
    games = start([deal_from_seed(0)] * n, [0] * n)
    slots = parse_player("random").slots(games.views, np.arange(n, dtype=np.uint64))
    assert np.bincount(slots, minlength=7).min() > 850


def test_e_q_plays_as_its_recorded_games():
    games = some_games()
    records = generate_games(ExactOracle(), games.hands, games.seen.decl, 5, device="cpu")
    over = play_out(parse_player("eq:worlds=5,oracle=exact", "cpu"), games)
    assert (over.seen.plays == [record.plays for record in records]).all()


def test_clairvoyants_reach_what_the_deal_is_worth():
    games = some_games(6)
    over = play_out(parse_player("clairvoyant"), games)
    margin = over.seen.points[:, 0] - over.seen.points[:, 1]
    assert margin.tolist() == root_q(games.hands, games.seen.decl).max(axis=1).tolist()


def test_a_chance_to_make_the_bid_is_not_the_same_as_points():
    games = start([deal_from_seed(seed) for seed in range(12)], [seed % 10 for seed in range(12)], bids=42)
    plays = [
        play_out(parse_player(f"{kind}:worlds=10,oracle=exact", "cpu"), games).seen.plays
        for kind in ("eq", "pmake")
    ]
    assert (plays[0] != plays[1]).any()


def test_a_network_that_says_no_number_is_refused(networks, tmp_path):
    from forge_core.learning.checkpoints import load_model
    from forge_core.texas42.players.transcript import TranscriptPlayer

    model = load_model(str(networks / "stage2"))
    torch.nn.init.constant_(model.head.weight, float("nan"))
    games = some_games()
    with pytest.raises(ForgeError, match="player stage2:mine: its network's output is not finite"):
        ask(TranscriptPlayer("stage2:mine", model), games, game_keys(games, 0))


# --- the heuristic ----------------------------------------------------------------------------


def table(hands: list[str], decl: int, plays: str, leader: int = 0) -> Games:
    """Return a game after some plays, one for each test."""
    ids = [[parse_domino(domino) for domino in hand.split()] for hand in hands]
    games = start([[sorted(hand) for hand in ids]], [decl], leader)
    for domino in plays.split():
        views = games.views
        games = games.play([views.hand[0].tolist().index(parse_domino(domino))])
    return games


HANDS = [
    "6-6 6-5 6-4 5-5 3-0 2-0 1-0",
    "6-3 6-1 5-4 4-4 4-1 3-3 2-1",
    "6-2 6-0 5-0 4-2 4-3 1-1 0-0",
    "5-3 5-2 5-1 4-0 3-2 3-1 2-2",
]


def heuristic_play(games: Games) -> int:
    views = games.views
    return int(views.hand[0, parse_player("heuristic").slots(views, game_keys(games, 0))[0]])


@pytest.mark.parametrize(
    ("plays", "leader", "expected", "why"),
    [
        ("", 0, "6-6", "the highest trump is led first"),
        ("6-6 6-1", 0, "6-0", "a low trump will do for a partner who wins"),
        ("3-3 4-3", 1, "3-2", "count for a partner who wins"),
        ("6-6 6-3 6-2", 0, "3-1", "no count for the other side, nor what may still win"),
        ("4-0", 3, "6-4", "a trump takes the trick, and its count home"),
        ("4-3 4-0", 2, "1-0", "nothing for a partner who may be beaten"),
    ],
)
def test_the_heuristic_plays_like_a_sound_beginner(plays, leader, expected, why):
    assert heuristic_play(table(HANDS, 6, plays, leader)) == parse_domino(expected), why


# --- their names ------------------------------------------------------------------------------


@pytest.mark.parametrize("text", BLIND)
def test_a_player_is_named_as_it_was_asked_for(text):
    assert parse_player(text, "cpu").name == text


def test_the_folder_of_a_network_may_contain_commas():
    name = parse_name("eq:model=/a,b/c,d=e,,f, worlds = 3,posterior=on", KINDS)
    assert name.options == {"model": "/a,b/c,d=e,,f", "worlds": "3", "posterior": "on"}
    assert parse_name("stage2:model=runs/1,5", KINDS).options == {"model": "runs/1,5"}
    with pytest.raises(BadInput, match="no option 'world'"):
        parse_name("eq:worlds=3,world=4,model=x", KINDS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unknown player ''"),
        ("Heuristics", "did you mean heuristic? Use random, heuristic, eq"),
        ("random:worlds=3", "it takes none"),
        ("eq:world=3", "no option 'world'; use worlds"),
        ("eq:worlds", "write worlds=VALUE"),
        ("eq:worlds=3,worlds=4", "write worlds=VALUE exactly once"),
        ("eq:worlds=many", "use a whole number, or one for each"),
        ("eq:worlds=9/0", "not in 1.."),
        ("strong:worlds=1/2/3/4/5/6/7/8", "use a whole number, or one for each"),
        ("strong:belief=hunch", "belief 'hunch': use off, plays"),
        ("eq:tau=1", "tau= has no effect with belief=off"),
        ("strong:belief=declaration,mix=1", "mix= has no effect with belief=declaration"),
        ("strong:bonus=much", "bonus=much: use a number of points"),
        ("strong:loss=0", "loss=0: use a number of points above 0"),
        ("strong:worlds=9,most=90", "most= has no effect without loss"),
        ("strong:worlds=9/8,loss=1", "worlds=9/8 is by trick, but with loss use one number"),
        ("strong:loss=1,most=200", "most=200: use 600 (the worlds drawn at a time) to 2,000,000"),
        ("strong:loss=1,most=9999999", "most=9999999: use 600"),
        ("pmake:loss=1", "loss= compares plays by their mean points, which this player does not maximize"),
        ("pmake:bonus=2", "bonus has no effect"),
        ("eq:worlds=0", "not in 1.."),
        ("eq:oracle=psychic", "oracle 'psychic'"),
        ("eq:oracle=exact,model=x", "leave it out"),
        ("eq:oracle=model,exact_from=2", "leave it out"),
        ("eq:oracle=exact,until=3", "until= has no effect with oracle=exact"),
        ("eq:oracle=playout,until=30", "until 30"),
        ("eq:oracle=playout,policy=mind", "policy 'mind': use heuristic or network"),
        ("eq:posterior=maybe", "use on, off or a number of points"),
        ("eq:exact_from=9", "exact_from 9"),
        ("eq:model=/nowhere", "/nowhere contains no model"),
        ("policy:model=/nowhere,loss=1", "policy has no option 'loss'; use model, worlds, posterior"),
        ("policy:model=/no,where", "/no,where contains no model"),
        ("stage2", "write stage2:model=FOLDER"),
        ("clairvoyant:worlds=3", "no option 'worlds'"),
    ],
)
def test_bad_names_are_told_in_a_line(text, message):
    with pytest.raises(BadInput, match=r"^[^\n]*$") as error:
        parse_player(text, "cpu")
    assert message in str(error.value)


def test_a_folder_may_contain_commas(tmp_path):
    folder = tmp_path / "lr=0.1,width=16"
    save_model(str(folder), TokenTransformer(STAGE1_SPEC, ModelConfig(16, 1, 2, 32, "policy")))
    assert parse_player(f"policy:model={folder},worlds=3", "cpu").describe()["sampling"]["n_worlds"] == 3
    with pytest.raises(BadInput, match=rf"no option 'loss'.*folder, {folder},loss=1 contains no model"):
        parse_player(f"policy:model={folder},loss=1", "cpu")


def test_networks_of_another_kind_are_refused(networks):
    with pytest.raises(BadInput, match=r"^\D*stage2.* was made for tokens with name [\w-]+, not name"):
        parse_player(f"stage2:model={networks / 'stage1'}", "cpu")
    for text in (
        f"clairvoyant:model={networks / 'stage2'}",
        f"policy:model={networks / 'stage1'}",
        f"eq:oracle=model,model={networks / 'policy'}",
    ):
        with pytest.raises(BadInput):
            parse_player(text, "cpu")


def test_players_that_play_otherwise_describe_themselves_otherwise(players):
    described = [str(player.describe()) for player in players]
    assert len(set(described)) == len(players)
    twice = [parse_player(f"eq:{options}", "cpu").describe() for options in ("worlds=50", "oracle=hybrid")]
    assert twice[0] == twice[1]


def test_every_option_of_a_player_is_part_of_its_description():
    """Else a match would take two players for one, and a store would mix up their games."""
    changes = ("worlds=3", "worlds=3/2", "oracle=exact", "policy=heuristic", "until=0", "belief=plays")
    more = ("candidates=2", "tau=0.5", "mix=0.1", "bonus=5", "endings=9", "posterior=on")
    names = ("strong", *(f"strong:{option}" for option in (*changes, *more, "loss=1", "loss=1,most=900")))
    described = {str(parse_player(name, "cpu").describe()) for name in names}
    assert len(described) == len(names)
