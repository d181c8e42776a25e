"""Training rows of Texas 42: the one place where labelled states become tokens and targets.

Labelled states are packed (21 bytes per row; tokens take 416) and in team 0's frame. They are stored,
and sent between processes, in this form. `rows_of` encodes them on demand and converts values to the
mover's frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.learning.labelled.metrics import is_decision
from forge_core.learning.labelled.rows import Rows
from forge_core.learning.spec import TokenSpec
from forge_core.texas42.deals import check_deal
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE, N_PLAYS
from forge_core.texas42.oracle.sampling import quotas
from forge_core.texas42.state import ILLEGAL, States, to_mover_frame, unpack
from forge_core.texas42.tokens.encoder import CONTEXT, ENCODER_VERSION, N_POSITIONS, VOCABULARY, encode

STAGE1_SPEC = TokenSpec(
    name="texas42-stage1",
    version=ENCODER_VERSION,
    n_positions=N_POSITIONS,
    vocabularies=VOCABULARY,
    action_positions=tuple(range(HAND_SIZE)),
    value_position=CONTEXT,
    value_scale=float(HAND_POINTS),
)


STORED_ROW = np.dtype([("state", "<i8"), ("value", "i1"), ("q", "i1", (7,)), ("weight", "<f4")])
"""a row of LabelledStates in a file, without its deal"""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledStates:
    """N states of D deals with their values, in team 0's frame."""

    hands: npt.NDArray[np.int8]
    """[D, 4, 7] domino ids, ascending within each hand"""
    decls: npt.NDArray[np.int8]
    """[D]"""
    deal_of: npt.NDArray[np.int32]
    """[N] index of the deal of each state"""
    state: States
    """[N] int64 packed states"""
    value: npt.NDArray[np.int8]
    """[N] V in points"""
    q: npt.NDArray[np.int8]
    """[N, 7] by slot of the mover; -128 = illegal"""
    weight: npt.NDArray[np.float32]
    """[N] number of states that this one represents"""

    def __len__(self) -> int:
        return len(self.state)

    def take(self, index) -> LabelledStates:
        """Return the states at `index`, with all deals."""
        columns = (getattr(self, name) for name in ("deal_of", "state", "value", "q", "weight"))
        return LabelledStates(self.hands, self.decls, *(column[index] for column in columns))


def label(deal: Any, state: States, value, q, weight) -> LabelledStates:
    """Label the states of one deal with V, Q and weights.

    deal: a record with `hands` and `decl`, such as a Solution or the header of a shard.
    """
    return LabelledStates(
        check_deal(deal.hands)[None],
        np.array([deal.decl], dtype=np.int8),
        np.zeros(len(state), dtype=np.int32),
        state,
        value,
        q,
        np.asarray(weight, dtype=np.float32),
    )


def join(parts: Sequence[LabelledStates]) -> LabelledStates:
    """Concatenate sets of states, renumbering the deals of later sets."""
    first = np.cumsum([0, *(len(part.decls) for part in parts)])[:-1]
    deal_of = [part.deal_of + np.int32(start) for part, start in zip(parts, first, strict=True)]
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(LabelledStates)
        if field.name != "deal_of"
    }
    return LabelledStates(deal_of=np.concatenate(deal_of), **columns)


def reweigh(labels: LabelledStates, factor) -> LabelledStates:
    """Return the states with weights multiplied by `factor`: one number for all, or [N]."""
    return replace(labels, weight=(labels.weight * factor).astype(np.float32))


def rows_of(labels: LabelledStates) -> Rows:
    """Encode labelled states as rows for training or evaluation.

    Raises BadInput if the legal slots of Q differ from the encoder's, if V is not the mover's best Q, or
    if a value or weight is out of range; StateUnreachable if a state is malformed.
    """
    tokens = encode(labels.hands, labels.decls, labels.state, labels.deal_of)
    parts = unpack(labels.state)
    rows = Rows(
        tokens=tokens.tokens,
        mask=tokens.mask,
        legal=tokens.legal,
        q=to_mover_frame(labels.q, labels.state),
        value=to_mover_frame(labels.value, labels.state),
        weight=labels.weight,
        decl=labels.decls[labels.deal_of],
        ply=parts.ply.astype(np.uint8),
        seat=parts.mover.astype(np.int8),
        deal=labels.deal_of,
    )
    _check(rows, labels.state)
    return rows


def rows_of_states(deal: Any, state: States, value, q, weight) -> Rows:
    """Encode states of one deal like `rows_of`; deal as in `label`."""
    return rows_of(label(deal, state, value, q, weight))


def _check(rows: Rows, states: States) -> None:
    points, played = np.where(rows.legal, rows.q, 0), rows.q != ILLEGAL
    faults = {
        "the legal slots of Q differ from those of the rules": (played != rows.legal).any(axis=1),
        "there is no legal play": ~rows.legal.any(axis=1),
        f"a value is outside -{HAND_POINTS}..{HAND_POINTS}": (np.abs(points) > HAND_POINTS).any(axis=1),
        "V is not the best legal Q of the mover": rows.value != rows.q.max(axis=1),
        "a weight is not a positive number": ~((rows.weight > 0) & np.isfinite(rows.weight)),
    }
    for reason, wrong in faults.items():
        if wrong.any():
            state = int(states[np.argmax(wrong)])
            raise BadInput(
                f"{wrong.sum():,} rows are wrong ({reason} in state {state}): generate their data again"
            )


def thin(
    labels: LabelledStates, rows: int, decision_share: float, generator: np.random.Generator
) -> LabelledStates:
    """Draw `rows` of the states without replacement, stratified by ply and decision over all deals.

    A fraction `decision_share` are decisions, if there are enough. Decisions and forced plays each have
    equal quotas per ply. Weights are divided by the fraction kept, so weighted sums estimate the same
    totals as before. Terminal states are excluded.
    """
    ply = unpack(labels.state).ply
    decision = is_decision(labels.q, labels.q != ILLEGAL)
    kinds = [np.flatnonzero(decision & (ply < N_PLAYS)), np.flatnonzero(~decision & (ply < N_PLAYS))]
    wanted = [round(rows * decision_share), rows - round(rows * decision_share)]
    for kind in (0, 1):  # if one kind has too few rows, take more of the other
        lacking = max(0, wanted[kind] - len(kinds[kind]))
        wanted[kind] -= lacking
        wanted[1 - kind] += lacking
    chosen, factor = [], []
    for members, n in zip(kinds, wanted, strict=True):
        members = generator.permutation(members)
        by_ply = members[np.argsort(ply[members], kind="stable")]
        available = np.bincount(ply[by_ply], minlength=N_PLAYS)
        quota = quotas(available, n)
        place = np.arange(len(by_ply)) - np.repeat(np.cumsum(available) - available, available)
        kept = by_ply[place < quota[ply[by_ply]]]
        chosen.append(kept)
        factor.append((available / np.maximum(quota, 1))[ply[kept]])
    index, factor = np.concatenate(chosen), np.concatenate(factor)
    order = np.lexsort((labels.state[index], labels.deal_of[index]))
    return reweigh(labels.take(index[order]), factor[order])
