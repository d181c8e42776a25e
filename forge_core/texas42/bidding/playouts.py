"""Playouts: named ways to play out a deal and count the points of the bidder's team.

    heuristic  every seat plays by fixed rules from what it can see, as at a real table
    network    every seat plays by a small network that reads features of its own hand
    eq         every seat plays by E[Q] from what it can see, and for points, not for the bid
    policy     a network's choices with all hands seen
    oracle     perfect play with all hands seen

To add one, write a class that implements Playout, or a player, and add it to PLAYOUTS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.texas42.dominoes import HAND_POINTS, N_PLAYS
from forge_core.texas42.games import start
from forge_core.texas42.one_hand.choose import Policy as FastPolicy
from forge_core.texas42.one_hand.choose import open_policy
from forge_core.texas42.one_hand.playouts import PLAYOUT_VERSION, deal_points
from forge_core.texas42.oracle.alphabeta import root_q
from forge_core.texas42.oracle.solver import ORACLE_VERSION
from forge_core.texas42.players.protocol import Clairvoyant, Player, ask_at_choices
from forge_core.texas42.reference import REFERENCE_MODEL
from forge_core.texas42.settings.bidding import PLAYOUT_ORACLE, PLAYOUT_WORLDS, PlayoutSettings
from forge_core.texas42.settings.games import ORACLES
from forge_core.texas42.tables import Bytes

BIDDER = 0
"""the seat that holds the hand, bids and leads"""
POLICY_VERSION = "p1"
"""Increased when the same network would take different points."""
_SOLVED_AT_ONCE = 64
"""deals solved between two reports of progress: a fraction of a second"""
_PASSES_AT_ONCE = 1_000
"""games in a lockstep of players that sample no worlds"""
_WORLDS_AT_ONCE = 20_000
"""worlds over all games in a lockstep; this bounds memory"""


Advance = Callable[[int], None]


class Playout(Protocol):
    """A way to play out deals and count the points of the bidder's team."""

    @property
    def name(self) -> str:
        """The name in PLAYOUTS."""
        ...

    @property
    def version(self) -> str:
        """The version of the points; it includes the settings that they depend on."""
        ...

    @property
    def sees_all(self) -> bool:
        """True if the players see all hands."""
        ...

    def points(self, hands: Bytes, decls: npt.NDArray[np.int64], advance: Advance | None = None) -> Bytes:
        """Return int8 [D]: the points, 0..42, of the team of seat 0, which leads.

        hands [D, 4, 7] int8, ascending; decls [D]. advance: called with numbers of finished deals, which add
        up to D; a playout in lockstep counts its plays as shares of deals. The points of a deal do not
        depend on the other deals in the call, because random draws are keyed by the deal.
        """
        ...


@dataclass(frozen=True, slots=True)
class OraclePlayout:
    """A playout with perfect play by all four seats and all hands seen: (42 + V) / 2 points, V exact."""

    workers: int | None = None
    """number of threads, by default one per core"""

    @property
    def name(self) -> str:
        """The name in PLAYOUTS."""
        return "oracle"

    @property
    def version(self) -> str:
        """The version of the oracle."""
        return ORACLE_VERSION

    @property
    def sees_all(self) -> bool:
        """True: the players see all hands."""
        return True

    def points(self, hands: Bytes, decls: npt.NDArray[np.int64], advance: Advance | None = None) -> Bytes:
        """Return int8 [D]: the points, 0..42, of the team of seat 0, which leads; see Playout."""
        points = np.zeros(len(hands), dtype=np.int8)
        for first in range(0, len(hands), _SOLVED_AT_ONCE):
            some = slice(first, first + _SOLVED_AT_ONCE)
            value = root_q(hands[some], decls[some], BIDDER, workers=self.workers).max(axis=1)
            points[some] = (HAND_POINTS + value.astype(np.int64)) // 2
            if advance:
                advance(len(value))
        return points


