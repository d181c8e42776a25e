"""Rows of Liuzhou: the kernels and the tensors equal the rules by sets, and each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from liuzhou_games import position, recorded_games

from forge_core.liuzhou.rules import BLACK, WHITE
from forge_core.liuzhou.state import (
    BLACK_WON,
    DRAWN,
    EMPTY_SLOT,
    GOING,
    START,
    WHITE_WON,
    legal_actions,
    legal_mask,
    outcomes,
    pack,
    step_rows,
)

LIBRARIES = {"numpy": lambda array: array, "torch": torch.tensor}
OUTCOMES = {None: GOING, BLACK: BLACK_WON, WHITE: WHITE_WON, 0: DRAWN}
N_GAMES = 900
"""games whose plies are more than 100,000"""


@pytest.mark.parametrize("library", LIBRARIES)
def test_recorded_games(library):
    convert = LIBRARIES[library]
    for game in recorded_games():
        rows = np.array([pack(position(ply)) for ply in (*game["plies"], game["final"])])
        assert (rows[0] == START).all()
        taken = np.array([ply["action"] for ply in game["plies"]])
        after = step_rows(convert(rows[:-1]), convert(taken))
        assert (np.asarray(after) == rows[1:]).all()
        actions, counts = map(np.asarray, legal_actions(convert(rows)))
        mask = np.asarray(legal_mask(convert(rows)))
        for n, legal in enumerate([*(ply["legal"] for ply in game["plies"]), []]):
            assert actions[n, : counts[n]].tolist() == np.flatnonzero(mask[n]).tolist() == legal
            assert (actions[n, counts[n] :] == EMPTY_SLOT).all()
        assert outcomes(convert(rows)).tolist() == [GOING] * len(taken) + [OUTCOMES[game["winner"]]]
