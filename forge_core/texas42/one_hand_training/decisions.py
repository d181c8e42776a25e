"""The decisions of recorded games, as features of one hand and the value of each legal play.

Games stay packed in memory (1.8 kB each); features are computed when a batch is drawn, in about 2 us per
decision. Letters: N decisions, A = 7 places for legal plays, K legal plays of all N decisions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from forge_core.errors import BadInput
from forge_core.learning.labelled.rows import ILLEGAL
from forge_core.texas42.eq.splits import GameRowStore
from forge_core.texas42.one_hand.choose import features_of_games
from forge_core.texas42.one_hand.network import OneHandNet
from forge_core.texas42.one_hand.option_network import OptionNet
from forge_core.texas42.one_hand_training.lessons import Lesson
from forge_core.texas42.one_hand_training.losses import loss_of, surprise
from forge_core.texas42.settings.one_hand import OneHandSettings


@dataclass(frozen=True, slots=True, eq=False)
class DecisionSet:
    """The decisions of some games in which the mover had a choice."""

    network: ClassVar[type[OptionNet]] = OneHandNet
    """the class of the network that learns from them"""

    games: npt.NDArray[Any]
    """[G] packed games; see `eq.splits`"""
    game: npt.NDArray[np.int64]
    """[N] the game of each decision"""
    made: npt.NDArray[np.int64]
    """[N] number of plays before it"""

    @classmethod
    def of(cls, games: npt.NDArray[Any]) -> DecisionSet:
        """Return the decisions with at least two legal plays, game by game."""
        return cls(games, *np.nonzero((games["q"] != ILLEGAL).sum(axis=2) > 1))

    @classmethod
    def of_store(cls, rows: GameRowStore) -> DecisionSet:
        """Read all games of a split. Raises BadInput if they hold no decision."""
        decisions = cls.of(np.concatenate([rows.read_file(number) for number in range(len(rows.files))]))
        if not len(decisions):
            raise BadInput(f"{rows.url} has no decision with a choice: play more games with forge eq")
        return decisions

    def __len__(self) -> int:
        return len(self.game)

    def lesson(self, index: npt.NDArray[np.int64]) -> Lesson:
        """Return the decisions at `index`. Raises BadInput if a game's legal plays are not those of Q."""
        games, game, made = self.games, self.game[index], self.made[index]
        hand = games["hands"][game, games["players"][game, made]]
        played = games["plays"][game], games["players"][game]
        context, plays, slots = features_of_games(games["decl"][game], *played, made, hand)
        q, legal = games["q"][game, made], slots >= 0
        of_place = np.take_along_axis(q, np.maximum(slots, 0), axis=1)
        if (legal.sum(axis=1) != (q != ILLEGAL).sum(axis=1)).any() or (of_place[legal] == ILLEGAL).any():
            raise BadInput("the legal plays of a game differ from those of its values: tokenize it again")
        of_play = np.take_along_axis(hand, np.maximum(slots, 0), axis=1) == games["plays"][game, made, None]
        decision, place = np.nonzero(legal)
        return Lesson(
            context=torch.from_numpy(context),
            plays=torch.from_numpy(plays[decision, place]),
            decision=torch.from_numpy(decision),
            place=torch.from_numpy(place),
            legal=torch.from_numpy(legal),
            q=torch.from_numpy(np.where(legal, of_place, np.float32(0))),
            chosen=torch.from_numpy((of_play & legal).argmax(axis=1)),
        )

    def loss(self, lesson: Lesson, logits: Tensor, settings: OneHandSettings) -> Tensor:
        """Return the mean loss over the decisions of a lesson, a scalar; see `losses`."""
        if settings.target == "plays":
            assert lesson.chosen is not None
            return surprise(logits, lesson.chosen, lesson.legal)
        return loss_of(logits, lesson.q, lesson.legal, settings.temperature, settings.regret_share)
