"""Text for declarations, dominoes and hands: written, read back and refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_core.errors import BadInput
from forge_core.texas42.declarations import NAMES, check_declaration, parse_declaration
from forge_core.texas42.notation import domino_text, hand_text, parse_domino, parse_hand


def test_declarations_by_name_number_and_text():
    for decl, name in enumerate(NAMES):
        for text in (name, f" {name.upper()} ", str(decl), decl):
            assert parse_declaration(text) == decl
        assert check_declaration(decl) == decl


@pytest.mark.parametrize("text", ["", "sevens", "10", "-1", "6.0", "six", "²"])
def test_unknown_declarations_are_refused(text):
    with pytest.raises(BadInput, match="unknown declaration"):
        parse_declaration(text)


@pytest.mark.parametrize("decl", [-1, 10, 2.5])
def test_declarations_out_of_range_are_refused(decl):
    with pytest.raises(BadInput, match="declaration"):
        check_declaration(decl)


def test_dominoes_by_their_pips():
    for domino in range(28):
        high, low = domino_text(domino).split("-")
        assert high >= low
        assert parse_domino(f"{high}-{low}") == parse_domino(f" {low}-{high} ") == domino


@pytest.mark.parametrize("text", ["", "6", "6-", "-6", "7-0", "6-4-2", "six-four", "64", "6--4", "²-1"])
def test_what_is_no_domino_is_refused(text):
    with pytest.raises(BadInput, match="is not a domino"):
        parse_domino(text)


@given(st.permutations(range(28)))
def test_hands_come_back(ids):
    hand = ids[:7]
    assert parse_hand(hand_text(hand)) == sorted(hand)
    assert parse_hand(hand_text(hand).replace(",", ", ")) == sorted(hand)
    assert parse_hand(hand_text(hand).replace(",", " ")) == sorted(hand)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "hand of 0"),
        ("6-6,6-5,6-4,6-3,6-2,6-1", "hand of 6"),
        ("6-6,6-5,6-4,6-3,6-2,6-1,6-0,5-5", "hand of 8"),
        ("6-6,6-6,6-4,6-3,6-2,6-1,6-0", "6-6"),
        ("6-4,6-5,4-6,6-3,6-2,6-1,6-0", "6-4"),
        ("6-6,6-5,6-4,6-3,6-2,6-1,7-0", "7-0"),
    ],
)
def test_bad_hands_are_refused(text, complaint):
    with pytest.raises(BadInput, match=complaint) as refusal:
        parse_hand(text)
    assert "\n" not in str(refusal.value)
