"""Fresh rows that show one hand: deals are played by the one-hand network during training.

Each decision with a choice is a row. Its labels are the values of all legal plays by playouts of the network
in the deal that is played (see `one_hand.self_play`): single draws from the hands that the mover may face,
with an error of some ten points but no bias. They suit a loss that is linear in the values, that of the
objective `regret`. A row costs 35 us, because no worlds are sampled. Only seeds of the train split are dealt;
the val rows for evaluation during training are of the same kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.learning.labelled.rows import Rows
from forge_core.learning.spec import TokenSpec
from forge_core.splits import Split
from forge_core.streams import stream
from forge_core.texas42.declaring import DECLARING_VERSION
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_PLAYS, N_SEATS
from forge_core.texas42.one_hand.choose import Policy, load_policy
from forge_core.texas42.one_hand.features import FEATURES_VERSION
from forge_core.texas42.one_hand.network import ONE_HAND_MODEL
from forge_core.texas42.one_hand.self_play import SELF_PLAY_VERSION, draw_deals, self_play
from forge_core.texas42.settings.self_play import EPSILON
from forge_core.texas42.state import ILLEGAL
from forge_core.texas42.tokens.inferences import INFERENCES_VERSION, STAGE2_SPEC, infer
from forge_core.texas42.tokens.live_source import ChunkConfig
from forge_core.texas42.tokens.shared_chunks import ChunkForm
from forge_core.texas42.tokens.transcript import TRANSCRIPT_VERSION, encode_rows

LIVE_DECISIONS_VERSION = "d1"
"""Raised when the same configuration gives different rows"""

_ROWS_PER_DEAL = 18
"""decisions with a choice in a deal, on average; it determines how many deals are played at once"""
_DEAL = np.dtype(
    [
        ("hands", "i1", (N_SEATS, HAND_SIZE)),
        ("decl", "i1"),
        ("dominoes", "i1", (N_PLAYS,)),
        ("seats", "i1", (N_PLAYS,)),
    ]
)
_ROW = np.dtype([("deal_of", "<i4"), ("ply", "u1"), ("q", "i1", (HAND_SIZE,))])


@dataclass(frozen=True, slots=True, eq=False)
class LabelledDecisions:
    """N decisions of D deals that were played to the end, with values in the mover's frame."""

    deals: npt.NDArray
    """[D] with `hands` [4, 7], ascending; `decl`; `dominoes` [28], the plays in order; `seats` [28], their
    players"""
    rows: npt.NDArray
    """[N] with `deal_of`, the index of the deal; `ply`, the plays made before; `q` [7] points by slot of the
    mover, -128 = illegal"""

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: Any) -> LabelledDecisions:
        """Return the decisions at `index`, with all deals."""
        return LabelledDecisions(self.deals, self.rows[index])


def rows_of_decisions(found: LabelledDecisions) -> Rows:
    """Encode decisions as rows of STAGE2_SPEC; `deal` is the index of the deal; all have equal weight.

    Raises BadInput if the legal slots of Q differ from those of the rules.
    """
    deals, ply, q = found.deals[found.rows["deal_of"]], found.rows["ply"], found.rows["q"]
    n = np.arange(len(found))
    seat = deals["seats"][n, ply]
    tokens = infer(
        encode_rows(deals["hands"][n, seat], deals["decl"], seat, deals["dominoes"], deals["seats"], ply)
    )
    if wrong := int(((q != ILLEGAL) != tokens.legal).any(axis=1).sum()):
        raise BadInput(
            f"{wrong:,} rows are wrong (the legal slots of Q differ from those of the rules): make them again"
        )
    return Rows(
        tokens=tokens.tokens,
        mask=tokens.mask,
        legal=tokens.legal,
        q=np.ascontiguousarray(q),
        value=q.max(axis=1),
        weight=np.ones(len(found), dtype=np.float32),
        decl=np.ascontiguousarray(deals["decl"]),
        ply=np.ascontiguousarray(ply),
        seat=seat,
        deal=np.ascontiguousarray(found.rows["deal_of"]),
    )


