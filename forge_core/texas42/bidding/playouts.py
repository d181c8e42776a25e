"""How a deal is played out to see what a declaration takes, by name.

    oracle  perfect play, all hands seen
    policy  what a network thinks best, all hands seen
    eq      every seat by E[Q], from what it can see, for most points whatever was bid: as at a table

To add one, write a class that satisfies Playout, or a player, and name it in PLAYOUTS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.texas42.dominoes import HAND_POINTS
from forge_core.texas42.games import start
from forge_core.texas42.oracle.alphabeta import root_q
from forge_core.texas42.oracle.solver import ORACLE_VERSION
from forge_core.texas42.players.protocol import Clairvoyant, Player, ask
from forge_core.texas42.reference import REFERENCE_MODEL
from forge_core.texas42.settings.bidding import PLAYOUT_ORACLE, PLAYOUT_WORLDS, PlayoutSettings
from forge_core.texas42.tables import Bytes

BIDDER = 0
"""the seat that has bid, holds the hand in question, and leads"""
POLICY_VERSION = "p1"
"""Raised when the same network takes other points."""
_WORLDS_AT_ONCE = 20_000
"""in the games of one lockstep: what bounds the memory"""


class Playout(Protocol):
    """Deals and declarations -> the points that the bidder's team takes."""

    @property
    def name(self) -> str:
        """As PLAYOUTS has it."""
        ...

    @property
    def version(self) -> str:
        """Raised when other points come out; settings that change them are part of it."""
        ...

    @property
    def sees_all(self) -> bool:
        """Whether the players look through the backs of the dominoes: all hands are known to them."""
        ...

    def points(self, hands: Bytes, decls: npt.NDArray[np.int64]) -> Bytes:
        """Points 0..42 of the team of seat 0, which leads: int8 [D].

        hands [D, 4, 7] int8, ascending; decls [D]. What a deal comes to does not depend on what
        is played beside it: who draws at random keys the draw by the deal.
        """
        ...


