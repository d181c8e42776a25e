"""Oracles that evaluate plays in a deal: the solver, a network, a mix of both, or playouts.

All but playouts see all hands when they evaluate a play; the seats of a playout see only their own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from forge_core.device import worker_count
from forge_core.errors import BadInput, ForgeError
from forge_core.ranges import check_numbers
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE, N_DOMINOES, N_SEATS
from forge_core.texas42.eq.records import OracleKind
from forge_core.texas42.one_hand.choose import Policy, open_policy
from forge_core.texas42.one_hand.lockstep import lockstep_q
from forge_core.texas42.one_hand.playouts import PLAYOUT_VERSION, check_until, playout_q
from forge_core.texas42.oracle.alphabeta import root_q, root_reached
from forge_core.texas42.oracle.solver import ORACLE_VERSION
from forge_core.texas42.settings.games import EXACT_FROM, ORACLES, PLAYOUT_POLICY, PLAYOUT_UNTIL
from forge_core.texas42.state import ILLEGAL, reached_by_mover, to_mover_frame
from forge_core.texas42.tokens.encoder import encode
from forge_core.texas42.tokens.rows import STAGE1_SPEC
from forge_core.texas42.views import Seen
from forge_core.texas42.worlds.voids import voids

if TYPE_CHECKING:
    from forge_core.learning.networks.transformer import TokenTransformer

N_TRICKS = HAND_SIZE
NETWORK_ERROR = 6.6
"""points: the standard deviation of a network's error in Q at decisions. The mean absolute error of the
reference network after the first of its two runs, 5.3 (`decision_q_mae` below `init_from` in its model.json),
times sqrt(pi / 2), as for a normal error. After the second run it is 4.99, which would give 6.3"""
_ON_CARD_PER_THREAD = 2_048
"""positions per thread of the CPU from which playouts are faster on a card: 16 cores are as fast as an H200
up to 170,000 playouts (docs/gpu.md), some five per position"""
_QUESTIONS = 8_192
"""positions per batch of a network on a CPU"""
_MOST_QUESTIONS = 32_768
"""positions per batch on a GPU: a smaller batch is computed faster than the host launches it"""
_BYTES_A_QUESTION = 160_000
"""GPU memory per position of a batch; measured were 107 kB at 817k and 154 kB at 3.3m"""
_SHARE_OF_MEMORY = 1 / 8
"""largest share of a GPU's memory that a batch takes"""


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """S positions with all hands visible, on one device."""

    hands: Tensor
    """int8 [D, 4, 7]"""
    decl: Tensor
    """[D]"""
    states: Tensor
    """int64 [S]"""
    deal_of: Tensor
    """[S] the deal of each state"""

    def __len__(self) -> int:
        return len(self.states)

    def take(self, rows: Tensor | slice) -> Positions:
        """Return the positions at these indices or of this mask or slice; the deals stay."""
        return Positions(self.hands, self.decl, self.states[rows], self.deal_of[rows])

    def to(self, device: torch.device) -> Positions:
        """Return the positions on another device."""
        columns = (self.hands, self.decl, self.states, self.deal_of)
        return Positions(*(column.to(device) for column in columns))

    def arrays(self) -> tuple[npt.NDArray, npt.NDArray, npt.NDArray]:
        """Return the hands [S, 4, 7] and the declaration [S] of each state, and the states [S]."""
        deal_of = self.deal_of.cpu().numpy()
        hands, decls = self.hands.cpu().numpy()[deal_of], self.decl.cpu().numpy()[deal_of]
        return hands, decls, self.states.cpu().numpy()


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Public facts about S positions that packed states do not hold: who bid, and who has shown out."""

    seen: Seen
    """N games after t plays"""
    game: Tensor
    """[S] index into the games"""
    step: Tensor
    """[S] number of plays before the position, 0..t"""

    @property
    def bidder(self) -> npt.NDArray[np.int64]:
        """[S] seat that made the winning bid."""
        return self.seen.bidder[self.game.cpu().numpy()].astype(np.int64)

    @property
    def voids(self) -> npt.NDArray[np.uint8]:
        """[S, 4] by seat: bit s is set if the seat had failed to follow suit s (7 = called)."""
        games, steps = self.game.cpu().numpy(), self.step.cpu().numpy()
        shown = np.zeros((len(games), N_SEATS), dtype=np.uint8)
        for step in np.unique(steps):
            rows, seen = steps == step, self.seen
            before = replace(seen, plays=seen.plays[:, :step], players=seen.players[:, :step])
            by_game = np.packbits(voids(before), axis=2, bitorder="little")[:, :, 0]
            shown[rows] = by_game[games[rows]]
        return shown


class Oracle(Protocol):
    """Evaluates states with all hands visible: Q in the mover's frame."""

    def q(self, positions: Positions, history: History | None = None) -> Tensor:
        """Return Q of S positions: float32 [S, 7] points in the mover's frame, -128 where illegal.

        The result is on the device of the positions. history: of the positions, for playouts; others do not
        use it.
        """
        ...

    def chances(self, q: Tensor, at: Tensor, worlds: Positions, exactly: bool) -> Tensor:
        """Return float32 [S, 7]: for each play, the chance that Q is truly at least `at`; 0 or 1 if known.

        q: [S, 7], this oracle's answers for `worlds`. at: int64 [S] points in the mover's frame; -127 for
        always, 127 for never. exactly: if a solver is at hand, ask it where q is a network's answer.
        """
        ...

    def kind(self, step: int) -> OracleKind:
        """Return the kind of oracle that answers after `step` plays."""
        ...

    def describe(self) -> dict[str, Any]:
        """Describe the oracle for the record, in JSON types."""
        ...