def play(
    draw: np.random.Generator, n: int, epsilon: float, policy: Policy, split: Split
) -> LabelledDecisions:
    """Play deals of a split until they have n decisions with a choice; return the first n, deal by deal.

    epsilon: the share of random plays, 0..1. policy: with a network.
    """
    deals, rows, made, begun = [], [], 0, 0
    while made < n:
        some = -(-(n - made) // _ROWS_PER_DEAL)
        hands, decls = draw_deals(draw, some, split)
        found = self_play(hands, decls, draw.random((some, N_PLAYS)), epsilon, policy, workers=1)
        deal, row = np.empty(some, dtype=_DEAL), np.empty(len(found), dtype=_ROW)
        deal["hands"], deal["decl"] = hands, decls
        deal["dominoes"], deal["seats"] = found.dominoes, found.seats
        row["deal_of"], row["ply"] = found.deal + begun, found.ply
        row["q"] = np.nan_to_num(found.q_by_slot(hands), nan=ILLEGAL)
        deals.append(deal)
        rows.append(row)
        made, begun = made + len(found), begun + some
    return LabelledDecisions(np.concatenate(deals), np.concatenate(rows)[:n])


def val_rows(n: int) -> Rows:
    """Return n decisions of val deals, without random plays: the same ones for every run.

    A label is a single draw, as in training. So the points lost by a network include those that nobody can
    avoid without seeing the other hands, and only differences between networks have a meaning.
    """
    return rows_of_decisions(play(stream(0, "live", "val"), n, 0.0, _policy(), Split.VAL))


@cache
def _policy() -> Policy:
    return load_policy(ONE_HAND_MODEL)


def policy_digest() -> str:
    """Return the digest of the weights of the one-hand network that ships with the project."""
    return _policy().describe()["one_hand_weights"]


def _to_tables(found: LabelledDecisions) -> tuple[npt.NDArray, npt.NDArray]:
    return found.deals, found.rows


def _from_tables(deals: npt.NDArray, rows: npt.NDArray) -> LabelledDecisions:
    """Return the decisions of tables in a file. Raises ValueError if they cannot be encoded."""
    complete = np.sort(deals["dominoes"], axis=1) == np.arange(N_DOMINOES)
    seats = (deals["seats"] >= 0) & (deals["seats"] < N_SEATS)
    if not (complete.all() and seats.all() and (rows["ply"] < N_PLAYS).all()):
        raise ValueError("its plays are invalid")
    return LabelledDecisions(deals, rows)


@dataclass(frozen=True, slots=True)
class LiveDecisionConfig(ChunkConfig):
    """Settings of live decisions. Raises BadInput for values out of range."""

    spec: ClassVar[TokenSpec] = STAGE2_SPEC
    form: ClassVar[ChunkForm[Any]] = ChunkForm(_DEAL, _ROW, _to_tables, _from_tables)

    policy: str = ""
    """digest of the weights of the network that plays; see `policy_digest`"""
    epsilon: float = EPSILON
    """share of plays made at random, so that rare situations occur"""

    def __post_init__(self) -> None:
        ChunkConfig.__post_init__(self)  # super() fails in a slotted dataclass
        if not 0 <= self.epsilon <= 1:
            raise BadInput(f"epsilon {self.epsilon}: use a share from 0 to 1")

    @classmethod
    def of(cls, seed: int, batch_size: int) -> LiveDecisionConfig:
        """Return the configuration for a user's settings, with the network that ships with the project."""
        return cls(seed, batch_size, policy=policy_digest())

    @staticmethod
    def versions() -> dict[str, str]:
        """Return the versions of the algorithms that generate the rows."""
        return {
            "live": LIVE_DECISIONS_VERSION,
            "self_play": SELF_PLAY_VERSION,
            "declaring": DECLARING_VERSION,
            "features": FEATURES_VERSION,
            "transcript": TRANSCRIPT_VERSION,
            "inferences": INFERENCES_VERSION,
        }

    def make(self, chunk: int) -> LabelledDecisions:
        """Make the rows of a chunk, with draws from `stream(seed, "live", chunk, ...)`.

        Raises BadInput if the network that ships with the project is not the one of the configuration.
        """
        if self.policy != policy_digest():
            raise BadInput(
                f"{ONE_HAND_MODEL}, which plays the deals, has other weights than when the run started: "
                "start a new run"
            )
        draw = stream(self.seed, "live", chunk, "play")
        found = play(draw, self.rows_per_chunk, self.epsilon, _policy(), Split.TRAIN)
        return found.take(stream(self.seed, "live", chunk, "shuffle").permutation(self.rows_per_chunk))

    @staticmethod
    def rows_of(part: LabelledDecisions) -> Rows:
        """Encode rows of a chunk."""
        return rows_of_decisions(part)
