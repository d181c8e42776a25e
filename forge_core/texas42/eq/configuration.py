"""Build the configuration and the oracle for games played by E[Q] from a user's settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from forge_core.errors import BadInput
from forge_core.texas42.eq.adaptive import AdaptiveConfig, Sampling
from forge_core.texas42.eq.beliefs import Belief, open_belief
from forge_core.texas42.eq.generate import GameConfig
from forge_core.texas42.eq.oracles import Oracle, open_oracle
from forge_core.texas42.eq.policies import USED_BY, ExplorationPolicy, check_criterion
from forge_core.texas42.settings.games import BELIEF_CANDIDATES, GAME_BELIEFS, ORACLES, GameSettings
from forge_core.texas42.worlds.posterior import PosteriorConfig


def configure(settings: GameSettings) -> GameConfig:
    """Return the configuration of games. Raises BadInput for a setting without effect."""
    sampling = Sampling(
        settings.worlds,
        settings.enumerate_limit,
        posterior_of(settings),
        adaptive_of(settings),
        settings.pdf,
        candidates_of(settings),
    )
    exploration, belief = exploration_of(settings), belief_of(settings)
    criterion = check_criterion(settings.choose, "choose")
    return GameConfig(sampling, exploration, criterion, settings.seed, belief)


def open_oracle_of(settings: GameSettings, model: str | None, device: str) -> Oracle:
    """Open the oracle that evaluates worlds. Raises BadInput for an unused setting or a missing model.

    model: folder of the network, for the oracles that use one.
    """
    given = _given(exact_from=settings.exact_from, policy=settings.policy, until=settings.until)
    used = ORACLES.get(settings.oracle, (*given, "model"))  # open_oracle refuses an unknown oracle
    if unused := [name for name in (*given, *(["model"] if model else ())) if name not in used]:
        raise BadInput(f"{unused[0]} has no effect with oracle {settings.oracle}: leave it out")
    return open_oracle(settings.oracle, model, device, **given)


def posterior_of(settings: GameSettings) -> PosteriorConfig | None:
    """Return the posterior's settings, or None for equal weights. Raises BadInput for unused settings."""
    given = _given(window=settings.posterior_window, tau=settings.posterior_tau, mix=settings.posterior_mix)
    if given and not settings.posterior:
        raise BadInput(f"posterior_{next(iter(given))} has no effect without posterior: set posterior too")
    with _named("posterior_", given):
        return replace(PosteriorConfig.calibrated(), **given) if settings.posterior else None


def candidates_of(settings: GameSettings) -> int:
    """Return the worlds drawn per world that is used. Raises BadInput if there is no belief to choose."""
    if settings.belief == "off":
        if settings.belief_candidates is not None:
            raise BadInput("belief_candidates has no effect without a belief: set belief too")
        return 1
    return BELIEF_CANDIDATES if settings.belief_candidates is None else settings.belief_candidates


def belief_of(settings: GameSettings) -> Belief | None:
    """Return the belief of the movers.

    They expect plays of the policy that the settings name for playouts; without one, those of the shipped
    model of how others play. Raises BadInput for unused settings.
    """
    if settings.belief == "all":
        raise BadInput("belief all: no auction leads to these games; use both")
    if settings.belief not in GAME_BELIEFS:
        raise BadInput(f"belief {settings.belief!r}: use {', '.join(GAME_BELIEFS)}")
    given = _given(tau=settings.belief_tau, mix=settings.belief_mix)
    if given and settings.belief not in ("plays", "both"):
        raise BadInput(
            f"belief_{next(iter(given))} has no effect with belief {settings.belief}: leave it out"
        )
    with _named("belief_", given):
        return open_belief(settings.belief, **given, **_given(policy=settings.policy))


def adaptive_of(settings: GameSettings) -> AdaptiveConfig | None:
    """Return the settings of adaptive sampling, or None for a fixed number of worlds.

    Raises BadInput for unused settings.
    """
    given = _given(
        min_worlds=settings.min_worlds,
        max_worlds=settings.max_worlds,
        batch=settings.adaptive_batch,
        sem_threshold=settings.sem_threshold,
        lead=settings.lead,
    )
    if settings.labels:
        if settings.lead is not None:
            raise BadInput("lead stops before E[Q] is precise enough for labels: leave one of them out")
        return replace(AdaptiveConfig.labels(), **given)
    if settings.adaptive:
        return replace(AdaptiveConfig(), **given)
    if given:
        name = "adaptive_batch" if "batch" in given else next(iter(given))
        raise BadInput(f"{name} has no effect without adaptive sampling: set adaptive too")
    return None


def exploration_of(settings: GameSettings) -> ExplorationPolicy:
    """Return the exploration policy. Raises BadInput for a setting that its mode does not use."""
    given = _given(epsilon=settings.epsilon, temperature=settings.temperature, max_regret=settings.max_regret)
    policy = ExplorationPolicy(settings.exploration, **given)
    if unused := sorted(set(given) - set(USED_BY[policy.mode])):
        raise BadInput(f"{unused[0]} has no effect with exploration {policy.mode}: leave it out")
    return policy


@contextmanager
def _named(prefix: str, given: Mapping[str, Any]) -> Iterator[None]:
    """Put a prefix before the name of a given setting with which an error begins, as the user knows it."""
    try:
        yield
    except BadInput as error:
        if str(error).split()[0] not in given:
            raise
        raise BadInput(f"{prefix}{error}") from error


def _given(**named: Any) -> dict[str, Any]:
    return {name: value for name, value in named.items() if value is not None}
