"""Faults of recorded games: each rule appears once, as the sentence that reports its violation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forge_core.errors import BadInput
from forge_core.learning.choice import CHOICE_GRAIN
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE, N_DOMINOES, N_PLAYS, N_SEATS
from forge_core.texas42.eq.policies import CRITERIA, MODES
from forge_core.texas42.eq.records import (
    KINDS,
    LAYOUT,
    N_POINTS,
    Decisions,
    Flags,
    GameRecord,
    start_again,
)
from forge_core.texas42.games import Games, replay
from forge_core.texas42.tokens.transcript import FIRST_OF_HAND
from forge_core.texas42.worlds.count import completions
from forge_core.texas42.worlds.voids import unseen

Faults = dict[str, Flags]
"""sentence -> [28] bool: the decisions that it applies to"""

_POINTS = np.arange(N_POINTS) - HAND_POINTS
_ROUNDING = 1e-3
"""tolerance of sums in float32"""


def check_game(record: GameRecord) -> list[str]:
    """Return the faults of a game, one sentence each; empty if the game is valid.

    The game is replayed. Players, legal slots, points and outcome must follow the rules; every action
    must refer to a hand token that is still held; the number of worlds must match the mover's
    knowledge; the true deal must be one of them; and the numbers must be consistent with each other.
    """
    shapes = _misshapen(record)
    if shapes:
        return shapes
    try:
        games = list(replay(start_again([record]), record.plays[None]))
    except BadInput as error:
        return [str(error)]
    found = {
        **_of_play(record, games),
        **_of_estimates(record.decisions),
        **_of_choices(record),
        **_of_weights(record.decisions),
        **_of_worlds(record, games[:-1]),
    }
    return [_sentence(reason, at) for reason, at in found.items() if at.any()]


def _sentence(reason: str, at: Flags) -> str:
    steps = np.flatnonzero(at)
    more = f" and {len(steps) - 1} more" if len(steps) > 1 else ""
    return f"step {steps[0]}{more}: {reason}"


def _misshapen(record: GameRecord) -> list[str]:
    arrays = {"plays": record.plays, **{name: getattr(record.decisions, name) for name in LAYOUT}}
    layout = {"plays": (np.int8, ()), **LAYOUT}
    expected = {name: (np.dtype(dtype), (N_PLAYS, *shape)) for name, (dtype, shape) in layout.items()}
    return [
        f"{name} is {array.dtype} {list(array.shape)}, not {expected[name][0]} {list(expected[name][1])}"
        for name, array in arrays.items()
        if array is not None and (array.dtype, array.shape) != expected[name]
    ]


def _of_play(record: GameRecord, games: Sequence[Games]) -> Faults:
    """Compare with the rules. games: before each play, and after the last one."""
    decisions, ends, steps = record.decisions, games[-1].seen, np.arange(N_PLAYS)
    tokens = record.transcripts().tokens
    player = ends.players[0]
    legal = np.concatenate([game.views.legal for game in games[:-1]])
    points = np.concatenate([game.seen.points for game in games])
    teams = np.stack([player % 2, 1 - player % 2], axis=1)
    so_far = np.take_along_axis(points[:-1], teams, axis=1)
    to_go = points[-1][teams] - so_far
    outcome = to_go[:, 0] - to_go[:, 1]
    slot = np.clip(decisions.action_taken, 0, HAND_SIZE - 1)
    return {
        "player is not the seat whose turn it is": decisions.player != player,
        "legal_mask does not follow the rules": (decisions.legal_mask != legal).any(axis=1),
        "action_taken is not the play that was made": (decisions.action_taken != slot)
        | (record.hands[player, slot] != record.plays),
        "action_taken refers to a hand token that is not held": tokens[steps, FIRST_OF_HAND + slot, 5] != 1,
        "forced does not match the number of legal plays": decisions.forced != (legal.sum(axis=1) == 1),
        "points_so_far does not match the earlier tricks": (decisions.points_so_far != so_far).any(axis=1),
        "actual_outcome does not match the later tricks": decisions.actual_outcome != outcome,
    }


def _of_estimates(decisions: Decisions) -> Faults:
    """Compare the estimates with each other and with the range of points and shares."""
    legal = decisions.legal_mask

    def wrong(bad: Flags) -> Flags:
        return np.any(legal & bad, axis=1)

    estimates = {"e_q_mean": decisions.e_q_mean, "e_q_var": decisions.e_q_var, "p_make": decisions.p_make}
    spread = np.sqrt(np.where(legal, decisions.e_q_var, 0).clip(min=0))
    n_legal = legal.sum(axis=1).clip(min=1)
    exact = decisions.oracle == KINDS.index("exact")
    faults = {
        f"{name} must be a number exactly where a play is legal": (np.isfinite(column) != legal).any(axis=1)
        for name, column in estimates.items()
    } | {
        "an exact E[Q] is outside -42..42": exact
        & wrong(np.abs(decisions.e_q_mean) > HAND_POINTS + _ROUNDING),
        "e_q_var is negative": wrong(decisions.e_q_var < 0),
        "p_make is outside 0..1": wrong((decisions.p_make < 0) | (decisions.p_make > 1 + _ROUNDING)),
        "u_mean is not the mean spread": ~_near(decisions.u_mean, spread.sum(axis=1) / n_legal),
        "u_max is not the largest spread": ~_near(decisions.u_max, spread.max(axis=1)),
    }
    if decisions.e_q_pdf is not None:
        total, mean = decisions.e_q_pdf.sum(axis=2), decisions.e_q_pdf @ _POINTS.astype(np.float32)
        faults |= {
            "e_q_pdf does not sum to 1 where a play is legal and to 0 elsewhere": (
                ~(np.abs(total - legal) <= _ROUNDING) | (decisions.e_q_pdf < 0).any(axis=2)
            ).any(axis=1),
            "e_q_pdf has a mean other than E[Q]": exact & wrong(~_near(mean, decisions.e_q_mean)),
        }
    return faults


def _of_choices(record: GameRecord) -> Faults:
    decisions, rows = record.decisions, np.arange(N_PLAYS)
    faults = {
        "q_gap is negative or not a number": ~(decisions.q_gap >= 0),
        "exploration_mode is not an index into MODES": (decisions.exploration_mode < 0)
        | (decisions.exploration_mode >= len(MODES)),
        "oracle is not an index into KINDS": (decisions.oracle < 0) | (decisions.oracle >= len(KINDS)),
        "a greedy play is not the best": (decisions.exploration_mode == 0)
        & (decisions.q_gap > CHOICE_GRAIN + _ROUNDING),
    }
    criterion = record.settings.get("criterion")
    if criterion in CRITERIA:
        worth = decisions.e_q_mean if criterion == "eq" else decisions.p_make
        best = np.where(decisions.legal_mask, worth, -np.inf).max(axis=1)
        gap = best - worth[rows, np.clip(decisions.action_taken, 0, HAND_SIZE - 1)]
        faults["q_gap is not the loss of the play"] = ~_near(decisions.q_gap, gap)
    return faults


def _of_weights(decisions: Decisions) -> Faults:
    n = decisions.n_worlds
    return {
        "n_worlds is below 1": n < 1,
        "world_count is below 1": decisions.world_count < 1,
        "ess is outside 1..n_worlds": ~(
            (decisions.ess >= 1 - _ROUNDING) & (decisions.ess <= n * (1 + _ROUNDING))
        ),
        "max_w is outside 1 / ess..1": ~(
            (decisions.max_w * decisions.ess >= 1 - _ROUNDING) & (decisions.max_w <= 1 + _ROUNDING)
        ),
        "entropy is outside 0..log n_worlds": ~(
            (decisions.entropy >= -_ROUNDING) & (decisions.entropy <= np.log(np.maximum(n, 1)) + _ROUNDING)
        ),
    }


def _of_worlds(record: GameRecord, games: Sequence[Games]) -> Faults:
    """Compare with the worlds that are consistent with the mover's knowledge."""
    dealt_to = np.empty(N_DOMINOES, dtype=np.int64)
    dealt_to[record.hands] = np.arange(N_SEATS)[:, None]
    counts, contains = np.empty(N_PLAYS, dtype=np.int64), np.empty(N_PLAYS, dtype=np.bool_)
    for step, game in enumerate(games):
        unknown = unseen(game.views)
        hidden = (dealt_to[unknown.dominoes[0]] - game.views.seat[0] - 1) % N_SEATS
        may = unknown.allowed[0] >> hidden & 1
        contains[step] = may.all() and (np.bincount(hidden, minlength=3) == unknown.need[0]).all()
        counts[step] = completions(unknown).counts[0]
    decisions = record.decisions
    return {
        "the true deal is not one of the consistent worlds": ~contains,
        "world_count is not the number of consistent worlds": decisions.world_count != counts,
    }


def _near(value: np.ndarray, expected: np.ndarray) -> Flags:
    return np.asarray(np.isclose(value, expected, rtol=_ROUNDING, atol=_ROUNDING))
