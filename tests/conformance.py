"""Checks that every `forge_core.game.Game` must pass: call each function in CHECKS with a Case.

A check plays random legal games and raises AssertionError with the rule that was broken. Checks
use only the protocol of a game; a Case supplies what the protocol does not offer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from forge_core.errors import BadInput
from forge_core.game import (
    NOBODY,
    Game,
    arrays_of,
    checked_step,
    choose,
    join,
    library,
    map_arrays,
    match_array,
    take,
    to_numpy,
)
from forge_core.streams import mix, stream, uniform


@dataclass(frozen=True)
class Case:
    """A game, and further facts that the checks need."""

    game: Game[Any]
    hide: Callable[[Any, int, np.random.Generator], Any] | None = None
    """(state, seat, generator) -> rows that the seat cannot tell from these; None: nothing is hidden"""
    rotate: Callable[[Any], Any] | None = None
    """state -> the same rows with everything moved one seat on; None: seats are not alike"""
    seeds: tuple[int, ...] = tuple(range(20))
    often: int | None = None
    """an action taken nearly always where it is legal, to reach what random play does not"""
    n_starts: int = 2
    """so many seeds at least begin differently"""


def same(one: Any, other: Any) -> bool:
    """True if two states, or two arrays, are equal in dtype and in every number."""
    pairs = zip(arrays_of(one), arrays_of(other), strict=True)
    return all(a.dtype == b.dtype and np.array_equal(to_numpy(a), to_numpy(b)) for a, b in pairs)


def copied(state: Any) -> Any:
    return map_arrays(lambda array: array.copy() if isinstance(array, np.ndarray) else array.clone(), state)


def acts(case: Case, state: Any, time: int, seeds: Any = None) -> Any:
    """Return random legal actions, drawn for each row by its seed alone; any action in finished rows."""
    seeds = np.asarray(case.seeds if seeds is None else seeds)
    legal = case.game.legal(state)
    draws = uniform(mix(mix(stream(0, "conformance").integers(2**63), seeds), time))
    idle = (seeds + time) % case.game.facts.n_actions
    chosen = choose(legal, match_array(draws, legal))
    if case.often is not None:
        rarely = match_array(mix(draws.view(np.uint64), 1) % np.uint64(16) == 0, legal)
        chosen = library(chosen).where(legal[:, case.often] & ~rarely, case.often, chosen)
    return library(chosen).where(case.game.over(state), match_array(idle, legal), chosen)


def play(case: Case, device: str | None = None, state: Any = None) -> Iterator[tuple[Any, Any]]:
    """Yield the states of random games and the actions taken in them, for max_steps steps."""
    state = case.game.init(case.seeds, device) if state is None else state
    for time in range(case.game.facts.max_steps + 1):
        actions = acts(case, state, time)
        yield state, actions
        state = case.game.step(state, actions)


def check_shapes(case: Case) -> None:
    """Every array has its shape and dtype, and observations and returns lie within their bounds."""
    game, facts, n = case.game, case.game.facts, len(case.seeds)
    seen = facts.observation
    for state, _ in play(case):
        found = {
            "to_move": game.to_move(state),
            "legal": game.legal(state),
            "over": game.over(state),
            "returns": game.returns(state),
            "observe": game.observe(state),
        }
        meant = {
            "to_move": ((n,), "int64"),
            "legal": ((n, facts.n_actions), "bool"),
            "over": ((n,), "bool"),
            "returns": ((n, facts.n_seats), "float32"),
            "observe": ((n, *seen.shape), seen.dtype),
        }
        for name, array in found.items():
            assert (array.shape, to_numpy(array).dtype.name) == meant[name], f"{name}: {array.shape}"
        turn, observed = to_numpy(found["to_move"]), to_numpy(found["observe"])
        assert ((turn == NOBODY) == to_numpy(found["over"])).all(), "to_move is NOBODY in finished rows only"
        assert ((turn >= NOBODY) & (turn < facts.n_seats)).all(), "to_move is a seat or NOBODY"
        assert ((observed >= seen.low) & (observed <= seen.high)).all(), "observations leave their bounds"
        by_seat = np.stack([to_numpy(game.observe(state, seat)) for seat in range(facts.n_seats)])
        assert (by_seat[np.maximum(turn, 0), np.arange(n)] == observed).all(), "observe: not the seat to move"
        mixed = match_array(np.arange(n) % facts.n_seats, found["to_move"])
        expected = by_seat[np.arange(n) % facts.n_seats, np.arange(n)]
        assert (to_numpy(game.observe(state, mixed)) == expected).all(), "observe: one seat per row"


def check_masks(case: Case) -> None:
    """A row has a legal action exactly until it is over; an illegal action is refused."""
    game, facts = case.game, case.game.facts
    refused = 0
    for state, actions in play(case):
        legal, over = to_numpy(game.legal(state)), to_numpy(game.over(state))
        assert (legal.any(axis=1) == ~over).all(), "a legal action exists exactly until a row is over"
        assert same(checked_step(game, state, actions), game.step(state, actions))
        for row in np.flatnonzero(~over)[:2]:
            for wrong in (*np.flatnonzero(~legal[row])[:2], -1, facts.n_actions):
                asked = to_numpy(actions).copy()
                asked[row] = wrong
                with pytest.raises(BadInput, match=f"game {row}: action"):
                    checked_step(game, state, asked)
                refused += 1
    assert refused, "no action was ever illegal"


def check_replay(case: Case) -> None:
    """The same seeds and actions give the same states, and no function modifies its arguments."""
    game = case.game
    again = game.init(case.seeds)
    for state, actions in play(case):
        assert same(state, again), "the same seeds and actions led to other states"
        before, asked = copied(state), to_numpy(actions).copy()
        again = game.step(again, actions)
        for function in (game.to_move, game.legal, game.over, game.returns, game.observe):
            assert same(function(state), function(state)), f"{function.__name__} answers differently"
        game.step(state, actions)
        assert same(state, before), "a function changed the state it was given"
        assert np.array_equal(asked, to_numpy(actions)), "step changed the actions it was given"


def check_seeds(case: Case) -> None:
    """Different seeds give different starts."""
    starts = case.game.init(case.seeds)
    rows = [take(starts, slice(k, k + 1)) for k in range(len(case.seeds))]
    different: list[Any] = []
    for row in rows:
        if not any(same(row, other) for other in different):
            different.append(row)
    assert len(different) >= case.n_starts, f"only {len(different)} different starts"


def check_terminal(case: Case) -> None:
    """Every row is over within max_steps; a finished row stays as it is, whatever its action."""
    game = case.game
    for time, (state, actions) in enumerate(play(case)):
        after, over = game.step(state, actions), game.over(state)
        assert same(take(after, over), take(state, over)), "a finished row did not stay as it was"
        assert time < game.facts.max_steps or to_numpy(over).all(), "a row was not over after max_steps"


def check_returns(case: Case) -> None:
    """Returns are 0 before the end, within their bound, and sum to 0 if the game says so."""
    game, facts = case.game, case.game.facts
    returns = np.zeros((0, facts.n_seats))
    for state, _ in play(case):
        returns, over = to_numpy(game.returns(state)), to_numpy(game.over(state))
        assert (returns[~over] == 0).all(), "returns before the end"
        assert (np.abs(returns) <= facts.return_bound).all(), "returns beyond their bound"
        if facts.zero_sum:
            assert (returns.sum(axis=1) == 0).all(), "returns do not add up to 0"
    assert (returns != 0).any(), "all games ended with returns of 0"


def check_rotation(case: Case) -> None:
    """After moving everything one seat on, the same actions give each seat the returns of the one before."""
    game, seats = case.game, case.game.facts.n_seats
    if case.rotate is None:
        return
    rotated = case.rotate(game.init(case.seeds))
    for state, actions in play(case):
        turn, over = to_numpy(game.to_move(state)), to_numpy(game.over(state))
        assert (to_numpy(game.to_move(rotated)) == np.where(over, NOBODY, (turn + 1) % seats)).all()
        assert same(game.legal(state), game.legal(rotated)), "legal depends on the absolute seat"
        assert same(game.returns(rotated), moved_on(game.returns(state))), "returns are not by seat"
        for seat in range(seats):
            one, other = game.observe(state, seat), game.observe(rotated, (seat + 1) % seats)
            assert same(one, other), "observe shows the absolute seat"
        rotated = game.step(rotated, actions)


def moved_on(returns: Any) -> Any:
    """Return the returns moved one seat on."""
    return library(returns).roll(returns, 1, 1)


def check_hidden(case: Case) -> None:
    """Hidden information affects neither the observation of a seat nor its legal actions."""
    game, facts = case.game, case.game.facts
    assert (case.hide is not None) == facts.hidden, "facts.hidden does not say whether something is hidden"
    if case.hide is None:
        return
    generator, changed = stream(0, "conformance", "hidden"), np.zeros(facts.n_seats, dtype=bool)
    for state, _ in play(case):
        for seat in range(facts.n_seats):
            other = case.hide(state, seat, generator)
            changed[seat] |= not same(state, other)
            assert same(game.observe(state, seat), game.observe(other, seat)), "observe shows what is hidden"
            assert same(game.to_move(state), game.to_move(other)), "to_move tells what is hidden"
            assert same(game.over(state), game.over(other)), "over tells what is hidden"
            mine = to_numpy(game.to_move(state)) == seat
            legal, allowed = to_numpy(game.legal(state)), to_numpy(game.legal(other))
            assert (legal[mine] == allowed[mine]).all(), "legal tells what is hidden"
            for row in (0, len(case.seeds) - 1):
                texts = [game.describe(each, row, seat) for each in (state, other)]
                assert texts[0] == texts[1], "describe shows what is hidden"
    assert changed.all(), "the case hides nothing from some seat"


def check_company(case: Case) -> None:
    """A row does not depend on the other rows of the batch, their order or their number."""
    game, n = case.game, len(case.seeds)
    order = stream(0, "conformance", "order").permutation(n)[: n - 3]
    apart = game.init([case.seeds[k] for k in order])
    alone = game.init([case.seeds[-1]])
    assert same(take(game.init(case.seeds), match(order, apart)), apart), "init depends on company"
    for state, actions in play(case):
        index, last = match(order, state), slice(n - 1, n)
        assert same(take(state, index), apart), "a row depends on the rows beside it"
        assert same(take(state, last), alone), "a row depends on the rows beside it"
        for function in (game.to_move, game.legal, game.over, game.returns, game.observe):
            assert same(function(state)[index], function(apart)), f"{function.__name__} depends on company"
        apart, alone = game.step(apart, actions[index]), game.step(alone, actions[last])
    assert same(take(join([apart, alone]), slice(0, n - 3)), apart), "joined rows are not the rows"
    empty = game.step(game.init([]), match_array(np.zeros(0, np.int64), game.to_move(alone)))
    assert to_numpy(game.legal(empty)).shape == (0, case.game.facts.n_actions)
    assert to_numpy(game.observe(empty)).shape == (0, *case.game.facts.observation.shape)


def match(order: np.ndarray, state: Any) -> Any:
    """Return row numbers in the array library of a state."""
    return match_array(order, arrays_of(state)[0])


def check_texts(case: Case) -> None:
    """Every action has a distinct text; a row can be described at any time."""
    game = case.game
    texts = [game.action_text(action) for action in range(game.facts.n_actions)]
    assert len(set(texts)) == len(texts) and all(texts), "two actions share a text"
    for state, _ in play(case):
        assert game.describe(state), "a row is described by nothing"


def check_device(case: Case, device: str = "cpu") -> None:
    """Tensors on a device give the same numbers as the arrays in host memory."""
    import torch

    game = case.game
    there = game.init(case.seeds, device)
    for state, actions in play(case):
        chosen = torch.as_tensor(to_numpy(actions), device=device)
        answers = [
            (function(state), function(there))
            for function in (game.to_move, game.legal, game.over, game.returns, game.observe)
        ]
        for here, other in (*answers, (state, there)):
            for one, array in zip(arrays_of(here), arrays_of(other), strict=True):
                assert isinstance(array, torch.Tensor), "init(seeds, device) gives no tensors"
                assert array.device == torch.device(device), f"an array is on {array.device}"
                one, two = to_numpy(one), to_numpy(array)
                assert one.dtype == two.dtype and np.array_equal(one, two), f"{device} gives other numbers"
        there = game.step(there, chosen)


CHECKS = (
    check_shapes,
    check_masks,
    check_replay,
    check_seeds,
    check_terminal,
    check_returns,
    check_rotation,
    check_hidden,
    check_company,
    check_texts,
    check_device,
)
