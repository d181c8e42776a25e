"""User settings of E[Q] games: the oracle, the sampling of worlds, and the choice of plays."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.ranges import whole
from forge_core.settings import setting

DEFAULT_WORLDS = 50
DEFAULT_BATCH = 32
"""games in lockstep, which share the batches of a network"""
EXACT_FROM = 3
"""the first trick, 1..7, that a hybrid oracle evaluates with the solver; before it, a 73 k network is cheaper
on a CPU core (see docs/log.md)"""
PLAYOUT_POLICY, PLAYOUT_UNTIL = "network", 8
"""defaults of playouts: the policy, and the number of plays left from which values are exact; in the last
three tricks, the solver costs less than playing them (docs/log.md)"""
ORACLES = {
    "exact": (),
    "model": ("model",),
    "hybrid": ("model", "exact_from"),
    "playout": ("policy", "until"),
}
"""oracles that evaluate worlds, with the settings that each of them uses"""
MIN_WORLDS, MAX_WORLDS, ADAPTIVE_BATCH, SEM_THRESHOLD = 50, 2_000, 50, 0.5
"""defaults of adaptive sampling; the threshold is in points"""
LABEL_WORLDS, LABEL_SEM = 5_000, 0.1
"""defaults of adaptive sampling for labels: minimum number of worlds, and target standard error in points"""
EPSILON, TEMPERATURE, MAX_REGRET = 0.1, 2.0, 10.0
"""defaults of exploration: a probability, points, points"""
WINDOW, TAU, MIX = 12, 8.0, 0.6
"""defaults of the posterior, which maximize the likelihood of the true deals of held-out E[Q] games
(`benchmarks/calibrate_posterior.py`)"""
BELIEF_TAU, BELIEF_MIX, BELIEF_CANDIDATES = 1.0, 0.02, 4
"""defaults of a belief from the plays: in logits, as a share, and worlds drawn per world that is kept
(`benchmarks/beliefs.py`)"""
BELIEFS = ("off", "plays", "declaration", "both", "all")
"""evidence from which movers believe worlds more or less likely: both are plays and declaration; all, which
only players accept, are plays, calls and declaration"""
GAME_BELIEFS = tuple(name for name in BELIEFS if name != "all")
"""those for games played by E[Q], to which no auction leads"""
DECLARED_TEMPERATURE, DECLARED_MIX = 0.3, 0.02
"""defaults of a belief from the declaration: in trumps or sure winners, and as a share"""

CALLED_MIX = 0.1
"""default of evidence from the auction: a share of calls and declarations (`benchmarks/beliefs.py`)"""

_WORLDS, _POSTERIOR, _BELIEF, _ADAPTIVE, _EXPLORATION = (
    "Worlds",
    "Weights of worlds (--posterior)",
    "Beliefs about hidden hands (--belief)",
    "Adaptive number of worlds (--adaptive or --labels)",
    "Choice of plays",
)


def read_bid(text: str) -> int:
    """Parse a whole number or `2 marks`; its user checks that it is a bid. Raises BadInput."""
    from forge_core.texas42.auction import parse_marks

    return parse_marks(text) or whole(text, "bid")


@dataclass(frozen=True, slots=True)
class GameSettings:
    """Settings of games played by E[Q]."""

    oracle: str = setting(
        "exact",
        "Oracle that evaluates plays in a world: exact (the solver), model (a network), hybrid (a network "
        "in the first tricks, then the solver) or playout (all seats play on by a fast policy that sees only "
        "its own hand).",
        panel=_WORLDS,
    )
    exact_from: int | None = setting(
        None,
        "With a hybrid oracle: first trick, 1 to 7, evaluated by the solver.",
        metavar="TRICK",
        default_text=f"{EXACT_FROM}",
        panel=_WORLDS,
    )
    policy: str | None = setting(
        None,
        "With playouts: policy of all seats, heuristic, network or the folder of a one-hand network.",
        default_text=PLAYOUT_POLICY,
        panel=_WORLDS,
    )
    until: int | None = setting(
        None,
        "With playouts: number of plays left, 0 to 28, from which on the solver answers.",
        metavar="PLAYS",
        default_text=f"{PLAYOUT_UNTIL}",
        panel=_WORLDS,
    )
    batch: int = setting(DEFAULT_BATCH, "Games played in lockstep.")
    worlds: int = setting(DEFAULT_WORLDS, "Worlds sampled per decision.", panel=_WORLDS)
    enumerate_limit: int | None = setting(
        None,
        "If at most this many worlds are consistent with the plays, use all of them instead of a sample.",
        default_text="the largest number of sampled worlds",
        panel=_WORLDS,
    )
    posterior: bool = setting(
        False,
        "Weight each world by the likelihood of the plays so far; otherwise all worlds weigh the same.",
        panel=_POSTERIOR,
    )
    posterior_window: int | None = setting(
        None, "Number of most recent plays to consider.", default_text=f"{WINDOW}", panel=_POSTERIOR
    )
    posterior_tau: float | None = setting(
        None,
        "Points that a play must lose to be e times less likely; use a small value if the others nearly "
        "always make the best play. The default is calibrated on held-out games; with 0.1 only about one "
        "world in ten keeps any weight.",
        metavar="POINTS",
        default_text=f"{TAU:g}",
        panel=_POSTERIOR,
    )
    posterior_mix: float | None = setting(
        None,
        "Share of plays that are assumed to be random.",
        metavar="SHARE",
        default_text=f"{MIX}",
        panel=_POSTERIOR,
    )
    belief: str = setting(
        "off",
        "Evidence that makes worlds more or less likely: off, plays (a policy that sees one hand would have "
        "made the plays so far), declaration (it suits the bidder's hand) or both.",
        panel=_BELIEF,
    )
    belief_candidates: int | None = setting(
        None,
        "Worlds drawn per world that is used; the belief chooses among them.",
        default_text=f"{BELIEF_CANDIDATES}",
        panel=_BELIEF,
    )
    belief_tau: float | None = setting(
        None,
        "Difference in the network's logit that makes a play e times less likely.",
        metavar="LOGITS",
        default_text=f"{BELIEF_TAU}",
        panel=_BELIEF,
    )
    belief_mix: float | None = setting(
        None,
        "Share of plays that the belief assumes to be random.",
        metavar="SHARE",
        default_text=f"{BELIEF_MIX}",
        panel=_BELIEF,
    )
    adaptive: bool = setting(
        False, "Sample worlds until E[Q] is precise enough, separately for each game.", panel=_ADAPTIVE
    )
    labels: bool = setting(
        False,
        f"Like adaptive, but precise enough for training labels: a standard error of {LABEL_SEM} points and "
        f"at least {LABEL_WORLDS:,} worlds.",
        panel=_ADAPTIVE,
    )
    min_worlds: int | None = setting(
        None, "Minimum number of worlds per decision.", default_text=f"{MIN_WORLDS}", panel=_ADAPTIVE
    )
    max_worlds: int | None = setting(
        None, "Maximum number of worlds per decision.", default_text=f"{MAX_WORLDS:,}", panel=_ADAPTIVE
    )
    adaptive_batch: int | None = setting(
        None,
        "Worlds between two checks of the standard error.",
        default_text=f"{ADAPTIVE_BATCH}",
        panel=_ADAPTIVE,
    )
    sem_threshold: float | None = setting(
        None,
        "Standard error of E[Q] at which sampling stops.",
        metavar="POINTS",
        default_text=f"{SEM_THRESHOLD}",
        panel=_ADAPTIVE,
    )
    lead: float | None = setting(
        None,
        "Also stop once the best play leads every other one by this many standard errors of the difference, "
        "such as 3: the same choices from a quarter of the worlds, with a less precise E[Q].",
        metavar="ERRORS",
        default_text="off",
        panel=_ADAPTIVE,
    )
    exploration: str = setting(
        "greedy",
        "Exploration of plays other than the best: greedy (none), boltzmann, epsilon or blunder.",
        panel=_EXPLORATION,
    )
    epsilon: float | None = setting(
        None,
        "For epsilon and blunder: probability of another play.",
        metavar="P",
        default_text=f"{EPSILON}",
        panel=_EXPLORATION,
    )
    temperature: float | None = setting(
        None,
        "For boltzmann: plays are drawn with weight exp(E[Q] / temperature).",
        metavar="POINTS",
        default_text=f"{TEMPERATURE:g}",
        panel=_EXPLORATION,
    )
    max_regret: float | None = setting(
        None,
        "For blunder: maximum E[Q] that a play may lose.",
        metavar="POINTS",
        default_text=f"{MAX_REGRET:g}",
        panel=_EXPLORATION,
    )
    choose: str = setting(
        "eq",
        "Quantity that the best play maximizes: eq (mean points) or pmake (the chance to make the bid).",
        panel=_EXPLORATION,
    )
    bid: int = setting(30, "Bid of seat 0: 30 to 42, 2 marks (or 84), ...", read=read_bid)
    pdf: bool = setting(True, "Store the distribution of Q over worlds.")
    seed: int = setting(0, "Seed of sampled worlds and exploration.")
