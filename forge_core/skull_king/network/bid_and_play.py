"""The network of Skull King: one part bids, the other plays.

The part that bids predicts, for each bid, how many tricks it would win and which bonus; the expected points
follow from the scoring rule, and it bids the maximum. The part that plays has a policy and a value. Both
read observations of zeros and ones (see `state.inputs`). Points are those of a round.

Letters: N rows, D entries of an observation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from forge_core.learning.networks.network import Arrays, Network
from forge_core.skull_king.actions import N_PLAYS
from forge_core.skull_king.network.ones import OnesLinear
from forge_core.skull_king.network.points import points_without_bonus, shares_of_bonus
from forge_core.skull_king.settings.network import ARCHITECTURE, POINTS_PER_BONUS, BidAndPlayConfig, TableSpec
from forge_core.skull_king.state.inputs import N_BIDS, bid_blocks, play_blocks
from forge_core.streams import stream

ILLEGAL = -1e9
"""logit of an illegal action; its probability is exactly 0"""
SMALL = 0.01
"""scale of the first weights of policies and distributions, which then begin nearly uniform"""


@dataclass(frozen=True, slots=True)
class Bids:
    """The answers of the part that bids."""

    points: Tensor
    """[N, 11] expected points of each bid (bid head `tricks`) or logits (`policy`); ILLEGAL where illegal"""
    log_chances: Tensor
    """[N, 11, 11] for each bid, log-probabilities of tricks won; empty with `policy`"""
    bonus: Tensor
    """[N, 11] for each bid, the expected bonus if it is exact, in POINTS_PER_BONUS; empty with `policy`"""
    value: Tensor
    """[N] expected value of the round, for `policy`; otherwise empty"""


@dataclass(frozen=True, slots=True)
class Plays:
    """The answers of the part that plays."""

    logits: Tensor
    """[N, 75] logits of plays, ILLEGAL where illegal"""
    value: Tensor
    """[N] expected points of the round, in POINTS_PER_VALUE"""
    tricks: Tensor
    """[N, 11] logits of the own tricks at the end of the round"""


class BidAndPlayNet(Network):
    """A network of two parts, each of a few fully connected layers."""

    architecture = ARCHITECTURE
    input_names = ("bid", "play")
    output_names = ("bids", "policy", "value")  # pyright: ignore[reportAssignmentType]

    n_bids = N_BIDS

    spec: TableSpec
    config: BidAndPlayConfig

    def __init__(self, spec: TableSpec, config: BidAndPlayConfig) -> None:
        super().__init__(spec, config)
        width, bid_width = config.width, config.width // 2
        self.body = _body(spec.play_width, width, config.layers)
        self.policy = _head(width, N_PLAYS, SMALL)
        self.value = _head(width, 1, 1.0)
        self.tricks = _head(width, N_BIDS, SMALL)
        self.critic = _Critic(spec, config) if config.hidden_critic else None
        self.bid_body = _body(spec.bid_width, bid_width, config.layers)
        if config.bid_head == "tricks":
            self.bid_tricks = _head(bid_width, N_BIDS * N_BIDS, SMALL)
            self.bid_bonus = nn.Linear(bid_width, N_BIDS)
        else:
            self.bid_policy = _head(bid_width, N_BIDS, SMALL)
            self.bid_value = _head(bid_width, 1, 1.0)
        for name, table in (
            ("base", points_without_bonus(spec.rules)),
            ("bonus_share", shares_of_bonus(spec.rules)),
        ):
            self.register_buffer(name, torch.from_numpy(table), persistent=False)
        bids, plays = bid_blocks(spec.rules, spec.seats), play_blocks(spec.rules, spec.seats)
        self._dealt, self._legal = bids.slice("dealt"), plays.slice("legal")

    @classmethod
    def least_size(cls, spec: TableSpec, config: BidAndPlayConfig) -> tuple[int, int]:
        """Return the least number of tensors and of weights that such a network has."""
        width = config.width
        return 4 * config.layers, width * (spec.play_width + (config.layers - 1) * width + N_PLAYS)

    def bids(self, seen: Tensor) -> Bids:
        """Return answers to observations before all have bid [N, D], uint8 or float."""
        hidden, dealt = self.bid_body(seen), self._cards_dealt(seen)
        too_many = torch.arange(N_BIDS, device=seen.device) > dealt[:, None]
        nothing = hidden.new_empty(0)
        if self.config.bid_head == "policy":
            logits = self.bid_policy(hidden).float().masked_fill(too_many, ILLEGAL)
            return Bids(logits, nothing, nothing, self.bid_value(hidden).float().squeeze(1))
        logits = self.bid_tricks(hidden).float().unflatten(1, (N_BIDS, N_BIDS))
        log_chances = logits.masked_fill(too_many[:, None], ILLEGAL).log_softmax(2)
        bonus, chances = self.bid_bonus(hidden).float(), log_chances.exp()
        tables: Any = self
        points = (chances * tables.base[dealt]).sum(2)
        points = points + (chances * tables.bonus_share[dealt]).sum(2) * bonus * POINTS_PER_BONUS
        return Bids(points.masked_fill(too_many, ILLEGAL), log_chances, bonus, nothing)

    def points_of(self, seen: Tensor, bid: Tensor, tricks: Tensor) -> Tensor:
        """Return the points [N] of bids and tricks won [N] without a bonus. seen: as in `bids`."""
        tables: Any = self
        return tables.base[self._cards_dealt(seen), bid, tricks]

    def _cards_dealt(self, seen: Tensor) -> Tensor:
        return seen[:, self._dealt].to(torch.float32).argmax(1) + 1

    def plays(self, seen: Tensor, hidden: Tensor | None = None) -> Plays:
        """Return answers to observations after all have bid [N, D], uint8 or float.

        hidden: hands of the others [N, H], for the critic that sees them; None: the player's own value.
        """
        body = self.body(seen)
        logits = self.policy(body).float().masked_fill(seen[:, self._legal] == 0, ILLEGAL)
        if self.critic is not None and hidden is not None:
            value = self.critic(seen, hidden)
        else:
            value = self.value(body).float().squeeze(1)
        return Plays(logits, value, self.tricks(body).float())

    def answers(self, bid: Tensor, play: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return points or logits of bids [N, 11], logits of plays [N, 75] and values [N], of two arrays."""
        plays = self.plays(play)
        return self.bids(bid).points, plays.logits, plays.value

    def traceable(self) -> nn.Module:
        """Return a module that computes `answers`."""
        return _Answers(self)

    def random_inputs(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return n random rows of zeros and ones for each part, float32."""
        draws = stream(0, "parity", n)
        widths = self.spec.bid_width, self.spec.play_width
        bid, play = ((draws.random((n, width)) < 0.1).astype(np.float32) for width in widths)
        return bid, play

    def choices(self, inputs: Arrays, answers: Arrays) -> np.ndarray:
        """Return the best bid and the best play of each row as one number [n]."""
        return answers[0].argmax(axis=1) * N_PLAYS + answers[1].argmax(axis=1)


class _Critic(nn.Module):
    """The value of a play, from all hands."""

    def __init__(self, spec: TableSpec, config: BidAndPlayConfig) -> None:
        super().__init__()
        self.hands = OnesLinear(spec.hidden_width, config.width)
        self.seen = OnesLinear(spec.play_width, config.width)
        self.rest = nn.Sequential(nn.ReLU(), *_layers(config.width, config.layers - 1))
        self.value = _head(config.width, 1, 1.0)

    def forward(self, seen: Tensor, hidden: Tensor) -> Tensor:
        """[N, D] and [N, H] -> [N]."""
        return self.value(self.rest(self.seen(seen) + self.hands(hidden))).float().squeeze(1)


class _Answers(nn.Module):
    """The network with the answers of both parts."""

    def __init__(self, model: BidAndPlayNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, bid: Tensor, play: Tensor) -> tuple[Tensor, ...]:
        return self.model.answers(bid, play)


def _body(n_inputs: int, width: int, layers: int) -> nn.Sequential:
    return nn.Sequential(OnesLinear(n_inputs, width), nn.ReLU(), *_layers(width, layers - 1))


def _layers(width: int, n: int) -> list[nn.Module]:
    return [module for _ in range(n) for module in (nn.Linear(width, width), nn.ReLU())]


def _head(width: int, n: int, scale: float) -> nn.Linear:
    head = nn.Linear(width, n)
    nn.init.orthogonal_(head.weight, scale)
    nn.init.zeros_(head.bias)
    return head
