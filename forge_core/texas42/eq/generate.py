"""Games played by E[Q]: N deals in lockstep; every seat uses only what it can know."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.device import device_name, resolve_device
from forge_core.errors import BadInput
from forge_core.learning.threads import one_torch_thread
from forge_core.splits import check_seed
from forge_core.streams import mix, stream, uniform
from forge_core.texas42.dominoes import HAND_POINTS, N_PLAYS
from forge_core.texas42.eq.adaptive import AdaptiveConfig, Sampling, check_kind
from forge_core.texas42.eq.beliefs import Belief
from forge_core.texas42.eq.endings import value_endings
from forge_core.texas42.eq.estimate import Estimates, estimate, makes_at
from forge_core.texas42.eq.oracles import Oracle
from forge_core.texas42.eq.policies import Choices, ExplorationPolicy, check_criterion, choose
from forge_core.texas42.eq.records import Decisions, GameRecord
from forge_core.texas42.eq.strategies import STRATEGIES_VERSION
from forge_core.texas42.games import LOWEST_BID, Games, start
from forge_core.texas42.settings.games import DEFAULT_WORLDS
from forge_core.texas42.views import Views
from forge_core.texas42.worlds.control import holds_trick
from forge_core.texas42.worlds.posterior import PosteriorConfig

EQ_VERSION = "q3"
"""Raised when the same seed and settings give different games"""

MOST_ENDING_WORLDS = 1_000
"""upper limit: a search grows with the square of the worlds, and more would take seconds per decision"""

_WORLDS, _CHOICE = 0, 1
"""numbers of a decision's random streams: worlds, exploration"""


@dataclass(frozen=True, slots=True)
class GameConfig:
    """Configuration of games. Raises BadInput for contradictory settings."""

    sampling: Sampling = field(default_factory=Sampling)
    exploration: ExplorationPolicy = field(default_factory=ExplorationPolicy)
    criterion: str = "eq"
    """the quantity that movers maximise: see `policies.CRITERIA`"""
    seed: int = 0
    """seed of all random draws"""
    belief: Belief | None = None
    """held by every mover about the hidden hands"""
    bonus: float = 0.0
    """in points, with criterion `eq`: added to the value of a play that makes (defenders: sets) the bid"""
    ending_worlds: int = 0
    """in the last three tricks, if at most this many worlds are consistent, plays are valued as parts of
    strategies; see `endings`"""

    def __post_init__(self) -> None:
        check_kind("sampling", self.sampling, Sampling)
        check_kind("exploration", self.exploration, ExplorationPolicy)
        check_criterion(self.criterion)
        check_seed(self.seed)
        if not 0 <= self.bonus < math.inf:
            raise BadInput(f"bonus {self.bonus}: use a number of points of at least 0")
        if self.bonus and self.criterion != "eq":
            raise BadInput("bonus has no effect unless plays are chosen by points: use criterion eq")
        if not 0 <= self.ending_worlds <= MOST_ENDING_WORLDS:
            raise BadInput(f"ending_worlds {self.ending_worlds}: use 0 to {MOST_ENDING_WORLDS}")
        if self.ending_worlds and self.sampling.points:
            raise BadInput("ending_worlds gives no distribution of Q over worlds: set points to False")
        adaptive = self.sampling.adaptive
        if adaptive and adaptive.compares_plays and self.criterion != "eq":
            raise BadInput("lead and loss compare E[Q]: use criterion eq, or leave them out")
        if self.sampling.candidates > 1 and not self.belief:
            raise BadInput("candidates has no effect without a belief, which chooses among them")

    def settings(self, oracle: Oracle) -> dict[str, Any]:
        """Return all settings of a game apart from its deal and `start_arguments`, in JSON types."""
        settings = {
            **oracle.describe(),
            "version": EQ_VERSION,
            "sampling": self.sampling.settings(),
            "exploration": self.exploration.settings(),
            "criterion": self.criterion,
            "seed": self.seed,
        }
        if self.belief:
            settings["belief"] = self.belief.describe()
        if self.ending_worlds:
            settings |= {"ending_worlds": self.ending_worlds, "strategies": STRATEGIES_VERSION}
        return settings | ({"bonus": self.bonus} if self.bonus else {})


