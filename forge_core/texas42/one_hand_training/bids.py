"""The decisions of the auction, labelled by rollouts, as lessons of the bid-value network.

Values are changes of the chance to win the game, in percent of the stake: of the difference that one mark
makes at the score. So mistakes have the same weight at all scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from forge_core.learning.labelled.losses import regrets
from forge_core.texas42.bidding.features import OPTION, fill_features
from forge_core.texas42.bidding.labels import MOST_CALLS, Labels, decisions_of, options_of
from forge_core.texas42.bidding.network import BidNet
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.one_hand.option_network import OptionNet
from forge_core.texas42.one_hand_training.lessons import Lesson
from forge_core.texas42.settings.one_hand import OneHandSettings

PERCENT = 100.0
MOST_OPTIONS = N_DECLARATIONS * MOST_CALLS
"""A: places for the options of a decision"""
PASS_WEIGHT, CHOICE_WEIGHT = 0.3, 0.4
"""shares of the weight of a decision; without them, the pass is one of some 40 options with equal weights"""
_PASS = list(OPTION).index("pass")


@dataclass(frozen=True, slots=True, eq=False)
class BidLessons:
    """Labelled decisions of the auction."""

    network: ClassVar[type[OptionNet]] = BidNet
    """the class of the network that learns from them"""

    labels: Labels
    """[N]"""

    def __len__(self) -> int:
        return len(self.labels)

    def lesson(self, index: npt.NDArray[np.int64]) -> Lesson:
        """Return the decisions at `index`."""
        labels = self.labels[index]
        decisions = decisions_of(labels)
        options, worth = options_of(labels)
        context, plays = fill_features(decisions, options)
        row = options.decision
        first = np.searchsorted(row, np.arange(len(labels)))
        place = np.arange(len(row)) - first[row]
        legal = np.zeros((len(labels), MOST_OPTIONS), dtype=bool)
        legal[row, place] = True
        q = np.zeros(legal.shape, dtype=np.float32)
        q[row, place] = PERCENT * (worth - decisions.chance[row]) / decisions.stake[row]
        return Lesson(*map(torch.from_numpy, (context, plays, row, place, legal, q)))

    def loss(self, lesson: Lesson, logits: Tensor, settings: OneHandSettings) -> Tensor:
        """Return the mean loss over the decisions of a lesson, a scalar.

        It is the weighted squared error over the options of a decision, in units of the stake, plus the
        regret that choices by softmax of the answers are expected to have, times the settings' share. The
        weights of a decision are a share for the pass, a share for the likely choices, which are those of
        the softmax, and the rest for all options alike. The temperature of the softmax is in percent of the
        stake, like the regret.
        """
        chosen = (PERCENT * logits / settings.temperature).softmax(dim=1)
        is_pass = torch.zeros_like(lesson.legal)
        passes = lesson.plays[:, _PASS] > 0
        is_pass[lesson.decision[passes], lesson.place[passes]] = True
        alike = lesson.legal / lesson.legal.sum(dim=1, keepdim=True)
        weights = PASS_WEIGHT * is_pass + CHOICE_WEIGHT * chosen.detach()
        weights = weights + (1 - PASS_WEIGHT - CHOICE_WEIGHT) * alike
        errors = torch.where(lesson.legal, logits - lesson.q / PERCENT, 0.0)
        squared = (weights * errors**2).sum(dim=1)
        expected = (chosen * regrets(lesson.q, lesson.legal)).sum(dim=1) / PERCENT
        return (squared + settings.regret_share * expected).mean()