@dataclass(frozen=True, slots=True)
class OraclePlayout:
    """Perfect play by all four, all hands known: the exact double-dummy value V, as (42 + V) / 2 points."""

    workers: int | None = None
    """threads; default: one a core"""

    @property
    def name(self) -> str:
        """See Playout."""
        return "oracle"

    @property
    def version(self) -> str:
        """See Playout."""
        return ORACLE_VERSION

    @property
    def sees_all(self) -> bool:
        """See Playout."""
        return True

    def points(self, hands: Bytes, decls: npt.NDArray[np.int64]) -> Bytes:
        """See Playout."""
        value = root_q(hands, decls, BIDDER, workers=self.workers).max(axis=1, initial=-HAND_POINTS)
        return ((HAND_POINTS + value.astype(np.int64)) // 2).astype(np.int8)


@dataclass(frozen=True, slots=True, eq=False)
class PlayersPlayout:
    """All four seats by one player, to the last trick; its draws are keyed by deal and declaration.

    Where the player asks a network, the last digit of an answer may depend on how many are
    asked at once, and so might a choice between plays that differ by no more (of 10,000 games
    by `policy`, 37 or 1,000 at once, none came out otherwise).
    """

    name: str
    version: str
    player: Player | Clairvoyant
    at_once: int
    """games in lockstep"""

    @property
    def sees_all(self) -> bool:
        """See Playout."""
        return isinstance(self.player, Clairvoyant)

    def points(self, hands: Bytes, decls: npt.NDArray[np.int64]) -> Bytes:
        """See Playout."""
        parts = [np.zeros(0, dtype=np.int8)]
        for first in range(0, len(hands), self.at_once):
            together = slice(first, first + self.at_once)
            parts.append(self._play(hands[together], decls[together]))
        return np.concatenate(parts)

    def _play(self, hands: Bytes, decls: npt.NDArray[np.int64]) -> Bytes:
        from forge_core.texas42.eq.generate import game_keys

        games = start(hands, decls, BIDDER)
        keys = game_keys(games, 0)
        while not games.over:
            legal = games.views.legal
            slots = legal.argmax(axis=1)
            to_choose = np.flatnonzero(legal.sum(axis=1) > 1)
            if len(to_choose):
                slots[to_choose] = ask(self.player, games.take(to_choose), keys[to_choose])
            games = games.play(slots)
        return games.seen.points[:, BIDDER].astype(np.int8)


def _open_oracle(device: str, workers: int | None) -> Playout:
    return OraclePlayout(workers)


def _open_policy(device: str, workers: int | None, model: str = REFERENCE_MODEL) -> Playout:
    from forge_core.device import resolve_device
    from forge_core.learning.checkpoints import load_model
    from forge_core.texas42.players.clairvoyant import NetworkClairvoyant

    player = NetworkClairvoyant("policy", load_model(model, resolve_device(device)))
    weights = player.describe()["weights"]
    return PlayersPlayout("policy", f"{POLICY_VERSION}, network {weights}", player, _WORLDS_AT_ONCE // 20)


def _open_expected(
    device: str,
    workers: int | None,
    worlds: int = PLAYOUT_WORLDS,
    oracle: str = PLAYOUT_ORACLE,
    model: str | None = None,
) -> Playout:
    from forge_core.device import resolve_device
    from forge_core.texas42.eq.adaptive import Sampling
    from forge_core.texas42.eq.generate import EQ_VERSION, GameConfig
    from forge_core.texas42.eq.oracles import open_oracle
    from forge_core.texas42.players.expected import ExpectedPlayer

    if model and oracle == "exact":
        raise BadInput("the exact oracle asks no network: leave the model out")
    judge = open_oracle(oracle, model or REFERENCE_MODEL, device, workers=workers)
    player = ExpectedPlayer("eq", judge, GameConfig(Sampling(worlds, points=False)), resolve_device(device))
    version = f"{EQ_VERSION}, {worlds:,} worlds, {_oracle_text(judge.describe())}"
    return PlayersPlayout("eq", version, player, max(1, _WORLDS_AT_ONCE // worlds))


def _oracle_text(told: dict[str, Any]) -> str:
    """`hybrid f82b4f53cd17d97d, from trick 4 o1`: all that the answers of an oracle depend on."""
    if told["oracle"] == "exact":
        return f"exact {told['exact']}"
    late = f", from trick {told['exact_from']} {told['exact']}" if told["oracle"] == "hybrid" else ""
    return f"{told['oracle']} {told['weights']}{late}"


@dataclass(frozen=True, slots=True)
class PlayoutKind:
    """A kind of playout."""

    settings: tuple[str, ...]
    """what may be said of it beside its name"""
    open: Callable[..., Playout]
    """device, workers, settings by name"""


PLAYOUTS: dict[str, PlayoutKind] = {
    "oracle": PlayoutKind((), _open_oracle),
    "policy": PlayoutKind(("model",), _open_policy),
    "eq": PlayoutKind(("worlds", "oracle", "model"), _open_expected),
}

_LACKING = {"model": "ask no network", "worlds": "look at no worlds", "oracle": "ask no judge of worlds"}
"""why a kind has no such setting"""


def open_playout(name: str, device: str = "auto", workers: int | None = None, **settings: Any) -> Playout:
    """The playout of a name; its network is loaded to `device`, its solver has `workers` threads.

    settings: worlds (of each decision), oracle (exact, model or hybrid) and model (folder of a
    network), as far as PLAYOUTS has them for the name; None means the default. Raises BadInput
    for a name, setting or value that there is not, DeviceUnavailable.
    """
    if name not in PLAYOUTS:
        raise BadInput(f"no playout {name!r}: use {', '.join(PLAYOUTS)}")
    kind, given = PLAYOUTS[name], {what: value for what, value in settings.items() if value is not None}
    if foreign := [what for what in given if what not in kind.settings]:
        raise BadInput(
            f"{name} playouts {_LACKING.get(foreign[0], 'know no such thing')}: leave {foreign[0]} out"
        )
    return kind.open(device, workers, **given)


def choose_playout(
    settings: PlayoutSettings, model: str | None, device: str | None, workers: int | None = None
) -> Playout:
    """Return the playout that a user chose. device: of the network; None: auto. Raises as `open_playout`."""
    if settings.playout == "oracle" and device not in (None, "auto", "cpu"):
        raise BadInput(f"oracle playouts run on the CPU, not on {device}: leave --device out")
    return open_playout(
        settings.playout,
        device or "auto",
        workers,
        model=model,
        worlds=settings.worlds,
        oracle=settings.oracle,
    )
