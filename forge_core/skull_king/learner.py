"""A network that learns from finished rounds: minibatches, gradients of several threads, and steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from forge_core.learning.threads import Pieces
from forge_core.skull_king.hindsight import imitated
from forge_core.skull_king.losses import (
    LOSSES,
    BidBatch,
    PlayBatch,
    bid_losses,
    play_losses,
    teacher_loss,
)
from forge_core.skull_king.network import BidAndPlayNet
from forge_core.skull_king.rollouts import Collected, Taught
from forge_core.skull_king.settings.learning import LearningSettings
from forge_core.streams import stream

LONGEST_GRADIENT = 0.5
"""norm that gradients are clipped to"""
ADAM_EPSILON = 1e-5
"""larger than usual, as is common for policy gradients: with smaller ones, rare inputs take large steps"""
IMITATED_SHARE = 4
"""a minibatch has one play in hindsight for this many others"""


class Learner:
    """A network that learns, and its optimizer.

    Each part of a batch belongs to a thread, which finds the gradients of its share of a minibatch; a step
    takes their mean. The parts are fixed by the settings, so that results do not depend on the number of
    cores.
    """

    def __init__(
        self, network: BidAndPlayNet, settings: LearningSettings, device: str = "cpu", precision: str = "32"
    ) -> None:
        """network: learning starts from its weights. precision: `32` or `bf16-mixed`."""
        self.settings, self.device, self.precision = settings, device, precision
        self.network = network.to(device)
        self.optimizer = torch.optim.Adam(network.parameters(), lr=settings.lr, eps=ADAM_EPSILON, fused=True)
        self.step = 0
        """steps taken"""
        n = settings.parts
        self.parts = [network, *(_sharing_weights(network, device) for _ in range(n - 1))]
        """networks that share their weights; each has gradients of its own"""
        self.pieces = Pieces(n)

    def learn(
        self, batches: Sequence[Collected], decisions: int, taught: Sequence[Taught[npt.NDArray] | None] = ()
    ) -> tuple[Tensor, int]:
        """Learn from one batch per part; return the summed losses [5], in the order of LOSSES, and the steps.

        decisions: decisions of the run so far, for the schedules. taught: answers of a teacher per part.
        """
        settings, first = self.settings, self.step
        for group in self.optimizer.param_groups:
            group["lr"] = settings.rate_at(decisions)
        advantages = np.concatenate([batch.advantage for batch in batches])
        mean, spread = float(advantages.mean()), float(advantages.std()) + 1e-6
        lessons = [
            _Lesson(batch, given, mean, spread, self, stream(settings.seed, "learn", first, part))
            for part, (batch, given) in enumerate(zip_longest(batches, taught))
        ]
        summed = torch.zeros(len(LOSSES), device=self.device)
        for _ in range(settings.epochs):
            n_steps = min(lesson.shuffle() for lesson in lessons)
            for i in range(n_steps):
                works = [
                    partial(self._find_gradients, part, lesson, i, n_steps, decisions)
                    for part, lesson in enumerate(lessons)
                ]
                summed += torch.stack(self.pieces.run(works)).mean(0)
                self._take_step()
        return summed, self.step - first

    def _find_gradients(self, part: int, lesson: _Lesson, i: int, n_steps: int, decisions: int) -> Tensor:
        """Leave the gradients of minibatch i in the network of a part, and return its losses [5].

        While only bids are learnt, the losses of plays are 0.
        """
        network, settings = self.parts[part], self.settings
        entropy_weight, (_, teacher_weight) = settings.entropy_at(decisions), settings.teacher_at(decisions)
        network.zero_grad(set_to_none=True)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, self.precision != "32"):
            tricks, bonus = bid_losses(network, lesson.bids(i, n_steps), settings, entropy_weight)
            loss, policy, value, entropy = tricks + bonus, *tricks.new_zeros(3)
            if not settings.learns_only_bids_at(decisions):
                batch = lesson.plays(i)
                plays = network.plays(batch.seen, batch.hidden)
                policy, value, entropy = play_losses(plays, batch, settings)
                loss = loss + policy + settings.value_weight * value - entropy_weight * entropy
                if settings.tricks_weight:
                    loss = loss + settings.tricks_weight * F.cross_entropy(plays.tricks, batch.tricks)
                if settings.hindsight and (imitations := lesson.imitations()):
                    seen, actions = imitations
                    loss = loss + settings.hindsight * F.cross_entropy(network.plays(seen).logits, actions)
                if (taught := lesson.taught(i, n_steps)) is not None:
                    loss = loss + teacher_weight * teacher_loss(network, taught)
        loss.backward()
        return torch.stack((policy, value, entropy, tricks, bonus)).detach()

    def _take_step(self) -> None:
        """Update the weights by the mean of the gradients of all parts."""
        parameters = list(self.network.parameters())
        for parameter, *others in zip(*(part.parameters() for part in self.parts), strict=True):
            found = [each.grad for each in (parameter, *others) if each.grad is not None]
            if len(found) > 1:
                parameter.grad = torch.stack(found).sum(0) / len(self.parts)
        torch.nn.utils.clip_grad_norm_(parameters, LONGEST_GRADIENT)
        self.optimizer.step()
        self.step += 1

    def state_dict(self) -> dict[str, Any]:
        """Return the learner's part of a checkpoint."""
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a checkpoint."""
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])


class _Lesson:
    """A batch of one part on the device of the network, and the order in which it is used."""

    def __init__(
        self,
        batch: Collected,
        taught: Taught[npt.NDArray] | None,
        mean: float,
        spread: float,
        learner: Learner,
        draws: np.random.Generator,
    ) -> None:
        """mean, spread: of the advantages of all parts."""
        settings, device = learner.settings, learner.device
        arrays = {name: torch.from_numpy(array).to(device) for name, array in batch._asdict().items()}
        self._plays = PlayBatch(
            seen=arrays["play"],
            hidden=arrays["hidden"] if settings.hidden_critic else None,
            action=arrays["action"],
            log_prob=arrays["log_prob"],
            advantage=(arrays["advantage"] - mean) / spread,
            target=arrays["target"],
            tricks=arrays["tricks"],
        )
        self._bids = BidBatch(
            seen=arrays["bid"],
            bid=arrays["bid_made"],
            log_prob=arrays["bid_log_prob"],
            tricks=arrays["bid_tricks"],
            points=arrays["bid_points"],
        )
        self._size, self._draws, self._device = settings.minibatch // settings.parts, draws, device
        self._taught = taught
        self._imitated = imitated(batch, learner.network.spec) if settings.hindsight else None
        self._order_of_plays = self._order_of_bids = torch.empty(0, dtype=torch.int64)

    def shuffle(self) -> int:
        """Draw a new order; return the number of whole minibatches."""
        n_plays, n_bids = len(self._plays.action), len(self._bids.bid)
        self._order_of_plays, self._order_of_bids = (
            torch.from_numpy(self._draws.permutation(n)).to(self._device) for n in (n_plays, n_bids)
        )
        return max(1, n_plays // self._size)

    def plays(self, i: int) -> PlayBatch:
        """Return the plays of minibatch i."""
        return _rows(self._plays, self._order_of_plays[i * self._size : (i + 1) * self._size])

    def bids(self, i: int, n: int) -> BidBatch:
        """Return share i of n of the bids."""
        n_bids = len(self._order_of_bids)
        return _rows(self._bids, self._order_of_bids[n_bids * i // n : n_bids * (i + 1) // n])

    def taught(self, i: int, n: int) -> Taught[Tensor] | None:
        """Return share i of n of the answers of the teacher; None if there are none."""
        if self._taught is None:
            return None
        shares = (array[len(array) * i // n : len(array) * (i + 1) // n] for array in self._taught)
        return Taught(*(torch.from_numpy(share).to(self._device) for share in shares))

    def imitations(self) -> tuple[Tensor, Tensor] | None:
        """Return observations and actions of some plays in hindsight; None if there are none."""
        if self._imitated is None or not len(self._imitated[1]):
            return None
        chosen = self._draws.integers(len(self._imitated[1]), size=max(1, self._size // IMITATED_SHARE))
        seen, actions = (torch.from_numpy(array[chosen]).to(self._device) for array in self._imitated)
        return seen, actions


def _rows(batch: Any, rows: Tensor) -> Any:
    """Return the chosen rows of a batch."""
    tensors = {name: getattr(batch, name) for name in batch.__slots__}
    return type(batch)(**{name: None if tensor is None else tensor[rows] for name, tensor in tensors.items()})


def copy_of(network: BidAndPlayNet, device: str) -> BidAndPlayNet:
    """Return a copy of a network that shares no memory with it."""
    copy = type(network)(network.spec, network.config).to(device)
    copy.load_state_dict(network.state_dict())
    return copy


def _sharing_weights(network: BidAndPlayNet, device: str) -> BidAndPlayNet:
    """Return a network with gradients of its own that shares its weights with another."""
    sharing = type(network)(network.spec, network.config).to(device)
    for own, shared in zip(sharing.parameters(), network.parameters(), strict=True):
        own.data = shared.data
    return sharing
