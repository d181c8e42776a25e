"""Observations of Skull King: their layout, and that they hold nothing that a seat may not know."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skull_king_play import EVERY_OPTION, random_play, turned

from forge_core.skull_king import actions, cards
from forge_core.skull_king.rules import Rules
from forge_core.skull_king.state import doors, inputs, view
from forge_core.skull_king.state import layout as at
from forge_core.streams import stream


def test_the_sizes_of_four_seats():
    rules = Rules.printed()
    play = inputs.play_blocks(rules, 4)
    assert (inputs.bid_blocks(rules, 4).width, play.width) == (88, 712)
    places = {
        name: (play.slice(name).start, play.slice(name).stop - 1)
        for name in ("legal", "table", "gone", "led", "needs", "winner", "overbid")
    }
    assert places == {
        "legal": (74, 148),
        "table": (224, 448),
        "gone": (449, 522),
        "led": (564, 569),
        "needs": (658, 677),
        "winner": (682, 686),
        "overbid": (699, 711),
    }


@pytest.mark.parametrize("seats", [2, 4, 7])
@pytest.mark.parametrize("name", EVERY_OPTION)
def test_tensors_equal_kernels_and_nothing_hidden_is_seen(name, seats):
    """Observations of the actor and of any other seat; rows without hidden cards give the same."""
    rules, generator = EVERY_OPTION[name], stream(0, "skull king", "observers")
    options = at.options_of(rules, seats, 4)
    for rows, legal, _ in random_play(rules, seats, 5, 3, 4):
        there = torch.tensor(rows)
        for observers in (rows[:, at.ACTOR], generator.integers(seats, size=5)):
            seen = doors.observe(rows, observers, options, rules)
            on_tensors = doors.observe(there, torch.tensor(observers), options, rules)
            known = view.hide_rows(rows, observers)
            assert np.array_equal(view.hide_rows(there, torch.tensor(observers)).numpy(), known)
            for one, other, third in zip(
                seen, on_tensors, doors.observe(known, observers, options, rules), strict=True
            ):
                assert np.array_equal(one, other.numpy())
                assert np.array_equal(one, third)
        known = view.hide_rows(rows, rows[:, at.ACTOR])
        assert np.array_equal(doors.legal_mask(known, options), legal)


def test_what_is_hidden():
    """The others' hands, the key, the bids until all have bid, and the stock are not in a view."""
    for rows, _, _ in random_play(Rules.printed(abilities=True), 4, 6, 5, 5):
        for seat in range(4):
            known = view.hide_rows(rows, np.full(6, seat))
            others = [other for other in range(4) if other != seat]
            assert not known[:, [at.NUMBERS + other for other in others]].any()
            assert not known[:, [at.SPECIALS + other for other in others]].any()
            assert not known[:, at.KEY].any() and not known[:, at.STOCK : at.BIDS].any()
            bidding = rows[:, at.PHASE] <= actions.LOAD
            assert (known[bidding][:, [at.BIDS + other for other in others]] == at.NO_BID).all()
            for column in (at.NUMBERS, at.SPECIALS, at.BIDS):
                assert np.array_equal(known[:, column + seat], rows[:, column + seat])


def test_rotating_the_seats_changes_no_observation_and_rotates_points():
    for name in ("printed", "cannonball"):
        rules = EVERY_OPTION[name]
        options = at.options_of(rules, 4, 4)
        for rows, _, taken in random_play(rules, 4, 5, 4, 4):
            after = doors.step_rows(rows, taken, options)
            assert np.array_equal(doors.step_rows(turned(rows, 4), taken, options), turned(after, 4))
            for seat in range(4):
                one = doors.observe(rows, np.full(5, seat), options, rules)
                other = doors.observe(turned(rows, 4), np.full(5, (seat + 1) % 4), options, rules)
                assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_entries_by_hand():
    """Seat 1 is third in a trick of Parrot 5 and a Tigress played as a pirate."""
    rules = Rules.printed()
    options = at.options_of(rules, 4)
    hands = [cards.parse_cards(text) for text in ("P2 M1", "P7 King", "P5 E", "Tigress R1")]
    rows = at.row_with(hands, 2, options)[None]
    for action in (76, 75, 77, 75, 28, 74):  # bids of seats 2, 3, 0, 1; P5; the Tigress as a pirate
        rows = doors.step_rows(rows, np.array([action]), options)
    assert int(doors.to_move(rows)[0]) == 0
    rows = doors.step_rows(rows, np.array([24 + 1]), options)  # P2
    _, play, is_bid = doors.observe(rows, np.array([1]), options, rules)
    blocks = inputs.play_blocks(rules, 4)

    def entries(name):
        return np.flatnonzero(play[0, blocks.slice(name)]).tolist()

    assert not is_bid[0]
    assert entries("hand") == entries("legal") == [0, 30]
    assert entries("wins now") == [0]
    assert entries("table") == [28, 75 + 71, 75 + 74, 150 + 25]
    assert entries("gone") == [25, 28, 71]
    assert entries("dealt") == [1] and entries("tricks left") == [2] and entries("place") == [3]
    assert entries("led") == [2] and entries("leader") == [1] and entries("winner") == [2]
    assert entries("bids") == [0, 11 + 1, 22 + 0, 33 + 2] and entries("won") == [0, 11, 22, 33]
    assert entries("needs") == [3, 5, 6, 10 + 3, 15, 17]
    assert entries("own need") == [1] and entries("overbid") == [7]
    assert blocks.width == play.shape[1] and play.sum() == 2 + 2 + 1 + 4 + 3 + 1 + 1 + 1 + 1 + 4 + 4 + 6 + 4
