"""Seat-balanced evaluation: a deal is played once with the player in each seat, and is one observation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.arena.play import seed_keys
from forge_core.arena.players import Player
from forge_core.arena.scores import score_interval
from forge_core.arena.seats import Seats, rotations, win_shares
from forge_core.arena.settings import held_out_seeds
from forge_core.device import core_count
from forge_core.errors import BadInput
from forge_core.learning.threads import Pieces
from forge_core.skull_king import actions
from forge_core.skull_king.game import SkullKingGame
from forge_core.skull_king.lockstep import OUTSIDE, play_on
from forge_core.skull_king.players.view import TableView
from forge_core.skull_king.replay import Replay, replay_games
from forge_core.skull_king.rules import Rules
from forge_core.skull_king.search import WORLDS_PER_CALL
from forge_core.skull_king.state import doors
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.batch import step_batch
from forge_core.stats import Difference, mean_interval, paired_difference
from forge_core.streams import mix

BATCH = 512
"""games in lockstep: enough for the arrays of a network, few enough for their cache"""
N_TRICKS = actions.MOST_CARDS + 1
"""numbers of tricks, 0..10"""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int16]
Log = list[list[int]]


@dataclass(frozen=True, slots=True, eq=False)
class Games:
    """Bids, tricks and points of N finished games of R rounds, by seat."""

    bids: Ints
    """[N, R, P]"""
    won: Ints
    """[N, R, P]"""
    points: Ints
    """[N, R, P]"""
    taken: tuple[tuple[int, ...], ...] = ()
    """actions of all seats in order, of the first games only: see `play_games`"""


def play_games(
    game: SkullKingGame,
    players: Sequence[Player],
    seats: Seats,
    seeds: Sequence[int],
    seed: int = 0,
    on_over: Callable[[int], None] | None = None,
    recorded: int = 0,
) -> Games:
    """Play N games to their end. Raises BadInput if a player's action is illegal.

    seats: [N, P], the index into `players` for each seat. seeds: [N], of the deals. seed: of the players'
    draws. on_over: called with the number of games that have ended since its last call. Compiled players
    (with a property `bot`) run in one kernel; others get all decisions of a batch at once. The draws are the
    same.
    recorded: number of games, from the first on, whose actions are recorded; no player then runs in a kernel.
    """
    bots = np.array([getattr(player, "bot", OUTSIDE) for player in players], dtype=np.int64)
    keys = seed_keys(seeds, seed)
    rest = np.arange(recorded, len(seeds))
    parts = np.array_split(rest, -(-len(rest) // BATCH)) if len(rest) else []
    all_compiled = all(hasattr(player, "bot") for player in players)
    pieces = Pieces(max(1, min(core_count(), len(parts))) if all_compiled else 1)

    def play(part: npt.NDArray[np.int64], bots: npt.NDArray[np.int64], log: Log | None = None) -> Games:
        state = game.init([seeds[n] for n in part.tolist()])
        places, over = np.ascontiguousarray(seats[part]), 0

        def follow(n: int) -> None:
            nonlocal over
            if pieces.is_interrupted:
                raise KeyboardInterrupt
            if on_over and n > over:
                on_over(n - over)
            over = n

        return _play_batch(game, players, places, bots, keys[part], state, log, follow)

    log: Log = [[] for _ in range(recorded)]
    first = [play(np.arange(recorded), np.tile(OUTSIDE, (len(players), 1)), log)] if recorded else []
    found = first + pieces.run([partial(play, part, bots) for part in parts])
    return Games(
        *(np.concatenate([getattr(games, name) for games in found]) for name in ("bids", "won", "points")),
        taken=tuple(map(tuple, log)),
    )


def _play_batch(
    game: SkullKingGame,
    players: Sequence[Player],
    seats: Seats,
    bots: npt.NDArray[np.int64],
    keys: npt.NDArray[np.uint64],
    rows: at.Rows,
    log: Log | None,
    follow: Callable[[int], None],
) -> Games:
    """Play a batch. log: a list for each game, to which the actions of players outside kernels are added.

    follow: called often, with the number of games that are over.
    """
    times, options = np.zeros(len(rows), np.int64), game.options
    bids, won, points = (np.zeros((len(rows), game.rounds, game.seats), np.int16) for _ in range(3))
    while True:
        is_done = play_on(rows, seats, bots, keys, times, options, bids, won, points, WORLDS_PER_CALL)
        waiting = np.flatnonzero(rows[:, at.PHASE] != actions.OVER)
        follow(len(rows) - len(waiting))
        if not is_done:
            continue
        if not len(waiting):
            return Games(bids, won, points)
        on_turn = seats[waiting, rows[waiting, at.ACTOR]]
        for number in np.unique(on_turn):
            chosen = waiting[on_turn == number]
            part = rows[chosen]
            legal = doors.legal_mask(part, options)
            draws = mix(keys[chosen], times[chosen])
            taken = np.asarray(players[number].act(TableView.of(game, part), legal, draws), np.int64)
            name = f"player {players[number].name}"
            doors.check_legal(part, legal, taken, lambda _, name=name: name)
            if log is not None:
                for n, action in zip(chosen.tolist(), taken.tolist(), strict=True):
                    log[n].append(action)
            step_batch(part, taken, options, np.empty(len(part), np.bool_))
            rows[chosen] = part
            times[chosen] += 1


# --- evaluation -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A player against others on D deals, each in P seats. Arrays hold means over the games of a deal."""

    name: str
    others: tuple[str, ...]
    """[P - 1] in order of seat after the player"""
    seeds: npt.NDArray[np.int64]
    """[D] of the deals"""
    scores: Floats
    """[D] score of the player"""
    hits: Floats
    """[D] share of its rounds in which it met its bid"""
    wins: Floats
    """[D] its share of the win; ties are split"""
    other_scores: Floats
    """[D] mean score of the others"""
    points_by_round: Floats
    """[D, R] points of the player"""
    hits_by_round: Floats
    """[D, R]"""
    tricks: npt.NDArray[np.int64]
    """[11, 11] rounds of the player, by bid and by tricks won"""
    settings: dict[str, Any] = field(default_factory=dict)
    """see Player.describe; for a search, whom its rollouts take the others to be"""
    replay: Replay | None = None
    """the games of the first deals, replayed by the readable rules"""

    @property
    def score(self) -> Difference:
        """The mean score, with its 95 % interval over deals."""
        return mean_interval(self.scores)

    @property
    def hit(self) -> Difference:
        """The hit rate, with its interval."""
        return score_interval(self.hits)

    @property
    def win(self) -> Difference:
        """The share of wins, with its interval."""
        return score_interval(self.wins)

    @property
    def other_score(self) -> Difference:
        """The mean score of the others, with its interval."""
        return mean_interval(self.other_scores)

    @property
    def others_text(self) -> str:
        """The names of the other players: `3 hard`, or all of them."""
        if len(set(self.others)) == 1:
            return f"{len(self.others)} {self.others[0]}"
        return ", ".join(self.others)

    def rounds(self) -> list[tuple[Difference, Difference]]:
        """Return (points, hit rate) of each round, with intervals."""
        columns = zip(self.points_by_round.T, self.hits_by_round.T, strict=True)
        return [(mean_interval(points), score_interval(hits)) for points, hits in columns]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON types."""

        def text(of: Difference) -> dict[str, float]:
            return {"mean": of.mean, "low": of.low, "high": of.high}

        return {
            "player": self.name,
            "others": list(self.others),
            "deals": len(self.seeds),
            "games": len(self.seeds) * (len(self.others) + 1),
            "score": text(self.score),
            "hit": text(self.hit),
            "wins": text(self.win),
            "others_score": text(self.other_score),
            "by_round": [{"points": text(points), "hit": text(hit)} for points, hit in self.rounds()],
            "bid_by_tricks": self.tricks.tolist(),
            "settings": self.settings,
        }


def evaluate(
    player: Player,
    others: Player | Sequence[Player],
    deals: int | Sequence[int] = 1000,
    rules: Rules | None = None,
    seed: int = 0,
    seats: int = 4,
    rounds: int = 10,
    on_over: Callable[[int], None] | None = None,
    replayed: int = 0,
) -> Result:
    """Play a player against others, in every seat of each deal.

    others: one player for all other seats, or P - 1 in order of seat. deals: a number of deals of the val
    split, or their seeds. seed: of the players' draws. on_over: see `play_games`. replayed: number of deals,
    from the first on, whose games are replayed by the readable rules. Raises BadInput for fewer than two
    deals, a deal that repeats, a wrong number of others, or an illegal action.
    """
    against = list(others) if isinstance(others, Sequence) else [others] * (seats - 1)
    if len(against) != seats - 1:
        raise BadInput(f"{len(against)} other players at {seats} seats: name 1 or {seats - 1}")
    seeds = held_out_seeds(deals) if isinstance(deals, int) else list(deals)
    if len(seeds) < 2 or len(set(seeds)) < len(seeds):
        raise BadInput(f"{len(seeds)} deals: use two different ones or more, for an interval")
    game = SkullKingGame(seats, rules or Rules(), rounds)
    arranged = rotations(range(seats))
    table = np.tile(arranged, (len(seeds), 1))
    of_games = np.repeat(seeds, seats).tolist()
    first = seats * min(replayed, len(seeds))
    games = play_games(game, [player, *against], table, of_games, seed, on_over, first)
    replay = replay_games(game, of_games[:first], games.taken, games.points[:first]) if first else None
    own = np.argmax(table == 0, axis=1)[:, None]
    names = tuple(other.name for other in against)
    return replace(_result(player, names, np.array(seeds), games, own), replay=replay)


def _result(
    player: Player, others: tuple[str, ...], seeds: npt.NDArray[np.int64], games: Games, own: Any
) -> Result:
    """Return the figures of the player in seats `own` [N, 1]; the games of a deal stand together."""
    deals, seats = len(seeds), games.points.shape[2]

    def of_player(by_seat: Any) -> Any:
        return np.take_along_axis(by_seat, own.reshape(-1, *[1] * (by_seat.ndim - 1)), by_seat.ndim - 1)[
            ..., 0
        ]

    def by_deal(numbers: Any) -> Any:
        return numbers.reshape(deals, seats, *numbers.shape[1:]).mean(1)

    scores = games.points.sum(1, dtype=np.float64)
    points, hits = of_player(games.points).astype(np.float64), of_player(games.bids == games.won)
    own_scores = of_player(scores)
    tricks = np.zeros((N_TRICKS, N_TRICKS), np.int64)
    np.add.at(tricks, (of_player(games.bids).ravel(), of_player(games.won).ravel()), 1)
    return Result(
        name=player.name,
        others=others,
        seeds=seeds,
        scores=by_deal(own_scores),
        hits=by_deal(hits.mean(1)),
        wins=by_deal(of_player(win_shares(scores))),
        other_scores=by_deal((scores.sum(1) - own_scores) / (seats - 1)),
        points_by_round=by_deal(points),
        hits_by_round=by_deal(hits.astype(np.float64)),
        tricks=tricks,
        settings=player.describe(),
    )


def compare(one: Result, other: Result) -> Difference:
    """Return the mean difference of the scores of two players against the same others, paired by deal.

    Raises BadInput if the deals or the others differ.
    """
    if one.others != other.others or not np.array_equal(one.seeds, other.seeds):
        raise BadInput(
            "the two results have other deals or opponents: evaluate both players on the same ones"
        )
    return paired_difference(one.scores, other.scores)


def interval_text(of: Difference, digits: int) -> str:
    """Return a mean with the half width of its interval: points `+93.2 ± 1.4`, shares `0.612 ± 0.009`.

    digits: after the point; 1 for points, which have a sign. The two halves of an interval of shares near 0
    or 1 differ; the text has the wider one.
    """
    sign = "+" if digits == 1 else ""
    return f"{of.mean:{sign}.{digits}f} ± {max(of.high - of.mean, of.mean - of.low):.{digits}f}"