@dataclass(frozen=True, slots=True)
class PlayersPlayout:
    """A playout in which one player takes all four seats; its draws are keyed by deal and declaration.

    The last digit of a network's answer can depend on the batch size, and so can a choice between plays
    that differ by that little. (10,000 games by `policy` were equal with 37 and with 1,000 at once.)
    """

    name: str
    version: str
    player: Player | Clairvoyant
    at_once: int
    """number of games in lockstep"""

    @property
    def sees_all(self) -> bool:
        """True if the player is a clairvoyant."""
        return isinstance(self.player, Clairvoyant)

    def points(self, hands: Bytes, decls: npt.NDArray[np.int64], advance: Advance | None = None) -> Bytes:
        """Return int8 [D]: the points, 0..42, of the team of seat 0, which leads; see Playout."""
        parts = [np.zeros(0, dtype=np.int8)]
        for first in range(0, len(hands), self.at_once):
            together = slice(first, first + self.at_once)
            parts.append(self._play(hands[together], decls[together], advance))
        return np.concatenate(parts)

    def _play(self, hands: Bytes, decls: npt.NDArray[np.int64], advance: Advance | None) -> Bytes:
        from forge_core.texas42.eq.generate import game_keys

        games = start(hands, decls, BIDDER)
        keys = game_keys(games, 0)
        while not games.over:
            games = games.play(ask_at_choices(self.player, games, keys))
            if advance:
                step = games.seen.step
                advance(len(hands) * step // N_PLAYS - len(hands) * (step - 1) // N_PLAYS)
        return games.seen.points[:, BIDDER].astype(np.int8)


@dataclass(frozen=True, slots=True, eq=False)
class PolicyPlayout:
    """A playout in which all seats follow a fast policy that sees one hand, compiled for whole deals."""

    name: str
    version: str
    policy: FastPolicy
    workers: int | None = None
    """number of threads, by default one per core"""

    @property
    def sees_all(self) -> bool:
        """False: every seat sees its own hand."""
        return False

    def points(self, hands: Bytes, decls: npt.NDArray[np.int64], advance: Advance | None = None) -> Bytes:
        """Return int8 [D]: the points, 0..42, of the team of seat 0, which leads; see Playout."""
        points = np.zeros(len(hands), dtype=np.int8)
        for first in range(0, len(hands), _PASSES_AT_ONCE):
            some = slice(first, first + _PASSES_AT_ONCE)
            points[some] = deal_points(hands[some], decls[some], self.policy, self.workers)
            if advance:
                advance(len(points[some]))
        return points


def _open_oracle(device: str, workers: int | None) -> Playout:
    return OraclePlayout(workers)


def _open_heuristic(device: str, workers: int | None) -> Playout:
    from forge_core.texas42.one_hand.heuristic import HEURISTIC_VERSION
    from forge_core.texas42.players.heuristic import HeuristicPlayer

    player = HeuristicPlayer(saves_trumps=True)
    return PlayersPlayout("heuristic", f"{HEURISTIC_VERSION}, saves trumps", player, _PASSES_AT_ONCE)


def _open_network(device: str, workers: int | None) -> Playout:
    policy = open_policy("network")
    version = f"{PLAYOUT_VERSION}, {_policy_text(policy.describe())}"
    return PolicyPlayout("network", version, policy, workers)


def _open_policy(device: str, workers: int | None, model: str = REFERENCE_MODEL) -> Playout:
    from forge_core.learning.checkpoints import load_model
    from forge_core.texas42.players.clairvoyant import NetworkClairvoyant

    player = NetworkClairvoyant("policy", load_model(model, device))
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

    if model and "model" not in ORACLES.get(oracle, ("model",)):
        raise BadInput(f"the {oracle} oracle uses no network from a folder: leave out model")
    judge = open_oracle(oracle, model or REFERENCE_MODEL, device, workers=workers)
    player = ExpectedPlayer("eq", judge, GameConfig(Sampling(worlds, points=False)), resolve_device(device))
    version = f"{EQ_VERSION}, {worlds:,} worlds, {_oracle_text(judge.describe())}"
    return PlayersPlayout("eq", version, player, max(1, _WORLDS_AT_ONCE // worlds))


def _oracle_text(description: dict[str, Any]) -> str:
    """Return everything an oracle's answers depend on: `hybrid f82b4f53cd17d97d, from trick 4 o1`."""
    if description["oracle"] == "exact":
        return f"exact {description['exact']}"
    if description["oracle"] == "playout":
        until = f", until {description['until']} {description['exact']}" if description["until"] else ""
        return f"playout {description['playout']}, {_policy_text(description)}{until}"
    late = (
        f", from trick {description['exact_from']} {description['exact']}"
        if description["oracle"] == "hybrid"
        else ""
    )
    return f"{description['oracle']} {description['weights']}{late}"


def _policy_text(description: dict[str, Any]) -> str:
    """Return everything a fast policy's plays depend on: `network f1 5d0c1c2f3b4a5968`, `heuristic h1`."""
    if description["policy"] == "heuristic":
        return f"heuristic {description['heuristic']}"
    return f"network {description['features']} {description['one_hand_weights']}"


@dataclass(frozen=True, slots=True)
class PlayoutKind:
    """A kind of playout: its settings, and the function that opens one."""

    settings: tuple[str, ...]
    """names of the settings that it accepts"""
    open: Callable[..., Playout]
    """opens a playout; called with device, workers and the settings as keywords"""


PLAYOUTS: dict[str, PlayoutKind] = {
    "heuristic": PlayoutKind((), _open_heuristic),
    "network": PlayoutKind((), _open_network),
    "eq": PlayoutKind(("worlds", "oracle", "model"), _open_expected),
    "policy": PlayoutKind(("model",), _open_policy),
    "oracle": PlayoutKind((), _open_oracle),
}

_LACKING = {"model": "use no network", "worlds": "sample no worlds", "oracle": "use no oracle"}
"""the reason why a kind of playout lacks a setting"""


def open_playout(name: str, device: str = "auto", workers: int | None = None, **settings: Any) -> Playout:
    """Open a playout by name. device: where its network runs. workers: threads of its solver.

    settings: worlds (per decision), oracle (one of ORACLES) and model (the folder of a network),
    if PLAYOUTS lists them for the name; None means the default. Raises BadInput for an unknown name,
    setting or value, and DeviceUnavailable.
    """
    if name not in PLAYOUTS:
        raise BadInput(f"unknown playout {name!r}: use {', '.join(PLAYOUTS)}")
    kind, given = PLAYOUTS[name], {what: value for what, value in settings.items() if value is not None}
    if foreign := [what for what in given if what not in kind.settings]:
        raise BadInput(
            f"{name} playouts {_LACKING.get(foreign[0], 'do not have this setting')}: leave out {foreign[0]}"
        )
    return kind.open(device, workers, **given)


def choose_playout(
    settings: PlayoutSettings, model: str | None, device: str | None, workers: int | None = None
) -> Playout:
    """Return the playout that the settings describe. Raises BadInput and DeviceUnavailable.

    device: where its network runs; None for auto.
    """
    without_network = settings.playout in PLAYOUTS and "model" not in PLAYOUTS[settings.playout].settings
    if without_network and device not in (None, "auto", "cpu"):
        raise BadInput(f"{settings.playout} playouts run on the CPU, not on {device}: leave out device")
    return open_playout(
        settings.playout,
        device or "auto",
        workers,
        model=model,
        worlds=settings.worlds,
        oracle=settings.oracle,
    )
