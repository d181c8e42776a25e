"""Beliefs about the hidden hands: from the plays of the others, the declaration, and the auction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from forge_core.errors import BadInput
from forge_core.texas42.declaring import DECLARING_VERSION, declaration_scores
from forge_core.texas42.eq.called import CALLED_VERSION, Auctions, log_likelihood_of_auctions
from forge_core.texas42.one_hand.choose import Policy, open_policy
from forge_core.texas42.one_hand.likelihood import LIKELIHOOD_VERSION, log_likelihood_of_plays
from forge_core.texas42.one_hand.network import PLAYS_MODEL
from forge_core.texas42.settings.games import (
    BELIEF_MIX,
    BELIEF_TAU,
    BELIEFS,
    CALLED_MIX,
    DECLARED_MIX,
    DECLARED_TEMPERATURE,
)
from forge_core.texas42.views import Seen
from forge_core.texas42.worlds.posterior import check_behaviour


class Belief(Protocol):
    """A belief about hidden hands, for example that a seat that bid 31 has a hand worth the bid.

    Worlds are drawn uniformly; a belief then weights them, or chooses among them (`Sampling.candidates`).
    """

    def log_prior(self, seen: Seen, game: Tensor, hands: Tensor) -> Tensor:
        """Return the log weight of D worlds, up to a constant per game: float64 [D], -inf if ruled out.

        seen: public knowledge of N games, including the bid; the mover holds the belief. game: int64 [D], the
        game of each world. hands: int8 [D, 4, 7] as dealt. The result is on the same device as `hands`.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """Describe the belief for the record, in JSON types."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class PlayBelief:
    """A belief from the plays so far: each seat follows a policy that sees only the seat's own hand.

    The weight of a world is the likelihood of the others' plays; see `one_hand.likelihood`.
    """

    policy: Policy
    tau: float = BELIEF_TAU
    """in logits; the policy of a smaller tau makes its best play more often"""
    mix: float = BELIEF_MIX
    """share of plays that are assumed to be random"""
    workers: int | None = None
    """threads; default: one per core"""

    def __post_init__(self) -> None:
        check_behaviour(self.tau, self.mix)
        if not self.mix:
            raise BadInput("mix 0: use a share above 0, or one surprising play would rule out every world")

    def log_prior(self, seen: Seen, game: Tensor, hands: Tensor) -> Tensor:
        """Return the log likelihood of the others' plays; see `Belief.log_prior`."""
        games, deals = game.cpu().numpy(), hands.cpu().numpy()
        log_p = log_likelihood_of_plays(seen, deals, games, self.policy, self.tau, self.mix, self.workers)
        return torch.from_numpy(log_p).to(hands.device)

    def describe(self) -> dict[str, Any]:
        """Describe the belief: see `Belief.describe`."""
        settings = {"tau": self.tau, "mix": self.mix, "version": LIKELIHOOD_VERSION}
        return {"belief": "plays", **self.policy.describe(), **settings}


@dataclass(frozen=True, slots=True)
class DeclarationBelief:
    """A belief from the declaration: the bidder chose one that suits its hand.

    p(declaration | hand) = (1 - mix) x softmax of score / temperature + mix / 10, with the score of
    `declaring`: trumps plus sure winners. It misleads where declarations do not depend on hands.
    """

    temperature: float = DECLARED_TEMPERATURE
    mix: float = DECLARED_MIX

    def log_prior(self, seen: Seen, game: Tensor, hands: Tensor) -> Tensor:
        """Return the log probability of the declaration; 0 where the mover is the bidder."""
        games = game.cpu().numpy()
        log_p = np.zeros(len(games))
        rows = np.flatnonzero((seen.turn != seen.bidder)[games])
        if len(rows):
            bidder, decl = (column[games[rows]].astype(np.int64) for column in (seen.bidder, seen.decl))
            of_bidder = hands[torch.from_numpy(rows), torch.from_numpy(bidder)].cpu().numpy()
            odds = np.exp(declaration_scores(of_bidder) / self.temperature)
            share = odds[np.arange(len(rows)), decl] / odds.sum(axis=1)
            log_p[rows] = np.log((1 - self.mix) * share + self.mix / odds.shape[1])
        return torch.from_numpy(log_p).to(hands.device)

    def describe(self) -> dict[str, Any]:
        """Describe the belief: see `Belief.describe`."""
        settings = {"temperature": self.temperature, "mix": self.mix, "version": DECLARING_VERSION}
        return {"belief": "declaration", **settings}


@dataclass(frozen=True, slots=True)
class AuctionBelief:
    """A belief from the auction: the others called, and the bidder declared, as their hands asked for.

    The weight of a world is the likelihood of calls and declaration by a fitted model; see `called`.
    """

    mix: float = CALLED_MIX
    """share of calls and declarations that are assumed to be random"""
    otherwise: DeclarationBelief = field(default_factory=DeclarationBelief)
    """the belief in games whose contract comes from no auction"""

    def __post_init__(self) -> None:
        if not 0 < self.mix <= 1:
            raise BadInput(
                f"mix {self.mix:g}: use a share above 0, or one surprising call would rule out worlds"
            )

    def log_prior(self, seen: Seen, game: Tensor, hands: Tensor) -> Tensor:
        """Return the log likelihood of the others' calls and declaration; see `Belief.log_prior`."""
        games = game.cpu().numpy()
        auctions = Auctions.of(seen)
        log_p = torch.from_numpy(log_likelihood_of_auctions(auctions, hands.cpu().numpy(), games, self.mix))
        if seen.had_auction.all():
            return log_p.to(hands.device)
        had_auction = torch.from_numpy(seen.had_auction[games]).to(hands.device)
        return torch.where(had_auction, log_p.to(hands.device), self.otherwise.log_prior(seen, game, hands))

    def describe(self) -> dict[str, Any]:
        """Describe the belief: see `Belief.describe`."""
        settings = {"mix": self.mix, "version": CALLED_VERSION}
        return {"belief": "auction", **settings, "otherwise": self.otherwise.describe()}


@dataclass(frozen=True, slots=True, eq=False)
class JointBelief:
    """Several independent beliefs: their weights are multiplied."""

    parts: tuple[Belief, ...]

    def log_prior(self, seen: Seen, game: Tensor, hands: Tensor) -> Tensor:
        """Return the sum of the log weights; see `Belief.log_prior`."""
        return torch.stack([part.log_prior(seen, game, hands) for part in self.parts]).sum(dim=0)

    def describe(self) -> dict[str, Any]:
        """Describe the belief: see `Belief.describe`."""
        return {"belief": "joint", "parts": [part.describe() for part in self.parts]}


def open_belief(
    name: str,
    policy: str = PLAYS_MODEL,
    tau: float = BELIEF_TAU,
    mix: float = BELIEF_MIX,
    workers: int | None = None,
) -> Belief | None:
    """Return the belief with one of the names BELIEFS; None for `off`. policy, ..., workers: of PlayBelief,
    whose default policy is the shipped model of how others play.

    Raises BadInput for another name, or for a value out of range.
    """
    if name not in BELIEFS:
        raise BadInput(f"belief {name!r}: use {', '.join(BELIEFS)}")
    if name == "off":
        return None
    if name == "declaration":
        return DeclarationBelief()
    from_plays = PlayBelief(open_policy(policy), tau, mix, workers)
    if name == "plays":
        return from_plays
    return JointBelief((from_plays, AuctionBelief() if name == "all" else DeclarationBelief()))
