"""The readable rules of Skull King against golden facts, and cards and actions as text."""

from __future__ import annotations

import pytest
from skull_king_golden import PRESETS, by_seat, engine_facts, rule_facts

from forge_core.errors import BadInput
from forge_core.skull_king import cards
from forge_core.skull_king.actions import N_ACTIONS, action_text, card_of_play, parse_action
from forge_core.skull_king.rules import Rules, led_suit, legal_actions, legal_cards, resolve, score_round

# --- golden facts -----------------------------------------------------------------------------


def test_tricks_of_the_published_engine():
    names = {None: -1, "roger": 0, "parrot": 1, "map": 2, "chest": 3}
    for case in engine_facts()["tricks"]:
        trick = resolve(case["cards"], case["tigress"], Rules.engine())
        assert trick.winner == case["winner_index"] and trick.bonus == case["bonus"], case
        assert [list(pair) for pair in trick.loot] == case["loot"], case
        assert led_suit(case["cards"], case["tigress"], Rules.engine()) == names[case["led_suit"]], case
    assert len(engine_facts()["tricks"]) == 104


def test_masks_of_the_published_engine():
    for case in engine_facts()["follow_suit"]:
        assert legal_cards(case["hand"], case["table"], "escape", Rules.engine()) == case["valid"], case


def replay_tricks(case, rules):
    """Replay the tricks of a golden round; return won, bonus and alliances by seat."""
    seats, loot = len(case["hands"]), []
    hands, won, bonus = [list(hand) for hand in case["hands"]], [0] * seats, [0] * seats
    for trick in case["tricks"]:
        for place, card in enumerate(trick["cards"]):
            hand, table = hands[(trick["lead"] + place) % seats], trick["cards"][:place]
            assert card in legal_cards(hand, table, trick["tigress"], rules)
            hand.remove(card)
        result = resolve(trick["cards"], trick["tigress"], rules)
        assert result.bonus == trick["bonus"]
        assert (None if result.winner is None else (trick["lead"] + result.winner) % seats) == trick["winner"]
        if result.winner is not None:
            won[trick["winner"]] += 1
            bonus[trick["winner"]] += result.bonus
        loot += [((trick["lead"] + a) % seats, (trick["lead"] + b) % seats) for a, b in result.loot]
        if "next_lead" in trick:
            leads = case["start"] if result.next_leader is None else trick["lead"] + result.next_leader
            assert leads % seats == trick["next_lead"]
    return won, bonus, loot


def test_rounds_of_the_published_engine():
    for case in engine_facts()["rounds"]:
        rules = Rules.engine()
        won, bonus, loot = replay_tricks(case, rules)
        assert (won, bonus) == (case["tricks_won"], case["bonus"])
        assert dict(loot) == by_seat(case["loot_alliances"])
        abilities = case["abilities"]
        harry, bets = by_seat(abilities.get("harry")), by_seat(abilities.get("roatan"))
        scores = score_round(case["bids"], won, bonus, case["round"], loot, harry, bets, rules=rules)
        assert scores == case["scores"], case


def test_tricks_and_masks_of_each_print():
    for case in rule_facts()["tricks"]:
        for name, expected in case["expect"].items():
            trick = resolve(case["cards"], case["tigress"], PRESETS[name])
            leader = "round starter" if trick.next_leader is None else trick.next_leader
            found = {
                "winner": trick.winner,
                "next_leader": leader,
                "bonus": trick.bonus,
                "loot": [list(pair) for pair in trick.loot],
                "led": led_suit(case["cards"], case["tigress"], PRESETS[name]),
            }
            assert found == expected, (name, case)
    for case in rule_facts()["masks"]:
        given = case["hand"], case["table"], case["tigress"]
        for name in case["actions"]:
            assert legal_cards(*given, PRESETS[name]) == case["legal_cards"][name], case
            assert legal_actions(*given, PRESETS[name]) == case["actions"][name], case