def generate_games(
    oracle: Oracle,
    hands: Sequence | npt.NDArray,
    decls: Sequence[int] | npt.NDArray,
    n_worlds: int = DEFAULT_WORLDS,
    posterior: PosteriorConfig | None = None,
    adaptive: AdaptiveConfig | None = None,
    exploration: ExplorationPolicy | None = None,
    seed: int = 0,
    device: str = "auto",
    *,
    leaders: Any = 0,
    bidders: Any = None,
    bids: Any = LOWEST_BID,
    criterion: str = "eq",
    enumerate_limit: int | None = None,
    points: bool = True,
) -> list[GameRecord]:
    """Play N deals to the end by E[Q], 28 decisions each.

    hands: [N][4][7] ids. decls: [N]. leaders, bidders (default: the leader) and bids: one per game, or
    one for all. criterion: see GameConfig. enumerate_limit, points: see Sampling. Raises BadInput for an
    invalid deal, bid or setting.
    """
    sampling = Sampling(n_worlds, enumerate_limit, posterior, adaptive, points)
    config = GameConfig(sampling, exploration or ExplorationPolicy(), criterion, seed)
    return play_games(oracle, start(hands, decls, leaders, bidders, bids), config, device)


def play_games(
    oracle: Oracle,
    games: Games,
    config: GameConfig,
    device: str = "auto",
    *,
    deal_seeds: Sequence[int] | None = None,
    on_step: Callable[[int], None] | None = None,
) -> list[GameRecord]:
    """Play N games from the first play to the last, in lockstep.

    A game depends only on its deal, declaration, leader, bid and `config`. With the exact oracle it is
    reproducible bit for bit; a network's answers may differ in the last digit with the batch size.
    deal_seeds: [N], for the record. on_step: called after each step, 0..27. On a card, torch computes
    with one thread on the host, which has only small arrays to compute.
    """
    device = resolve_device(device)
    if not callable(getattr(oracle, "q", None)):
        raise BadInput(f"oracle {oracle!r}: give an oracle, such as ExactOracle() or open_oracle('exact')")
    if deal_seeds is not None and len(deal_seeds) != len(games):
        raise BadInput(f"{len(deal_seeds)} deal_seeds for {len(games)} deals: give one per deal, or none")
    keys = game_keys(games, config.seed)
    steps: list[tuple[Games, Estimates, Choices]] = []
    with nullcontext() if device == "cpu" else one_torch_thread():
        while len(games) and not games.over:
            step = games.seen.step
            estimates, choices = decide(oracle, games.views, keys, config, device)
            steps.append((games, estimates, choices))
            games = games.play(choices.slot)
            if on_step:
                on_step(step)
    settings = {**config.settings(oracle), "device": device_name(device)}
    return records_of(games, steps, oracle, settings, deal_seeds)


def decide(
    oracle: Oracle,
    views: Views,
    keys: npt.NDArray[np.uint64],
    config: GameConfig,
    device: str = "cpu",
) -> tuple[Estimates, Choices]:
    """Return the estimates and the plays of the movers of N games. keys: [N], see `game_keys`."""
    at_step = mix(keys, views.seen.step)
    for_the_bid, safe = config.criterion == "pmake", holds_trick(views)
    if for_the_bid:  # once the bid is decided, points are all that matters
        safe &= (np.abs(makes_at(views)) <= HAND_POINTS)[:, None]
    sampling, worlds = config.sampling.at(views.seen.step), world_keys(keys, views.seen.step)
    estimates = estimate(oracle, views, worlds, sampling, device, config.belief, for_the_bid, config.bonus)
    if config.ending_worlds:
        estimates = value_endings(estimates, views, config.ending_worlds, config.belief)
    draws = uniform(mix(mix(at_step, _CHOICE)[:, None], np.arange(2)))
    return estimates, choose(estimates, config.criterion, config.exploration, draws, safe, config.bonus)


