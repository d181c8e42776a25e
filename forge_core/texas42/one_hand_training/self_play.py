"""A run in which the one-hand network learns from deals that it plays against itself.

Each step plays new deals by the network as it is, values every legal play by a playout, and takes one step of
the optimizer. Deals and random plays depend only on the seed and the step, so a run that was stopped and
resumed equals an uninterrupted one to the last digit. Nothing is stored.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from forge_core.arena.settings import held_out_seeds
from forge_core.errors import BadInput
from forge_core.learning.labelled.losses import expected_regret
from forge_core.learning.loop import LoopRun, Watch, go_through
from forge_core.learning.runs import Point, TrainResult, claim_folder, describe_run, settings_from
from forge_core.streams import stream
from forge_core.texas42.arena.duplicate import Conditions, play_out
from forge_core.texas42.declaring import DECLARING_VERSION
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS
from forge_core.texas42.eq.generate import game_keys
from forge_core.texas42.games import Games
from forge_core.texas42.one_hand.choose import NETWORK, POLICIES, Policy, load_policy
from forge_core.texas42.one_hand.network import ONE_HAND_MODEL, OneHandNet, weights_of
from forge_core.texas42.one_hand.self_play import (
    SELF_PLAY_VERSION,
    SPREAD,
    STRONGEST_BIDS,
    UNSUITABLE,
    Decisions,
    draw_deals,
    self_play,
)
from forge_core.texas42.one_hand_training.lessons import Lesson
from forge_core.texas42.one_hand_training.train import Since, first_network, rate_at, size_of
from forge_core.texas42.players.heuristic import HeuristicPlayer
from forge_core.texas42.players.one_hand import OneHandPlayer
from forge_core.texas42.players.protocol import Player
from forge_core.texas42.settings.one_hand import EVALUATIONS
from forge_core.texas42.settings.self_play import SELF_PLAY, SelfPlaySettings

MODEL_VERSION = "p2"
"""Raised when the same settings train a different network."""
POINTS = "points_per_deal"
"""figure of an evaluation: points per duplicate deal against the network that ships with the project"""

_KEPT = 0.99
"""share of the averaged weights that a step keeps; the average, not the last weights, is the network"""
_EVALUATED = 4000
"""held-out deals of an evaluation, each played twice: a standard error of 0.1 points"""
_COMPARED = 400
"""held-out deals against play by rules, each played twice: a standard error of 0.3 points"""
_SCALE = 10.0
"""points by which the loss is divided, so that it is of the order of 1"""


def deals_of(seed: int, step: int, n: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """Return hands [n, 4, 7] of the train split, seat 0 bidding, and declarations [n], of a step."""
    return draw_deals(stream(seed, "self-play-deals", step), n)


def lesson_of(decisions: Decisions) -> Lesson:
    """Return decisions as the trainer reads them."""
    legal = np.arange(HAND_SIZE) < decisions.n_legal[:, None]
    decision, place = np.nonzero(legal)
    columns = decisions.context, decisions.plays[decision, place], decision, place, legal, decisions.q
    return Lesson(*map(torch.from_numpy, columns))


class SelfPlayRun(LoopRun):
    """A run in a folder. It counts deals where LoopRun speaks of what was played."""

    def __init__(
        self,
        settings: SelfPlaySettings,
        folder: Path,
        record: dict[str, Any],
        network: OneHandNet,
        workers: int | None = None,
    ) -> None:
        """record: config.json. network: training starts from its weights. workers: threads that play; None:
        one per core."""
        super().__init__(folder, record, settings.steps * settings.deals, EVALUATIONS)
        self.settings, self.network, self.step, self.since = settings, network, 0, Since()
        self.workers, self.average = workers, copy.deepcopy(network)
        self.optimizer = torch.optim.Adam(network.parameters(), lr=settings.lr)
        self.games = Conditions().deal(held_out_seeds(_EVALUATED))
        self.opponent = OneHandPlayer("shipped", load_policy(ONE_HAND_MODEL))

    @property
    def played(self) -> int:
        """Deals played so far."""
        return self.step * self.settings.deals

    def iterate(self) -> None:
        """Play the deals of a step, and learn from them."""
        settings, step = self.settings, self.step
        hands, decls = deals_of(settings.seed, step, settings.deals)
        draws = stream(settings.seed, "self-play-draws", step).random((settings.deals, N_PLAYS))
        policy = policy_of(self.network)
        lesson = lesson_of(self_play(hands, decls, draws, settings.epsilon, policy, self.workers))
        logits = lesson.logits(self.network)
        loss = expected_regret(logits, lesson.q, lesson.legal, settings.temperature).mean()
        for group in self.optimizer.param_groups:
            group["lr"] = settings.lr * rate_at(step, settings.steps)
        self.optimizer.zero_grad()
        (loss / _SCALE).backward()
        self.optimizer.step()
        kept = min(_KEPT, (1 + step) / (10 + step))  # at first, the average follows the weights
        with torch.no_grad():
            for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(now, 1 - kept)
        self.step += 1
        self.since.loss += float(loss.detach())
        self.since.steps += 1

    def evaluate(self) -> tuple[OneHandNet, int, dict[str, float]]:
        """Return the averaged network, the number of steps, and its points in held-out deals."""
        network = self.average.in_half_precision()
        if not all(bool(torch.isfinite(weights).all()) for weights in network.parameters()):
            raise BadInput("training diverged: the weights are not numbers; use a lower lr")
        points = points_per_deal(self.games, OneHandPlayer("new", policy_of(network)), self.opponent)
        loss = self.since.loss / max(1, self.since.steps)
        self.since = Since()
        return network, self.step, {"loss": loss, POINTS: points}

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "since": asdict(self.since),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.since = state["step"], Since(**state["since"])


def policy_of(network: OneHandNet) -> Policy:
    """Return the policy of a network as its weights are now."""
    return Policy(POLICIES[NETWORK], weights_of(network))


def points_per_deal(games: Games, player: Player, opponent: Player) -> float:
    """Return the mean points by which a player exceeds another in duplicate deals: each bids once in each."""
    keys, taken = game_keys(games, 0), []
    for side in (0, 1):
        sides = np.full((len(games), 2), side)
        sides[:, 1] = 1 - side
        taken.append(play_out(games, (player, opponent), sides, keys).seen.points[:, 0].astype(np.int64))
    return float((taken[0] - taken[1]).mean())


def points_against_rules(policy: Policy) -> float:
    """Return the mean points by which a policy exceeds the player `heuristic` in duplicate deals."""
    games = Conditions().deal(held_out_seeds(_COMPARED))
    return points_per_deal(games, OneHandPlayer("new", policy), HeuristicPlayer())


def train(
    settings: SelfPlaySettings,
    folder: str | Path,
    *,
    init_from: str | None = None,
    workers: int | None = None,
    resume: bool = False,
    watch: Watch | None = None,
) -> TrainResult:
    """Train a network and keep everything in `folder`.

    init_from: a model to start from, of the same size. workers: threads that play; None: one per core.
    resume: continue from the checkpoint in `folder`; the result is the same as without the interruption.
    watch: what ends the run early, and who is told how far it is. Raises BadInput for settings, a model or a
    checkpoint that does not fit, and KeyboardInterrupt if `watch` says so.
    """
    folder = Path(folder)
    network = first_network(OneHandNet, settings, None if resume else init_from)
    record = describe_run(
        train=asdict(settings) | size_of(network),
        spec=network.spec,
        data=data_record(),
        init_from=init_from,
        model_version=MODEL_VERSION,
        device="cpu",
        precision="32",
        opponent=load_policy(ONE_HAND_MODEL).describe(),
    )
    record = claim_folder(
        folder, record, resume, lambda stored: asdict(settings_from(SelfPlaySettings, stored))
    )

    def begin() -> SelfPlayRun:
        return SelfPlayRun(settings, folder, record, network, workers)

    return go_through(begin, resume, "cpu", "32", network.n_parameters, watch or Watch())


def data_record() -> dict[str, Any]:
    """Return the record of the deals of a run in config.json: how they are drawn, and the versions."""
    shares = {"strongest_bids": STRONGEST_BIDS, "unsuitable": UNSUITABLE, "spread": SPREAD}
    versions = {"self_play": SELF_PLAY_VERSION, "declaring": DECLARING_VERSION}
    return {"kind": SELF_PLAY, **shares, "versions": versions}


def point_text(point: Point) -> str:
    """Return an evaluation as a line of text."""
    return (
        f"step {point['step']:>7,}  {point['rows']:>11,} deals  {point['cpu_seconds']:>6,.0f} CPU s  "
        f"loss {point['loss']:.3f}  points per deal against the shipped network {point[POINTS]:+.3f}"
    )
