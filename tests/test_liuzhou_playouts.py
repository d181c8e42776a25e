"""Tree search by random games: its counts, its repeatability, and that it sees what a random game shows."""

from __future__ import annotations

import numpy as np
import pytest

from forge_core.errors import BadInput
from forge_core.liuzhou.playouts import PlayoutSettings, search_by_playouts
from forge_core.liuzhou.rules import BLACK, MOVE, STEP_FROM, UP, WHITE, State
from forge_core.liuzhou.state import EMPTY_SLOT, START, legal_actions, pack, step_rows
from forge_core.streams import stream


def seeds(n: int, key: str = "seeds") -> np.ndarray:
    return stream(0, key).integers(1 << 63, size=n, dtype=np.uint64)


def test_each_simulation_is_a_visit_of_a_legal_action():
    rows = np.tile(START, (3, 1))
    rows[1:] = step_rows(rows[1:], np.array([0, 7]))
    found = search_by_playouts(rows, PlayoutSettings(50, beta=0.5), seeds(3))
    actions, _ = legal_actions(rows)
    np.testing.assert_array_equal(found.actions, actions)
    assert (found.visits.sum(1) == 50).all() and (found.visits[actions == EMPTY_SLOT] == 0).all()
    assert (np.abs(found.value) <= 1).all()
    best = found.visits.argmax(1)
    np.testing.assert_array_equal(found.chosen, actions[np.arange(3), best])


def test_a_row_depends_on_its_seed_alone():
    rows, keys = np.tile(START, (4, 1)), seeds(4)
    together = search_by_playouts(rows, PlayoutSettings(40), keys)
    alone = search_by_playouts(rows[2:3], PlayoutSettings(40), keys[2:3])
    np.testing.assert_array_equal(together.visits[2:3], alone.visits)
    assert (together.visits != together.visits[0]).any()


@pytest.mark.parametrize("player", [BLACK, WHITE])
def test_it_finds_the_step_that_wins(player):
    """A step up from cell 13 makes a square, whose capture leaves the opponent with three stones."""
    own, foe = frozenset({0, 1, 6, 13}), frozenset({23, 28, 33, 35})
    black, white = (own, foe) if player == BLACK else (foe, own)
    row = pack(State(black=black, white=white, phase=MOVE, player=player, move_count=60))
    found = search_by_playouts(row[None], PlayoutSettings(300), seeds(1))
    assert found.chosen[0] == STEP_FROM + 4 * 13 + UP and found.value[0] > 0.3


def test_finished_rows_have_no_visits():
    row = START.copy()
    row[3] |= 3 << 22
    found = search_by_playouts(np.stack([row, START]), PlayoutSettings(10), seeds(2))
    assert found.visits[0].sum() == 0 and found.visits[1].sum() == 10 and found.value[0] == 0


def test_settings_out_of_range():
    for wrong in ({"sims": 0}, {"sims": 1, "beta": 2.0}, {"sims": 1, "draw_scale": 0.0}):
        with pytest.raises(BadInput):
            PlayoutSettings(**wrong)
