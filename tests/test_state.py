"""Packed states: their layout, and that playing on them follows the rules."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forge_core.errors import BadInput, StateUnreachable
from forge_core.streams import stream
from forge_core.texas42 import rules
from forge_core.texas42.deals import check_deal, deal_from_seed
from forge_core.texas42.dominoes import team
from forge_core.texas42.state import (
    FULL_HAND,
    ILLEGAL,
    NO_SLOT,
    Fields,
    advance,
    check_states,
    initial_state,
    is_well_formed,
    legal_slots,
    pack,
    to_mover_frame,
    unpack,
)
from forge_core.texas42.tables import deal_tables

seeds = st.integers(0, 2**31)
decls = st.integers(0, 9)
leaders = st.integers(0, 3)
bits_41 = st.integers(0, 2**41 - 1)


def playout(seed: int, decl: int, leader: int) -> np.ndarray:
    """Return the 29 states of one random game, root and terminal included."""
    rng = stream(seed, "playout", decl, leader)
    tables = deal_tables(check_deal(deal_from_seed(seed)), decl)
    states = [initial_state(leader)]
    for _ in range(28):
        state = np.array(states[-1:])
        legal = np.flatnonzero(legal_slots(state, tables)[0] >> np.arange(7) & 1)
        states.append(int(advance(state, rng.choice(legal), tables)[0][0]))
    return np.array(states)


def test_the_root():
    assert initial_state() == 2194996723711  # golden: root_state of every solved deal
    root = unpack([initial_state(leader=2)])
    assert root.remaining.tolist() == [[127] * 4]
    assert (root.leader[0], root.in_trick[0], root.mover[0], root.ply[0]) == (2, 0, 2, 0)
    assert root.played.tolist() == [[NO_SLOT] * 3]


@given(st.lists(bits_41, min_size=1, max_size=20))
def test_packing_is_a_bijection_on_41_bits(states):
    np.testing.assert_array_equal(pack(unpack(states)), states)


@given(
    st.lists(st.integers(0, FULL_HAND), min_size=4, max_size=4),
    st.integers(0, 3),
    st.integers(0, 3),
    st.lists(st.integers(0, 7), min_size=3, max_size=3),
)
def test_fields_come_back(remaining, leader, in_trick, played):
    fields = Fields(*(np.array([part]) for part in (remaining, leader, in_trick, played)))
    back = unpack(pack(fields))
    assert back.remaining.tolist() == [remaining]
    assert (back.leader[0], back.in_trick[0]) == (leader, in_trick)
    assert back.played.tolist() == [played]
    assert pack(fields)[0] < 1 << 41


@settings(max_examples=100)
@given(seeds, decls, leaders)
def test_playing_on_states_is_playing_by_the_rules(seed, decl, leader):
    deal = deal_from_seed(seed)
    tables = deal_tables(check_deal(deal), decl)
    rng = stream(seed, "by the rules", decl)
    held, trick = [list(hand) for hand in deal], []
    state = np.array([initial_state(leader)])
    for ply in range(28):
        seat = (leader + len(trick)) % 4
        fields = unpack(state)
        assert (fields.ply[0], fields.mover[0], fields.leader[0]) == (ply, seat, leader)
        slots = [slot for slot in range(7) if legal_slots(state, tables)[0] >> slot & 1]
        assert [deal[seat][slot] for slot in slots] == rules.legal_plays(held[seat], trick, decl)
        slot = rng.choice(slots)
        state, points = advance(state, [slot], tables)
        held[seat].remove(deal[seat][slot])
        trick.append(deal[seat][slot])
        expected = 0
        if len(trick) == 4:
            leader = (leader + rules.trick_winner(trick, decl)) % 4
            expected = rules.trick_points(trick) * (-1 if team(leader) else 1)
            trick = []
        assert points[0] == expected
        for p in range(4):
            mask = int(unpack(state).remaining[0, p])
            assert [deal[p][i] for i in range(7) if mask >> i & 1] == held[p]
    assert unpack(state).ply[0] == 28
    assert legal_slots(state, tables)[0] == 0


@settings(max_examples=50)
@given(seeds, decls, leaders)
def test_states_of_games_are_well_formed(seed, decl, leader):
    states = playout(seed, decl, leader)
    assert is_well_formed(states).all()
    np.testing.assert_array_equal(check_states(states), states)
    np.testing.assert_array_equal(unpack(states).ply, np.arange(29))


@settings(max_examples=50)
@given(seeds, decls, st.integers(0, 28), st.integers(0, 27))
def test_a_hand_with_a_domino_too_many_or_too_few_is_malformed(seed, decl, ply, bit):
    """One domino too many or too few in a hand breaks the count of a trick or, at the leader's, its start."""
    state = playout(seed, decl, 0)[ply]
    broken = np.array([state ^ 1 << bit])
    fields = unpack(broken)
    held = np.bitwise_count(fields.remaining)[0]
    order = [int(held[(fields.leader[0] + offset) % 4]) for offset in range(4)]
    n = int(fields.in_trick[0])
    still_fits = order == [min(order)] * n + [max(order)] * (4 - n) and max(order) - min(order) == (n > 0)
    assert is_well_formed(broken)[0] == still_fits
    if not still_fits:
        with pytest.raises(StateUnreachable, match=f"{broken[0]} is malformed"):
            check_states(broken)


