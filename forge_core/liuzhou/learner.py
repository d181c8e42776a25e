"""Learning from the positions of self-play: the losses, a step, and the averaged weights."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from forge_core.learning.threads import Pieces
from forge_core.liuzhou.buffer import Batch, TrajectoryBuffer
from forge_core.liuzhou.network import LiuzhouNet
from forge_core.liuzhou.settings.learning import LearningSettings
from forge_core.streams import stream

LOSSES = ("policy_loss", "wdl_loss", "difference_loss")
"""names of the losses, in the order of `losses_of`"""
LONGEST_GRADIENT = 5.0
"""norm that gradients are clipped to"""


def losses_of(answers: tuple[Tensor, Tensor, Tensor], batch: Batch, soft: float = 0.0) -> Tensor:
    """Return the three losses [3] of a batch, in the order of LOSSES.

    answers: from `LiuzhouNet.answers`. The policy loss is the divergence (KL) of the policy from the
    visits, averaged over positions with a full search; the others are the cross-entropy of
    win/draw/loss and the squared error of the difference, over all. soft: see LearningSettings.
    """
    policy, wdl, difference = (answer.float() for answer in answers)
    log_policy = torch.log_softmax(policy.masked_fill(~batch.legal, -1e9), 1)
    divergence = (torch.xlogy(batch.policy, batch.policy) - batch.policy * log_policy).sum(1)
    n_taught = batch.taught.sum().clamp(min=1)
    target = torch.lerp(batch.difference, batch.soft_value, soft)
    return torch.stack(
        (
            (divergence * batch.taught).sum() / n_taught,
            F.cross_entropy(wdl, batch.wdl),
            F.mse_loss(difference, target),
        )
    )


class Learner:
    """A network that learns, its optimizer, and the average of its weights.

    On a CPU a batch is divided into parts, for each of which a thread samples, predicts and finds
    gradients; the step takes their mean. The parts are fixed by the settings, so that the result does not
    depend on how many cores there are.
    """

    def __init__(
        self, network: LiuzhouNet, settings: LearningSettings, device: str = "cpu", precision: str = "32"
    ) -> None:
        """network: learning starts from its weights. precision: `32` or `bf16-mixed`."""
        self.settings, self.device, self.precision = settings, device, precision
        self.network = _on(network, device)
        self.averaged = copy_of(network, device).requires_grad_(False).eval()
        self.optimizer = torch.optim.AdamW(
            network.parameters(), lr=settings.lr, weight_decay=settings.weight_decay
        )
        self.step = 0
        """steps taken"""
        n = settings.parts if device == "cpu" else 1
        self._parts = [self.network, *(_sharing_weights(self.network, device) for _ in range(n - 1))]
        self._sizes = [settings.batch_size * (i + 1) // n - settings.batch_size * i // n for i in range(n)]
        self._pieces = Pieces(n)

    def learn(self, buffer: TrajectoryBuffer, until: int) -> Tensor:
        """Take steps up to number `until`; return their summed losses [3], without waiting for the device."""
        summed = torch.zeros(len(LOSSES), device=self.device)
        buffer.ready()  # computed once, before several threads need it
        while self.step < until:
            works = [partial(self._find_gradients, buffer, part) for part in range(len(self._parts))]
            summed += torch.stack(self._pieces.run(works)).mean(0)
            self._take_step()
        return summed

    def _find_gradients(self, buffer: TrajectoryBuffer, part: int) -> Tensor:
        """Sample a part of the batch, leave the gradients in its network, and return its losses [3]."""
        draws = stream(self.settings.seed, "learn", self.step, part)
        batch = buffer.sample(self._sizes[part], draws, self.settings.discount)
        network = self._parts[part]
        network.zero_grad(set_to_none=True)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, self.precision != "32"):
            answers = network.answers(batch.planes.contiguous(memory_format=torch.channels_last))
        losses = losses_of(answers, batch, self.settings.soft)
        losses.sum().backward()
        return losses.detach()

    def _take_step(self) -> None:
        """Update the weights by the mean of the gradients of all parts, then the averaged weights."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate_at(self.step)
        parameters = list(self.network.parameters())
        for parameter, *others in zip(*(part.parameters() for part in self._parts), strict=True):
            if others:
                parameter.grad = torch.stack([each.grad for each in (parameter, *others)]).mean(0)
        torch.nn.utils.clip_grad_norm_(parameters, LONGEST_GRADIENT)
        self.optimizer.step()
        self.step += 1
        # In the first steps, the average would consist mostly of the initial weights.
        retained = min(self.settings.average, self.step / (self.step + 10))
        with torch.no_grad():
            for average, newest in zip(self.averaged.parameters(), parameters, strict=True):
                average.lerp_(newest, 1 - retained)

    def state_dict(self) -> dict[str, Any]:
        """Return the learner's part of a checkpoint."""
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])


def _on(network: LiuzhouNet, device: str) -> LiuzhouNet:
    return network.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def copy_of(network: LiuzhouNet, device: str) -> LiuzhouNet:
    """Return a copy of a network that shares no memory with it."""
    copy = _on(type(network)(network.spec, network.config), device)
    copy.load_state_dict(network.state_dict())
    return copy


def _sharing_weights(network: LiuzhouNet, device: str) -> LiuzhouNet:
    """Return a network with gradients of its own that shares its weights with another."""
    sharing = _on(type(network)(network.spec, network.config), device)
    for own, shared in zip(sharing.parameters(), network.parameters(), strict=True):
        own.data = shared.data
    return sharing
