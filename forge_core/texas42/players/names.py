"""Players by name, as the command line has them: `heuristic`, `eq:worlds=50,oracle=exact`.

    random       any legal play
    heuristic    fixed rules, like a good beginner
    eq           most points on average over `worlds` that fit what it saw
    pmake        has its way with the bid in most of them
    policy       what a policy network would play in most of them
    stage2       a network that has learnt E[Q] and looks at no worlds
    clairvoyant  sees all hands: exact, or by a Stage-1 network

The part behind the colon is theirs alone: see KINDS.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from forge_core.errors import BadInput
from forge_core.texas42.players.protocol import Clairvoyant, Player
from forge_core.texas42.reference import REFERENCE_MODEL

DEFAULT_WORLDS, DEFAULT_ORACLE = 50, "hybrid"

AnyPlayer = Player | Clairvoyant
Options = dict[str, str]


@dataclass(frozen=True, slots=True)
class PlayerKind:
    """A kind of player."""

    options: tuple[str, ...]
    make: Callable[[str, Options, str], AnyPlayer]
    """its full name, options, device"""
    objective: str = "qvalue"
    """what the network of its `model` has learnt"""


def parse_player(
    text: str, device: str = "auto", find_model: Callable[[str, str], str] | None = None
) -> AnyPlayer:
    """`NAME` or `NAME:option=value,...`, see KINDS -> a player; its networks are loaded to `device`.

    find_model: objective and what stands behind `model=` -> the folder; by default that is the
    folder. Raises BadInput for a name, option or value that does not exist, DeviceUnavailable.
    """
    text = text.strip()
    name, _, rest = text.partition(":")
    if name not in KINDS:
        raise BadInput(f"unknown player {name!r}: use {', '.join(KINDS)}")
    kind = KINDS[name]
    options: Options = {}
    for part in rest.split(",") if rest else ():
        option, equals, value = (word.strip() for word in part.partition("="))
        if option not in kind.options:
            known = f"use {', '.join(kind.options)}" if kind.options else "it takes none"
            raise BadInput(f"player {text!r}: {name} has no option {option!r}; {known}")
        if not (equals and value) or option in options:
            raise BadInput(f"player {text!r}: write {option}=VALUE, once")
        options[option] = value
    if find_model and "model" in options:
        options["model"] = find_model(kind.objective, options["model"])
    return kind.make(text, options, device)


def _random(name: str, options: Options, device: str) -> Player:
    from forge_core.texas42.players.random import RandomPlayer

    return RandomPlayer()


def _heuristic(name: str, options: Options, device: str) -> Player:
    from forge_core.texas42.players.heuristic import HeuristicPlayer

    return HeuristicPlayer()


def _expected(criterion: str) -> Callable[[str, Options, str], Player]:
    def make(name: str, options: Options, device: str) -> Player:
        from forge_core.device import resolve_device
        from forge_core.texas42.eq.oracles import EXACT_FROM, open_oracle
        from forge_core.texas42.players.expected import ExpectedPlayer

        asked = options.get("oracle", DEFAULT_ORACLE)
        for option, needs in (("model", ("hybrid", "model")), ("exact_from", ("hybrid",))):
            if option in options and asked not in needs:
                raise BadInput(f"player {name!r}: {option} is nothing to oracle={asked}; leave it out")
        exact_from = _whole(name, options, "exact_from", EXACT_FROM)
        oracle = open_oracle(asked, options.get("model", REFERENCE_MODEL), device, exact_from)
        return ExpectedPlayer(name, oracle, _config(name, options, criterion), resolve_device(device))

    return make


def _policy(name: str, options: Options, device: str) -> Player:
    from forge_core.device import resolve_device
    from forge_core.texas42.players.expected import ExpectedPlayer
    from forge_core.texas42.players.policy import VoteOracle

    oracle = VoteOracle(_load(name, options, device))
    return ExpectedPlayer(name, oracle, _config(name, options, "eq"), resolve_device(device))


def _stage2(name: str, options: Options, device: str) -> Player:
    from forge_core.texas42.players.transcript import TranscriptPlayer

    return TranscriptPlayer(name, _load(name, options, device))


def _clairvoyant(name: str, options: Options, device: str) -> Clairvoyant:
    from forge_core.texas42.players.clairvoyant import ExactClairvoyant, NetworkClairvoyant

    return NetworkClairvoyant(name, _load(name, options, device)) if options else ExactClairvoyant()


_THINKING = ("worlds", "oracle", "model", "exact_from", "posterior")
KINDS: dict[str, PlayerKind] = {
    "random": PlayerKind((), _random),
    "heuristic": PlayerKind((), _heuristic),
    "eq": PlayerKind(_THINKING, _expected("eq")),
    "pmake": PlayerKind(_THINKING, _expected("pmake")),
    "policy": PlayerKind(("model", "worlds", "posterior"), _policy, "policy"),
    "stage2": PlayerKind(("model",), _stage2, "eq"),
    "clairvoyant": PlayerKind(("model",), _clairvoyant),
}


def _config(name: str, options: Options, criterion: str) -> Any:
    from forge_core.texas42.eq.adaptive import MOST_WORLDS, Sampling
    from forge_core.texas42.eq.generate import GameConfig
    from forge_core.texas42.worlds.posterior import PosteriorConfig

    worlds = _whole(name, options, "worlds", DEFAULT_WORLDS)
    if not 1 <= worlds <= MOST_WORLDS:
        raise BadInput(f"player {name!r}: worlds={worlds} is not in 1..{MOST_WORLDS:,}")
    posterior = None
    if (tau := options.get("posterior", "off")) != "off":
        posterior = PosteriorConfig.calibrated()
        if tau != "on":
            posterior = replace(posterior, tau=_points(name, tau))
    return GameConfig(Sampling(worlds, posterior=posterior, points=False), criterion=criterion)


def _whole(name: str, options: Options, option: str, default: int) -> int:
    text = options.get(option, str(default))
    if not re.fullmatch("[0-9]{1,18}", text):
        raise BadInput(f"player {name!r}: {option}={text} is no whole number")
    return int(text)


def _points(name: str, text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise BadInput(f"player {name!r}: posterior={text} is neither on, off nor tau, in points")
    return float(text)


def _load(name: str, options: Options, device: str) -> Any:
    from forge_core.device import resolve_device
    from forge_core.learning.checkpoints import load_model

    if "model" not in options:
        raise BadInput(f"player {name!r} asks a network: write {name.partition(':')[0]}:model=FOLDER")
    return load_model(options["model"], resolve_device(device))
