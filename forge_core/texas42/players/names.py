"""Player names of Texas 42 as users write them: `heuristic`, `eq:worlds=50,oracle=exact`.

    random       a random legal play
    heuristic    fixed rules, at the level of a good beginner
    eq           maximizes mean points over `worlds` sampled worlds
    pmake        maximizes the share of sampled worlds in which it makes the bid (defenders: sets it)
    strong       eq with playouts, beliefs and more worlds: the options STRONG
    policy       makes the play with the highest mean probability, by a policy network, over sampled worlds
    network      a small network that reads features of its own hand; samples no worlds
    stage2       a network that was trained on E[Q]; samples no worlds
    clairvoyant  sees all hands; exact, or with a Stage-1 network

The options after the colon depend on the kind; see KINDS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from forge_core.arena.names import FindModel, PlayerKind, PlayerName, make_player
from forge_core.errors import BadInput
from forge_core.texas42.one_hand.architecture import OBJECTIVE as ONE_HAND
from forge_core.texas42.players.protocol import Clairvoyant, Player
from forge_core.texas42.reference import REFERENCE_MODEL
from forge_core.texas42.settings.games import (
    BELIEF_CANDIDATES,
    DEFAULT_WORLDS,
    EXACT_FROM,
    MAX_WORLDS,
    ORACLES,
    PLAYOUT_POLICY,
    PLAYOUT_UNTIL,
)

DEFAULT_ORACLE = "hybrid"
_OF_ORACLES = ("model", "exact_from", "policy", "until")
"""options that only some oracles use"""

AnyPlayer = Player | Clairvoyant


def parse_player(text: str, device: str = "auto", find_model: FindModel | None = None) -> AnyPlayer:
    """Return the player with this name, `NAME` or `NAME:option=value,...`. device: for its networks.

    find_model: returns a network's folder, given the objective and the text after `model=`; by default
    that text is the folder. Raises BadInput for an unknown name, option or value, and DeviceUnavailable.
    """
    return make_player(text, KINDS, device, find_model)


def _random(name: PlayerName, device: str) -> Player:
    from forge_core.texas42.players.random import RandomPlayer

    return RandomPlayer()


def _heuristic(name: PlayerName, device: str) -> Player:
    from forge_core.texas42.players.heuristic import HeuristicPlayer

    return HeuristicPlayer()


def _expected(
    criterion: str, defaults: Mapping[str, str] | None = None
) -> Callable[[PlayerName, str], Player]:
    def make(name: PlayerName, device: str) -> Player:
        from forge_core.device import resolve_device
        from forge_core.texas42.eq.oracles import open_oracle
        from forge_core.texas42.players.expected import ExpectedPlayer

        name = replace(name, options={**(defaults or {}), **name.options})
        kind = name.options.get("oracle", DEFAULT_ORACLE)
        used = ORACLES.get(kind, _OF_ORACLES)  # open_oracle refuses an unknown oracle
        if unused := [option for option in _OF_ORACLES if option in name.options and option not in used]:
            raise BadInput(
                f"player {name.text!r}: {unused[0]}= has no effect with oracle={kind}; leave it out"
            )
        oracle = open_oracle(
            kind,
            name.options.get("model", REFERENCE_MODEL),
            device,
            name.whole("exact_from", EXACT_FROM),
            policy=name.options.get("policy", PLAYOUT_POLICY),
            until=name.whole("until", PLAYOUT_UNTIL),
        )
        return ExpectedPlayer(name.text, oracle, _config(name, criterion), resolve_device(device))

    return make


def _policy(name: PlayerName, device: str) -> Player:
    from forge_core.device import resolve_device
    from forge_core.texas42.players.expected import ExpectedPlayer
    from forge_core.texas42.players.policy import VoteOracle

    oracle = VoteOracle(_load(name, device))
    return ExpectedPlayer(name.text, oracle, _config(name, "eq"), resolve_device(device))


def _network(name: PlayerName, device: str) -> Player:
    from forge_core.texas42.one_hand.choose import load_policy
    from forge_core.texas42.one_hand.network import ONE_HAND_MODEL
    from forge_core.texas42.players.one_hand import OneHandPlayer

    return OneHandPlayer(name.text, load_policy(name.options.get("model", ONE_HAND_MODEL)))


def _stage2(name: PlayerName, device: str) -> Player:
    from forge_core.texas42.players.transcript import TranscriptPlayer

    return TranscriptPlayer(name.text, _load(name, device))


def _clairvoyant(name: PlayerName, device: str) -> Clairvoyant:
    from forge_core.texas42.players.clairvoyant import ExactClairvoyant, NetworkClairvoyant

    return NetworkClairvoyant(name.text, _load(name, device)) if name.options else ExactClairvoyant()


_BELIEVING = ("belief", "candidates", "tau", "mix")
_THINKING = ("worlds", "loss", "most", "oracle", *_OF_ORACLES, "posterior", *_BELIEVING, "bonus", "endings")
STRONG = {"oracle": "playout", "worlds": "600", "belief": "both", "bonus": "20"}
"""options of the strongest player; each can be overridden"""
KINDS: dict[str, PlayerKind[AnyPlayer]] = {
    "random": PlayerKind((), _random),
    "heuristic": PlayerKind((), _heuristic),
    "eq": PlayerKind(_THINKING, _expected("eq"), "qvalue"),
    "pmake": PlayerKind(_THINKING, _expected("pmake"), "qvalue"),
    "strong": PlayerKind(_THINKING, _expected("eq", STRONG), "qvalue"),
    "policy": PlayerKind(("model", "worlds", "posterior"), _policy, "policy"),
    "network": PlayerKind(("model",), _network, ONE_HAND),
    "stage2": PlayerKind(("model",), _stage2, "eq"),
    "clairvoyant": PlayerKind(("model",), _clairvoyant, "qvalue"),
}


def _config(name: PlayerName, criterion: str) -> Any:
    from forge_core.texas42.eq.adaptive import Sampling
    from forge_core.texas42.eq.generate import GameConfig
    from forge_core.texas42.worlds.posterior import PosteriorConfig

    worlds, posterior = _worlds(name), None
    if (tau := name.options.get("posterior", "off")) != "off":
        posterior = PosteriorConfig.calibrated()
        if tau != "on":
            posterior = replace(
                posterior, tau=_number(name, "posterior", "on, off or a number of points (tau)")
            )
    belief = _belief(name)
    adaptive = _adaptive(name, worlds, criterion)
    sampling = Sampling(
        worlds[0],
        enumerate_limit=2 * worlds[0] if adaptive else None,
        posterior=posterior,
        adaptive=adaptive,
        points=False,
        candidates=name.whole("candidates", BELIEF_CANDIDATES) if belief else 1,
        by_trick=worlds[1:] and worlds,
    )
    bonus = _number(name, "bonus", "a number of points") if "bonus" in name.options else 0.0
    endings = name.whole("endings", 0)
    return GameConfig(sampling, criterion=criterion, belief=belief, bonus=bonus, ending_worlds=endings)


def _worlds(name: PlayerName) -> tuple[int, ...]:
    """Return the numbers of worlds of `worlds=N` or, by trick, of `worlds=N/N/...`. Raises BadInput."""
    from forge_core.texas42.eq.adaptive import MOST_WORLDS

    text = name.options.get("worlds", str(DEFAULT_WORLDS))
    if not re.fullmatch(r"[0-9]{1,18}(/[0-9]{1,18}){0,6}", text):
        raise BadInput(
            f"player {name.text!r}: worlds={text}: use a whole number, or one for each of the first "
            "tricks, such as 400/100/50; the last one holds for all later tricks"
        )
    numbers = tuple(map(int, text.split("/")))
    if not all(1 <= number <= MOST_WORLDS for number in numbers):
        raise BadInput(f"player {name.text!r}: worlds={text} is not in 1..{MOST_WORLDS:,}")
    return numbers


def _adaptive(name: PlayerName, worlds: tuple[int, ...], criterion: str) -> Any:
    """Return the sampling that `loss` and `most` describe, `worlds` at a time, or None without `loss`.

    Raises BadInput.
    """
    from forge_core.texas42.eq.adaptive import MOST_WORLDS, AdaptiveConfig

    if "loss" not in name.options:
        if "most" in name.options:
            raise BadInput(f"player {name.text!r}: most= has no effect without loss; leave it out")
        return None
    loss, most = _number(name, "loss", "a number of points above 0"), name.whole("most", MAX_WORLDS)
    wrong = ""
    if loss == 0:
        wrong = f"loss={name.options['loss']}: use a number of points above 0"
    elif criterion != "eq":
        wrong = "loss= compares plays by their mean points, which this player does not maximize; leave it out"
    elif worlds[1:]:
        wrong = f"worlds={name.options['worlds']} is by trick, but with loss use one number of worlds"
    elif not worlds[0] <= most <= MOST_WORLDS:
        wrong = f"most={most}: use {worlds[0]:,} (the worlds drawn at a time) to {MOST_WORLDS:,}"
    if wrong:
        raise BadInput(f"player {name.text!r}: {wrong}")
    return AdaptiveConfig(worlds[0], most, worlds[0], loss=loss)


def _belief(name: PlayerName) -> Any:
    """Return the belief that the options describe, or None. Raises BadInput for options without effect."""
    from forge_core.texas42.eq.beliefs import open_belief

    kind = name.options.get("belief", "off")
    used = {"off": (), "declaration": ("candidates",)}.get(kind, _BELIEVING)
    if unused := [option for option in _BELIEVING[1:] if option in name.options and option not in used]:
        raise BadInput(f"player {name.text!r}: {unused[0]}= has no effect with belief={kind}; leave it out")
    given: dict[str, Any] = {
        option: _number(name, option, wanted)
        for option, wanted in (("tau", "a number of logits"), ("mix", "a share from 0 to 1"))
        if option in name.options
    }
    return open_belief(kind, **given)


def _number(name: PlayerName, option: str, wanted: str) -> float:
    """Return the value of an option as a number of at least 0. Raises BadInput."""
    text = name.options[option]
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise BadInput(f"player {name.text!r}: {option}={text}: use {wanted}")
    return float(text)


def _load(name: PlayerName, device: str) -> Any:
    from forge_core.learning.checkpoints import load_model

    return load_model(name.model(), device)
