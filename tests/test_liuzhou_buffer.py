"""The buffer of self-play: whose results a position gets, in which frame, and under which symmetry."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from liuzhou_games import random_plies
from torch import Tensor

from forge_core.errors import BadInput
from forge_core.liuzhou.buffer import PENDING, Batch, TrajectoryBuffer, to_mover_frame
from forge_core.liuzhou.generations import join
from forge_core.liuzhou.recording import take_ended
from forge_core.liuzhou.rules import MAX_MOVES
from forge_core.liuzhou.selfplay import SelfPlay
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings
from forge_core.liuzhou.state import legal_actions, legal_mask, planes, turn_planes, turn_policies
from forge_core.liuzhou.state.layout import PLAYER_SHIFT
from forge_core.liuzhou.stored import buffer_of
from forge_core.streams import stream


def positions(n: int) -> Tensor:
    """Rows [n, 4] of random games, in which it is the turn of black and of white."""
    rows = random_plies(40)[0]
    return torch.from_numpy(rows[stream(1, "rows").permutation(len(rows))[:n]])


def write(writer, rows: Tensor, value: float = 0.0, taught: bool = True, game: int | Tensor = 0) -> None:
    actions, counts = (torch.from_numpy(part) for part in legal_actions(rows.numpy()))
    listed = torch.arange(64) < counts[:, None]
    policy = listed / counts[:, None] * torch.linspace(0.5, 1.5, 64)
    policy = torch.where(listed, policy, 0.0)
    policy /= policy.sum(1, keepdim=True)
    numbers = game if isinstance(game, Tensor) else torch.full((len(rows),), game, dtype=torch.int32)
    writer.write(rows, actions, actions[:, 0], policy, torch.full((len(rows),), value), taught, numbers)


def finish(writer, over: list[bool], game: list[int], result: list[int], difference: list[float]) -> None:
    writer.finish(
        torch.tensor(over),
        torch.tensor(game, dtype=torch.int32),
        torch.tensor(result, dtype=torch.int8),
        torch.tensor(difference),
    )


def whole(buffer: TrajectoryBuffer, symmetry: int = 0) -> Batch:
    """All positions that can be sampled, under one symmetry."""
    places = buffer.ready()
    return buffer.batch(places, torch.full((len(places),), symmetry))


def test_a_position_gets_the_result_of_its_own_game():
    buffer = TrajectoryBuffer(3, 1)
    writer = buffer.writer(0, 3)
    rows = positions(12).view(4, 3, 4)
    for ply in range(2):
        write(writer, rows[ply], game=torch.tensor([0, 1, 2], dtype=torch.int32))
    finish(writer, [False, True, False], [0, 1, 2], [0, -1, 0], [0.5, -1.0, 0.25])
    for ply in range(2, 4):  # in the second column the next game goes on
        write(writer, rows[ply], game=torch.tensor([0, 4, 2], dtype=torch.int32))
    finish(writer, [True, False, False], [0, 4, 2], [0, 0, 0], [0.5, 0.0, 0.0])
    buffer.advance(4)
    results = buffer.result.view(-1, 3)[:4].tolist()
    assert results == [[0, -1, PENDING], [0, -1, PENDING], [0, PENDING, PENDING], [0, PENDING, PENDING]]
    assert buffer.ready().tolist() == [0, 1, 3, 4, 6, 9]
    assert buffer.difference.view(-1, 3)[:2].tolist() == [[0.5, -1.0, 0.0]] * 2
    assert buffer.remaining.view(-1, 3)[:4, :2].tolist() == [[4, 2], [3, 1], [2, 0], [1, 0]]


def test_stored_games_fill_a_buffer_as_live_games_do():
    settings = SelfPlaySettings(games=16, tables=1, playouts=2, handicap=0.5)
    live = TrajectoryBuffer(16, 1)
    SelfPlay(settings, live, None, seed=1).play(16 * 250)
    numbers = set(live.game[live.ready()].tolist())
    games = join([game for _, game in sorted(take_ended(live, numbers).items())])
    stored = buffer_of(games, settings.draw_scale)
    order = np.lexsort((live.ply[live.ready()], live.game[live.ready()]))
    places = live.ready()[torch.from_numpy(order)]
    for name, tensor in stored.tensors().items():
        assert torch.equal(tensor[: len(games)], live.tensors()[name][places]), name


def test_a_batch_is_in_the_frame_of_the_mover():
    buffer = TrajectoryBuffer(64, 1)
    writer, rows = buffer.writer(0, 64), positions(64)
    write(writer, rows, value=0.75)
    finish(writer, [True] * 64, [0] * 64, [1] * 64, [1.0] * 64)
    buffer.advance(1)
    batch = whole(buffer)
    is_white = rows[:, 3] >> PLAYER_SHIFT & 1 == 1
    assert 0 < is_white.sum() < 64
    assert torch.equal(batch.wdl, torch.where(is_white, 2, 0))
    assert torch.equal(batch.difference, torch.where(is_white, -1.0, 1.0))
    assert torch.equal(batch.soft_value, torch.where(is_white, -0.75, 0.75))
    assert torch.equal(to_mover_frame(batch.difference, rows), torch.ones(64))


def test_late_results_count_less_with_a_discount():
    buffer = TrajectoryBuffer(4, 1)
    writer = buffer.writer(0, 4)
    for _ in range(3):
        write(writer, positions(4))
    finish(writer, [True] * 4, [0] * 4, [1, -1, 0, 0], [1.0, -1.0, 0.5, 0.0])
    buffer.advance(3)
    places = buffer.ready()
    batch, plain = (buffer.batch(places, torch.zeros(12, dtype=torch.int64), each) for each in (0.9, 1.0))
    powers = torch.tensor([0.9**3, 0.9**2, 0.9]).repeat_interleave(4)
    torch.testing.assert_close(batch.difference, plain.difference * powers)
    assert torch.equal(batch.wdl, plain.wdl)


@pytest.mark.parametrize("symmetry", range(8))
def test_a_batch_is_turned_as_a_whole(symmetry):
    buffer = TrajectoryBuffer(64, 1)
    writer, rows = buffer.writer(0, 64), positions(64)
    write(writer, rows)
    finish(writer, [True] * 64, [0] * 64, [0] * 64, [0.0] * 64)
    buffer.advance(1)
    plain, turned = whole(buffer), whole(buffer, symmetry)
    assert torch.equal(turned.planes, turn_planes(plain.planes, symmetry))
    assert torch.equal(turned.policy, turn_policies(plain.policy, symmetry))
    assert torch.equal(turned.legal, turn_policies(plain.legal, symmetry))
    assert torch.equal(plain.planes, torch.from_numpy(planes(rows.numpy())))
    assert torch.equal(plain.legal, torch.from_numpy(legal_mask(rows.numpy())))
    torch.testing.assert_close(plain.policy.sum(1), torch.ones(64), atol=2e-3, rtol=0)
    assert torch.equal(plain.policy > 0, plain.legal)


def test_fast_searches_teach_no_policy():
    buffer = TrajectoryBuffer(8, 1)
    writer = buffer.writer(0, 8)
    for taught in (True, False):
        write(writer, positions(8), taught=taught)
    finish(writer, [True] * 8, [0] * 8, [0] * 8, [0.0] * 8)
    buffer.advance(2)
    batch = whole(buffer)
    assert batch.taught.tolist() == [True] * 8 + [False] * 8 and not batch.policy[8:].any()


def test_the_oldest_plies_are_overwritten():
    buffer = TrajectoryBuffer(2, 1)
    assert buffer.plies == 2 * MAX_MOVES
    writer, rows = buffer.writer(0, 2), positions(2)
    for ply in range(buffer.plies + 3):
        write(writer, rows, value=float(ply), game=ply)
        finish(writer, [True] * 2, [ply] * 2, [0] * 2, [0.0] * 2)
    buffer.advance(buffer.plies + 3)
    values = sorted(set(buffer.value.tolist()))
    assert values == list(range(3, buffer.plies + 3)) and len(buffer.ready()) == 2 * buffer.plies


def test_a_long_game_keeps_its_result_across_the_end_of_the_ring():
    buffer = TrajectoryBuffer(1, 1)
    writer, rows = buffer.writer(0, 1), positions(1)
    for ply in range(buffer.plies - 10):
        write(writer, rows, game=ply)
    for _ in range(MAX_MOVES):
        write(writer, rows, game=7777)
    finish(writer, [True], [7777], [1], [1.0])
    buffer.advance(buffer.plies - 10 + MAX_MOVES)
    assert (buffer.game[buffer.ready()] == 7777).all() and len(buffer.ready()) == MAX_MOVES


def test_samples_are_repeatable_and_need_a_finished_game():
    buffer = TrajectoryBuffer(8, 1)
    writer = buffer.writer(0, 8)
    write(writer, positions(8))
    buffer.advance(1)
    with pytest.raises(BadInput, match="no finished game"):
        buffer.sample(4, stream(0, "draws"))
    finish(writer, [True] * 8, [0] * 8, [0] * 8, [0.0] * 8)
    buffer.advance(0)
    one, same = (buffer.sample(16, stream(0, "draws")) for _ in range(2))
    assert torch.equal(one.planes, same.planes) and len(one) == 16
    assert not torch.equal(one.planes, buffer.sample(16, stream(1, "draws")).planes)


def test_a_checkpoint_holds_all_that_was_written():
    buffer = TrajectoryBuffer(4, 1)
    writer = buffer.writer(0, 4)
    for ply in range(5):
        write(writer, positions(4), value=ply / 8)
    finish(writer, [True, False] * 2, [0] * 4, [1] * 4, [1.0] * 4)
    buffer.advance(5)
    state = buffer.state_dict()
    assert isinstance(state["rows"], Tensor) and len(state["rows"]) == 20
    again = TrajectoryBuffer(4, 1)
    again.load_state_dict(state)
    assert again.head == 5 and torch.equal(again.ready(), buffer.ready())
    for name, tensor in buffer.tensors().items():
        assert torch.equal(tensor, again.tensors()[name]), name


def test_sizes_out_of_range():
    with pytest.raises(BadInput, match="at least 1"):
        TrajectoryBuffer(0, 10)
    with pytest.raises(BadInput, match="this buffer has games"):
        TrajectoryBuffer(4, 10).writer(3, 2)
    assert np.prod(TrajectoryBuffer(4, 5000).rows.shape) == 4 * 5000
