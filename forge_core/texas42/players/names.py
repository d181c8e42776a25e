"""Player names of Texas 42 as users write them: `heuristic`, `eq:worlds=50,oracle=exact`.

    random       a random legal play
    heuristic    fixed rules, at the level of a good beginner
    eq           maximizes mean points over `worlds` sampled worlds
    pmake        maximizes the share of sampled worlds in which it makes the bid (defenders: sets it)
    policy       makes the play with the highest mean probability, by a policy network, over sampled worlds
    network      a small network that reads features of its own hand; samples no worlds
    stage2       a network that was trained on E[Q]; samples no worlds
    clairvoyant  sees all hands; exact, or with a Stage-1 network

The options after the colon depend on the kind; see KINDS.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from forge_core.arena.names import FindModel, PlayerKind, PlayerName, make_player
from forge_core.errors import BadInput
from forge_core.texas42.players.protocol import Clairvoyant, Player
from forge_core.texas42.reference import REFERENCE_MODEL
from forge_core.texas42.settings.games import (
    DEFAULT_WORLDS,
    EXACT_FROM,
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


def _expected(criterion: str) -> Callable[[PlayerName, str], Player]:
    def make(name: PlayerName, device: str) -> Player:
        from forge_core.device import resolve_device
        from forge_core.texas42.eq.oracles import open_oracle
        from forge_core.texas42.players.expected import ExpectedPlayer

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
    from forge_core.texas42.one_hand.choose import open_policy
    from forge_core.texas42.players.one_hand import OneHandPlayer

    return OneHandPlayer(name.text, open_policy("network"))


def _stage2(name: PlayerName, device: str) -> Player:
    from forge_core.texas42.players.transcript import TranscriptPlayer

    return TranscriptPlayer(name.text, _load(name, device))


def _clairvoyant(name: PlayerName, device: str) -> Clairvoyant:
    from forge_core.texas42.players.clairvoyant import ExactClairvoyant, NetworkClairvoyant

    return NetworkClairvoyant(name.text, _load(name, device)) if name.options else ExactClairvoyant()


_THINKING = ("worlds", "oracle", *_OF_ORACLES, "posterior")
KINDS: dict[str, PlayerKind[AnyPlayer]] = {
    "random": PlayerKind((), _random),
    "heuristic": PlayerKind((), _heuristic),
    "eq": PlayerKind(_THINKING, _expected("eq"), "qvalue"),
    "pmake": PlayerKind(_THINKING, _expected("pmake"), "qvalue"),
    "policy": PlayerKind(("model", "worlds", "posterior"), _policy, "policy"),
    "network": PlayerKind((), _network),
    "stage2": PlayerKind(("model",), _stage2, "eq"),
    "clairvoyant": PlayerKind(("model",), _clairvoyant, "qvalue"),
}


def _config(name: PlayerName, criterion: str) -> Any:
    from forge_core.texas42.eq.adaptive import MOST_WORLDS, Sampling
    from forge_core.texas42.eq.generate import GameConfig
    from forge_core.texas42.worlds.posterior import PosteriorConfig

    worlds = name.whole("worlds", DEFAULT_WORLDS)
    if not 1 <= worlds <= MOST_WORLDS:
        raise BadInput(f"player {name.text!r}: worlds={worlds} is not in 1..{MOST_WORLDS:,}")
    posterior = None
    if (tau := name.options.get("posterior", "off")) != "off":
        posterior = PosteriorConfig.calibrated()
        if tau != "on":
            posterior = replace(posterior, tau=_tau(name, tau))
    return GameConfig(Sampling(worlds, posterior=posterior, points=False), criterion=criterion)


def _tau(name: PlayerName, text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise BadInput(f"player {name.text!r}: posterior={text}: use on, off or a number of points (tau)")
    return float(text)


def _load(name: PlayerName, device: str) -> Any:
    from forge_core.device import resolve_device
    from forge_core.learning.checkpoints import load_model

    return load_model(name.model(), resolve_device(device))