@dataclass(frozen=True, slots=True)
class ExactOracle:
    """The solver: alpha-beta from each position, on the CPU."""

    workers: int | None = None
    """threads; default: one per core"""

    def q(self, positions: Positions, history: History | None = None) -> Tensor:
        """Return Q as in `Oracle.q`. Consecutive states of one deal share the search's table."""
        hands, decls, states = positions.arrays()
        answers = root_q(hands, decls, None, states, workers=self.workers)
        return torch.from_numpy(to_mover_frame(answers, states)).to(positions.states.device).float()

    def chances(self, q: Tensor, at: Tensor, worlds: Positions, exactly: bool) -> Tensor:
        """Return 0 or 1 as in `Oracle.chances`: q is exact."""
        return (q >= at[:, None]).float()

    def reached(self, at: Tensor, worlds: Positions) -> Tensor:
        """Return the same as `chances`, without Q: one question to the search per play.

        It costs at most a third of Q, and less the nearer `at` is to the largest possible value.
        """
        hands, decls, states = worlds.arrays()
        bounds, answer = reached_by_mover(at.cpu().numpy(), states)
        answers = root_reached(hands, decls, states, bounds, self.workers)
        made = (answers == 1) == answer[:, None]
        return torch.from_numpy(made & (answers != ILLEGAL)).to(at.device).float()

    def kind(self, step: int) -> OracleKind:
        """Return EXACT."""
        return OracleKind.EXACT

    def describe(self) -> dict[str, Any]:
        """Describe the oracle: see `Oracle.describe`."""
        return {"oracle": "exact", "exact": ORACLE_VERSION}


