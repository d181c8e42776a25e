"""Settings of games played by E[Q]: who evaluates worlds, how many are sampled, which play is made."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.settings import setting

DEFAULT_WORLDS = 50
DEFAULT_BATCH = 32
"""games in lockstep, whose questions to a network are asked together"""
EXACT_FROM = 3
"""The first trick, of 1..7, from which a hybrid asks the solver: before, a 73 k network is cheaper on a
CPU core (see docs/log.md)."""
MIN_WORLDS, MAX_WORLDS, ADAPTIVE_BATCH, SEM_THRESHOLD = 50, 2_000, 50, 0.5
"""of adaptive sampling; the threshold in points"""
LABEL_WORLDS, LABEL_SEM = 5_000, 0.1
"""of adaptive sampling for labels: at least so many worlds, down to this standard error in points"""
EPSILON, TEMPERATURE, MAX_REGRET = 0.1, 2.0, 10.0
"""of exploration: a probability, points, points"""
WINDOW, TAU, MIX = 12, 8.0, 0.6
"""of the posterior: what makes the true deals of held-out E[Q] games likeliest
(`benchmarks/calibrate_posterior.py`)"""

_WORLDS, _POSTERIOR, _ADAPTIVE, _EXPLORATION = (
    "Worlds",
    "Weights of worlds (--posterior)",
    "Adaptive number of worlds (--adaptive or --labels)",
    "Choice of plays",
)


@dataclass(frozen=True, slots=True)
class GameSettings:
    """Settings of games played by E[Q]."""

    oracle: str = setting(
        "exact",
        "Evaluates the plays in a world: exact (the solver), model (a network), or hybrid (a network in the "
        "first tricks, then the solver).",
        panel=_WORLDS,
    )
    exact_from: int | None = setting(
        None,
        "With a hybrid oracle: first trick, 1 to 7, that the solver evaluates.",
        metavar="TRICK",
        default_text=f"{EXACT_FROM}",
        panel=_WORLDS,
    )
    batch: int = setting(DEFAULT_BATCH, "Games played in lockstep.")
    worlds: int = setting(DEFAULT_WORLDS, "Worlds sampled per decision.", panel=_WORLDS)
    enumerate_limit: int | None = setting(
        None,
        "Where at most this many worlds are consistent, use all of them in place of a sample.",
        default_text="as many as are sampled at most",
        panel=_WORLDS,
    )
    posterior: bool = setting(
        False,
        "Weight each world by how likely it makes the plays so far; without it all worlds weigh the same.",
        panel=_POSTERIOR,
    )
    posterior_window: int | None = setting(
        None, "Number of latest plays that count.", default_text=f"{WINDOW}", panel=_POSTERIOR
    )
    posterior_tau: float | None = setting(
        None,
        "Points that make a play e times less likely: small if the others always make the best play. The "
        "default is calibrated on held-out games; 0.1 leaves about one world in ten with any weight.",
        metavar="POINTS",
        default_text=f"{TAU:g}",
        panel=_POSTERIOR,
    )
    posterior_mix: float | None = setting(
        None,
        "Share of plays that are taken to be made at random.",
        metavar="SHARE",
        default_text=f"{MIX}",
        panel=_POSTERIOR,
    )
    adaptive: bool = setting(
        False, "Sample worlds until E[Q] is known well enough, game by game.", panel=_ADAPTIVE
    )
    labels: bool = setting(
        False,
        f"Like adaptive, but precise enough for training labels: standard error {LABEL_SEM} points, at least "
        f"{LABEL_WORLDS:,} worlds.",
        panel=_ADAPTIVE,
    )
    min_worlds: int | None = setting(
        None, "Fewest worlds per decision.", default_text=f"{MIN_WORLDS}", panel=_ADAPTIVE
    )
    max_worlds: int | None = setting(
        None, "Most worlds per decision.", default_text=f"{MAX_WORLDS:,}", panel=_ADAPTIVE
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
    exploration: str = setting(
        "greedy",
        "When to make another play than the best: greedy (never), boltzmann, epsilon or blunder.",
        panel=_EXPLORATION,
    )
    epsilon: float | None = setting(
        None,
        "Probability of another play, for epsilon and blunder.",
        metavar="P",
        default_text=f"{EPSILON}",
        panel=_EXPLORATION,
    )
    temperature: float | None = setting(
        None,
        "For boltzmann: plays are drawn by exp(E[Q] / temperature).",
        metavar="POINTS",
        default_text=f"{TEMPERATURE:g}",
        panel=_EXPLORATION,
    )
    max_regret: float | None = setting(
        None,
        "For blunder: most points of E[Q] that the play may lose.",
        metavar="POINTS",
        default_text=f"{MAX_REGRET:g}",
        panel=_EXPLORATION,
    )
    choose: str = setting(
        "eq",
        "What the best play maximizes: eq (points on average) or pmake (the chance to make the bid).",
        panel=_EXPLORATION,
    )
    bid: int = setting(30, "Bid of seat 0: 30 to 42, 84, 126, ...")
    pdf: bool = setting(True, "Store how Q is distributed over worlds.")
    seed: int = setting(0, "Seed of the sampled worlds and of exploration.")