@settings(max_examples=50)
@given(seeds, decls, st.integers(0, 28), st.integers(0, 2), st.integers(0, 7))
def test_a_played_slot_is_there_if_it_was_played_and_gone_from_the_hand(seed, decl, ply, place, slot):
    state = playout(seed, decl, 0)[ply]
    fields = unpack([state])
    before = int(fields.played[0, place])
    assume(slot != before)
    changed = np.array([state & ~(7 << 32 + 3 * place) | slot << 32 + 3 * place])
    if place >= fields.in_trick[0] or slot == NO_SLOT:
        assert not is_well_formed(changed)[0]
    else:
        seat = (fields.leader[0] + place) % 4
        still_held = fields.remaining[0, seat] >> slot & 1
        assert is_well_formed(changed)[0] == (not still_held)


@pytest.mark.parametrize("state", [-1, 0, 1 << 41, 1 << 62, initial_state() | 1 << 41, initial_state() ^ 1])
def test_what_is_no_state_is_refused(state):
    assert not is_well_formed(np.array([state]))[0]
    with pytest.raises(StateUnreachable, match=str(state)):
        check_states(np.array([state]))


def test_no_states_are_well_formed():
    assert check_states(np.array([], dtype=np.int64)).shape == (0,)


@pytest.mark.parametrize("states", [[[0]], [[0], [0, 1]]])
def test_states_are_one_list(states):
    with pytest.raises(BadInput, match="give"):
        check_states(states)


def test_states_must_be_whole_numbers():
    with pytest.raises(BadInput, match="float64"):
        check_states(np.array([1.5]))


def test_an_illegal_slot_is_refused():
    tables = deal_tables(check_deal(deal_from_seed(0)), 6)
    root = np.array([initial_state()])
    for slot in (-1, 7):
        with pytest.raises(BadInput, match=f"slot {slot} is illegal"):
            advance(root, [slot], tables)
    after, _ = advance(root, [3], tables)
    legal = int(legal_slots(after, tables)[0])
    for slot in range(7):
        if not legal >> slot & 1:
            with pytest.raises(BadInput, match=f"slot {slot}"):
                advance(after, [slot], tables)


@settings(max_examples=30)
@given(seeds, decls, leaders)
def test_the_mover_s_frame(seed, decl, leader):
    states = playout(seed, decl, leader)
    rng = stream(seed, "frame")
    value = rng.integers(-42, 43, size=29).astype(np.int8)
    q = rng.integers(-42, 43, size=(29, 7)).astype(np.int8)
    q[rng.random((29, 7)) < 0.3] = ILLEGAL
    sign = np.where(unpack(states).mover % 2 == 1, -1, 1)
    np.testing.assert_array_equal(to_mover_frame(value, states), sign * value)
    turned = to_mover_frame(q, states)
    assert turned.dtype == np.int8
    np.testing.assert_array_equal(turned == ILLEGAL, q == ILLEGAL)
    np.testing.assert_array_equal(turned[q != ILLEGAL], (sign[:, None] * q)[q != ILLEGAL])
    np.testing.assert_array_equal(to_mover_frame(turned, states), q)  # its own inverse