def start_arguments(leader: int = 0, bidder: int = 0, bid: int = LOWEST_BID) -> dict[str, int]:
    """Return the leader, bidder and bid of a game, as they appear in its settings."""
    return {"leader": leader, "bidder": bidder, "bid": bid}


def game_keys(games: Games, seed: int) -> npt.NDArray[np.uint64]:
    """Return [N] the key of all draws of each game, derived from `seed`, deal, declaration and leader."""
    seen = games.seen
    keys = [
        stream(seed, "eq", deal.tobytes().hex(), decl, leader).integers(2**64, dtype=np.uint64)
        for deal, decl, leader in zip(games.hands, seen.decl, seen.leader, strict=True)
    ]
    return np.array(keys, dtype=np.uint64)


def world_keys(keys: npt.NDArray[np.uint64], step: int) -> npt.NDArray[np.uint64]:
    """Return [N] the keys of the worlds drawn after `step` plays. keys: [N], see `game_keys`."""
    return mix(mix(keys, step), _WORLDS)


def records_of(
    games: Games,
    steps: list[tuple[Games, Estimates, Choices]],
    oracle: Oracle,
    settings: dict[str, Any],
    deal_seeds: Sequence[int] | None,
) -> list[GameRecord]:
    """Collect estimates and plays into one record per game: (games, estimates, choices) before each play."""
    if not steps:
        return []
    n, end = len(games), games.seen
    rows = np.arange(n)

    def each(value: Callable[[Games, Estimates, Choices], Any]) -> npt.NDArray:
        return np.stack([np.asarray(value(*step)) for step in steps], axis=1)

    player = each(lambda g, e, c: g.seen.turn)
    team, other = player % 2, 1 - player % 2
    so_far = each(lambda g, e, c: g.seen.points)  # [N, 28, 2] by team
    movers_points = np.take_along_axis(so_far, np.stack([team, other], axis=2), axis=2)
    final = np.stack([end.points[rows[:, None], side] for side in (team, other)], axis=2)
    to_come = final - movers_points
    spread = each(lambda g, e, c: np.sqrt(e.variance))
    legal = each(lambda g, e, c: e.legal)
    with_points = steps[0][1].points is not None
    kinds = np.array([oracle.kind(step) for step in range(N_PLAYS)], dtype=np.int8)
    decisions = Decisions(
        player=player,
        e_q_mean=each(lambda g, e, c: e.mean),
        e_q_var=each(lambda g, e, c: e.variance),
        legal_mask=legal,
        p_make=each(lambda g, e, c: e.p_make),
        e_q_pdf=each(lambda g, e, c: e.points) if with_points else None,
        points_so_far=movers_points,
        action_taken=each(lambda g, e, c: c.slot).astype(np.int8),
        q_gap=each(lambda g, e, c: c.q_gap),
        exploration_mode=each(lambda g, e, c: c.mode),
        forced=legal.sum(axis=2) == 1,
        u_mean=np.nanmean(spread, axis=2),
        u_max=np.nanmax(spread, axis=2),
        ess=each(lambda g, e, c: e.ess),
        max_w=each(lambda g, e, c: e.max_weight),
        entropy=each(lambda g, e, c: e.entropy),
        n_worlds=each(lambda g, e, c: e.n_worlds).astype(np.int32),
        world_count=each(lambda g, e, c: e.world_count),
        converged=each(lambda g, e, c: e.converged),
        oracle=np.broadcast_to(kinds, (n, N_PLAYS)),
        actual_outcome=(to_come[:, :, 0] - to_come[:, :, 1]).astype(np.int8),
    )
    return [
        GameRecord(
            seed=None if deal_seeds is None else int(deal_seeds[game]),
            decl=int(end.decl[game]),
            leader=int(end.leader[game]),
            bidder=int(end.bidder[game]),
            bid=int(end.bid[game]),
            hands=games.hands[game],
            plays=end.plays[game],
            settings=settings
            | start_arguments(int(end.leader[game]), int(end.bidder[game]), int(end.bid[game])),
            decisions=of_game,
        )
        for game, of_game in enumerate(decisions.by_game())
    ]
