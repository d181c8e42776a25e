"""Playouts: ways to play out a deal and count the points that a declaration takes, by name.

    oracle  perfect play, all hands seen
    policy  the choice of a network, all hands seen
    eq      E[Q] for every seat, from what it can see, for most points whatever the bid: as at a table

To add one, write a class that satisfies Playout, or a player, and add it to PLAYOUTS.
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
"""the seat that bids, holds the hand in question and leads"""
POLICY_VERSION = "p1"
"""Raised when the same network takes different points."""
_WORLDS_AT_ONCE = 20_000
"""worlds of all games in one lockstep, which bounds the memory"""


class Playout(Protocol):
    """Plays out deals under declarations and returns the points of the bidder's team."""

    @property
    def name(self) -> str:
        """The name in PLAYOUTS."""
        ...

    @property
    def version(self) -> str:
        """The version, raised when points change; it includes the settings that they depend on."""
        ...

    @property
    def sees_all(self) -> bool:
        """True if the players see all hands."""
        ...

    def points(self, hands: Bytes, decls: npt.NDArray[np.int64]) -> Bytes:
        """Return the points 0..42 of the team of seat 0, which leads: int8 [D].

        hands [D, 4, 7] int8, ascending; decls [D]. The points of a deal do not depend on the other
        deals of the call: random draws are keyed by the deal.
        """
        ...


@dataclass(frozen=True, slots=True)
class OraclePlayout:
    """Perfect play by all four seats with all hands known: (42 + V) / 2 points, V exact."""

    workers: int | None = None
    """threads; default: one per core"""

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
    """One player in all four seats, to the last trick; its draws are keyed by deal and declaration.

    The last digit of a network's answer may depend on the size of the batch, and so may a choice
    between plays that differ by no more (10,000 games by `policy`, 37 or 1,000 at once, were equal).
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


def _oracle_text(description: dict[str, Any]) -> str:
    """Return what the answers of an oracle depend on: `hybrid f82b4f53cd17d97d, from trick 4 o1`."""
    if description["oracle"] == "exact":
        return f"exact {description['exact']}"
    late = (
        f", from trick {description['exact_from']} {description['exact']}"
        if description["oracle"] == "hybrid"
        else ""
    )
    return f"{description['oracle']} {description['weights']}{late}"


@dataclass(frozen=True, slots=True)
class PlayoutKind:
    """A kind of playout: its settings and how it is opened."""

    settings: tuple[str, ...]
    """names of the settings that it takes"""
    open: Callable[..., Playout]
    """called with device, workers and the settings by name"""


PLAYOUTS: dict[str, PlayoutKind] = {
    "oracle": PlayoutKind((), _open_oracle),
    "policy": PlayoutKind(("model",), _open_policy),
    "eq": PlayoutKind(("worlds", "oracle", "model"), _open_expected),
}

_LACKING = {"model": "use no network", "worlds": "sample no worlds", "oracle": "use no oracle"}
"""why a kind of playout does not have a setting"""


def open_playout(name: str, device: str = "auto", workers: int | None = None, **settings: Any) -> Playout:
    """Open a playout by name; its network is loaded to `device`, its solver has `workers` threads.

    settings: worlds (per decision), oracle (exact, model or hybrid) and model (folder of a network),
    as far as PLAYOUTS lists them for the name; None means the default. Raises BadInput for an
    unknown name, setting or value, and DeviceUnavailable.
    """
    if name not in PLAYOUTS:
        raise BadInput(f"unknown playout {name!r}: use {', '.join(PLAYOUTS)}")
    kind, given = PLAYOUTS[name], {what: value for what, value in settings.items() if value is not None}
    if foreign := [what for what in given if what not in kind.settings]:
        raise BadInput(
            f"{name} playouts {_LACKING.get(foreign[0], 'do not have this setting')}: leave {foreign[0]} out"
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