def test_rounds_of_each_print():
    for case in rule_facts()["rounds"]:
        rules = PRESETS[case["rules"]]
        won, bonus, loot = replay_tricks(case, rules)
        assert (won, bonus, [list(pair) for pair in loot]) == (case["won"], case["bonus"], case["loot"])
        harry, bets, balls = (by_seat(case[name]) for name in ("harry", "bets", "cannonball"))
        given = case["bids"], won, bonus, case["round"], loot, harry, bets
        assert score_round(*given, rules=rules) == case["scores"]["skull_king"]
        assert score_round(*given, balls, Rules.printed(scoring="rascal")) == case["scores"]["rascal"]


def test_bad_tricks_are_refused():
    with pytest.raises(BadInput, match="without cards"):
        resolve([])
    with pytest.raises(BadInput, match="R1 occurs twice"):
        resolve([11, 11])
    with pytest.raises(BadInput, match="card 75 does not exist"):
        resolve([75])
    with pytest.raises(BadInput, match="the Tigress is on the table"):
        resolve([72, 1])


# --- options ----------------------------------------------------------------------------------


def test_options_are_checked():
    assert Rules.printed(scoring="rascal").scoring == "rascal"
    assert Rules.print_2021(abilities=True).nobody_leads == "print_2021"
    for wrong in ({"follow": "x"}, {"loot": "x"}, {"advanced": ("squid",)}, {"harry": "x"}):
        with pytest.raises(BadInput, match="use "):
            Rules(**wrong)
    with pytest.raises(BadInput, match="cannonball needs"):
        Rules(cannonball=True)
    with pytest.raises(BadInput, match="tigress_bonus='no': use True or False"):
        Rules(tigress_bonus="no")


def test_cards_dealt():
    rules = Rules()
    dealt = {seats: [rules.cards_dealt(r, seats) for r in range(1, 11)] for seats in range(2, 9)}
    assert all(dealt[seats] == list(range(1, 11)) for seats in range(2, 8))
    assert dealt[8] == [1, 2, 3, 4, 5, 6, 7, 8, 8, 8]
    assert Rules(advanced=()).cards_dealt(10, 7) == 10
    assert len(Rules(advanced=("whale",)).deck(4)) == 71 and len(rules.deck(2)) == 72
    assert len(Rules(ghost=False).deck(2)) == 74
    for round, seats in ((0, 4), (11, 4), (1, 1), (1, 9)):
        with pytest.raises(BadInput, match="use "):
            rules.cards_dealt(round, seats)


# --- text -------------------------------------------------------------------------------------


def test_cards_are_read_as_they_are_written():
    for card in range(1, 75):
        assert cards.parse_cards(cards.card_text(card, which=True)) == [card]
    assert cards.parse_cards("Harry R2 r14,P5 P9 M8") == [10, 12, 24, 29, 33, 46]
    assert cards.parse_cards("E E E1 mermaid mermaid loot2 Loot") == [68, 69, 67, 4, 5, 74, 73]
    assert cards.hand_text([72, 67, 11, 68, 4]) == "Mermaid R1 E E Tigress"
    for text, error in (("R15", "is not a card"), ("R1 R1", "R1 occurs twice"), ("Loot loot Loot", "more")):
        with pytest.raises(BadInput, match=error):
            cards.parse_cards(text)


def test_actions_are_read_as_they_are_written():
    for action in range(N_ACTIONS):
        assert parse_action(f" {action_text(action).upper()} ") == action
    assert [action_text(a) for a in (0, 71, 74, 77, 86, 95, 97, 100, 101)] == [
        *("King", "Tigress(E)", "Tigress(P)", "bid 2", "leader +0", "bet 10", "bid -1", "grapeshot"),
        "cannonball",
    ]
    assert card_of_play(74) == card_of_play(71) == 72
    for wrong in (-1, N_ACTIONS):
        with pytest.raises(BadInput, match="does not exist"):
            action_text(wrong)
    with pytest.raises(BadInput, match="is not an action"):
        parse_action("R15")