@dataclass(frozen=True, slots=True, eq=False)
class ModelOracle:
    """A network that predicts points. It may be on a different device from the games."""

    model: TokenTransformer
    bf16: bool | None = None
    """compute in bfloat16; default: on a GPU only"""
    questions: int | None = None
    """positions per batch; bounds the memory; default: see `questions_at_once`"""

    def __post_init__(self) -> None:
        check_numbers(self)
        STAGE1_SPEC.check_same(self.model.spec, "the network of the oracle")
        if self.model.config.objective != "qvalue":
            raise BadInput(
                f"a network with objective {self.model.config.objective} predicts no points: use one with "
                "objective qvalue"
            )
        if self.questions is not None and self.questions < 1:
            raise BadInput(f"{self.questions} positions per batch: use at least 1")

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return next(self.model.parameters()).device

    def q(self, positions: Positions, history: History | None = None) -> Tensor:
        """Return Q as in `Oracle.q`."""
        most = self.questions or questions_at_once(self.device)
        parts = [
            self._answer(positions.take(slice(start, start + most)))
            for start in range(0, len(positions), most)
        ]
        return torch.cat(parts) if parts else torch.zeros(0, HAND_SIZE, device=positions.states.device)

    def _answer(self, positions: Positions) -> Tensor:
        device = self.device
        some = positions.to(device)
        columns = (some.hands, some.decl, some.states, some.deal_of)
        bf16 = device.type == "cuda" if self.bf16 is None else self.bf16
        if device.type == "cpu":
            encoded = encode(*(column.numpy() for column in columns))
            tokens, mask, legal = map(torch.from_numpy, (encoded.tokens, encoded.mask, encoded.legal))
        else:
            encoded = encode(*columns)
            tokens, mask, legal = encoded.tokens, encoded.mask, encoded.legal
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            predicted, _ = self.model(tokens, mask)
        return torch.where(legal, predicted.float(), ILLEGAL).to(positions.states.device)

    def chances(self, q: Tensor, at: Tensor, worlds: Positions, exactly: bool) -> Tensor:
        """Return chances as in `Oracle.chances`, as if errors were normal with deviation NETWORK_ERROR."""
        chance = torch.special.ndtr((q - at[:, None]) / NETWORK_ERROR)
        never, always = (at > HAND_POINTS)[:, None], (at < -HAND_POINTS)[:, None]
        return chance.masked_fill(never, 0.0).masked_fill(always, 1.0)

    def kind(self, step: int) -> OracleKind:
        """Return MODEL."""
        return OracleKind.MODEL

    def describe(self) -> dict[str, Any]:
        """Describe the oracle: see `Oracle.describe`."""
        return {"oracle": "model", "parameters": self.model.n_parameters, "weights": digest_of(self.model)}


def questions_at_once(device: torch.device) -> int:
    """Return the number of positions that a network on this device answers at once."""
    if device.type == "cpu" or not torch.cuda.is_initialized():
        return _QUESTIONS
    memory = torch.cuda.get_device_properties(device).total_memory
    fitting = int(_SHARE_OF_MEMORY * memory / _BYTES_A_QUESTION)
    return min(_MOST_QUESTIONS, 1 << max(0, fitting.bit_length() - 1))


@dataclass(frozen=True, slots=True, eq=False)
class HybridOracle:
    """A network for the first tricks, and the solver from trick `exact_from` on."""

    early: ModelOracle
    late: ExactOracle
    exact_from: int = EXACT_FROM
    """first trick that the solver evaluates, 1..7; 8 for none"""

    def __post_init__(self) -> None:
        check_numbers(self)
        if not 1 <= self.exact_from <= N_TRICKS + 1:
            raise BadInput(f"exact_from {self.exact_from}: use a trick 1..{N_TRICKS}")

    def q(self, positions: Positions, history: History | None = None) -> Tensor:
        """Return Q as in `Oracle.q`."""
        late = self._is_late(positions.states)
        answers = torch.empty(len(positions), HAND_SIZE, device=late.device)
        for oracle, rows in ((self.early, ~late), (self.late, late)):
            if rows.any():
                answers[rows] = oracle.q(positions.take(rows))
        return answers

    def chances(self, q: Tensor, at: Tensor, worlds: Positions, exactly: bool) -> Tensor:
        """Return chances as in `Oracle.chances`; with `exactly`, all are 0 or 1, answered by the solver."""
        chances = self.late.chances(q, at, worlds, exactly)
        early = ~self._is_late(worlds.states)
        if early.any():
            some, wanted = worlds.take(early), at[early]
            chances[early] = (
                self.late.reached(wanted, some)
                if exactly
                else self.early.chances(q[early], wanted, some, exactly)
            )
        return chances

    def _is_late(self, states: Tensor) -> Tensor:
        """Return bool [S]: True for states from trick `exact_from` on."""
        held = torch.stack([states >> bit & 1 for bit in range(N_DOMINOES)]).sum(dim=0)
        return N_DOMINOES - held >= N_SEATS * (self.exact_from - 1)

    def kind(self, step: int) -> OracleKind:
        """Return the kind of the oracle used in this trick."""
        return (self.early if step < N_SEATS * (self.exact_from - 1) else self.late).kind(step)

    def describe(self) -> dict[str, Any]:
        """Describe the oracle: see `Oracle.describe`."""
        parts = self.early.describe() | self.late.describe()
        return parts | {"oracle": "hybrid", "exact_from": self.exact_from}


@dataclass(frozen=True, slots=True, eq=False)
class PlayoutOracle:
    """Playouts: all four seats play on by a fast policy that sees only its own hand.

    Many positions on a card are played there, as tensors and by CUDA graphs; all others on the CPU, by
    kernels. The two differ only where a network finds two plays nearly equal. Exact values are always found
    on the CPU. Unlike the solver's, its value of a play does not assume that the seats know where the
    dominoes are.
    """

    policy: Policy
    until: int = PLAYOUT_UNTIL
    """number of plays left, 0..28, from which on values are exact"""
    workers: int | None = None
    """threads on the CPU; default: one per core"""
    fewest_on_card: int | None = None
    """number of positions on a card from which they are played there; default: 2,048 per thread"""

    def __post_init__(self) -> None:
        check_numbers(self)
        check_until(self.until)

    def q(self, positions: Positions, history: History | None = None) -> Tensor:
        """Return Q as in `Oracle.q`. Raises ForgeError without the history, which policies consider."""
        if history is None:
            raise ForgeError("playouts depend on who bid and who showed out: give the history of the states")
        device, voids, bidder = positions.states.device, history.voids, history.bidder
        how = (self.policy, self.until, self.workers)
        fewest = self.fewest_on_card
        if fewest is None:
            fewest = _ON_CARD_PER_THREAD * worker_count(self.workers)
        if device.type == "cpu" or len(positions) < fewest:
            hands, decls, states = positions.arrays()
            answers = playout_q(hands, decls, states, voids, bidder, *how)
        else:
            shown, bids = (torch.as_tensor(column, device=device) for column in (voids, bidder))
            dealt = (positions.hands, positions.decl)
            on_card = lockstep_q(*dealt, positions.states, positions.deal_of, shown, bids, *how)
            answers, states = on_card.cpu().numpy(), positions.states.cpu().numpy()
        return torch.from_numpy(to_mover_frame(answers, states)).to(device).float()

    def chances(self, q: Tensor, at: Tensor, worlds: Positions, exactly: bool) -> Tensor:
        """Return 0 or 1 as in `Oracle.chances`: the outcome of the playout counts, also with `exactly`."""
        return (q >= at[:, None]).float()

    def kind(self, step: int) -> OracleKind:
        """Return EXACT where the solver answers right after the play, else PLAYOUT."""
        return OracleKind.EXACT if N_DOMINOES - step - 1 <= self.until else OracleKind.PLAYOUT

    def describe(self) -> dict[str, Any]:
        """Describe the oracle: see `Oracle.describe`."""
        exact = {"exact": ORACLE_VERSION} if self.until else {}
        parts = self.policy.describe() | exact
        return parts | {"oracle": "playout", "playout": PLAYOUT_VERSION, "until": self.until}


def open_oracle(
    name: str,
    model: str | None = None,
    device: str = "auto",
    exact_from: int = EXACT_FROM,
    workers: int | None = None,
    policy: str = PLAYOUT_POLICY,
    until: int = PLAYOUT_UNTIL,
) -> Oracle:
    """Open an oracle of ORACLES, as named on the command line. model: folder of the network.

    workers: threads of the solver and of playouts (default: one per core). policy, until: of playouts; see
    PlayoutOracle. Raises BadInput for another name or value, or if the oracle needs a network and `model`
    is None.
    """
    if name not in ORACLES:
        raise BadInput(f"oracle {name!r}: use {', '.join(ORACLES)}")
    if name == "exact":
        return ExactOracle(workers)
    if name == "playout":
        return PlayoutOracle(open_policy(policy), until, workers)
    if model is None:
        raise BadInput(f"oracle {name} needs a network: set model to the folder of one (--model DIR)")
    from forge_core.learning.checkpoints import load_model

    network = ModelOracle(load_model(model, device))
    return network if name == "model" else HybridOracle(network, ExactOracle(workers), exact_from)


def digest_of(model: TokenTransformer) -> str:
    """Return 16 hex digits that identify the weights of a network."""
    digest = hashlib.blake2b(digest_size=8)
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + tensor.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()
