"""Random games of Skull King for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from forge_core.game import choose
from forge_core.skull_king import actions
from forge_core.skull_king.deals import game_keys
from forge_core.skull_king.rules import Rules
from forge_core.skull_king.state import doors, kernels
from forge_core.skull_king.state import layout as at
from forge_core.streams import stream

EVERY_OPTION = {
    "printed": Rules.printed(),
    "print of 2021": Rules.print_2021(abilities=True, harry="round_end", loot="last_card"),
    "engine": Rules.engine(abilities=True),
    "abilities": Rules.printed(abilities=True),
    "rascal": Rules.printed(scoring="rascal"),
    "cannonball": Rules.printed(scoring="rascal", cannonball=True, abilities=True),
    "small deck": Rules.printed(advanced=("loot",), ghost=False, tigress_bonus=False),
}
"""Rules that use each value of each option at least once"""


def begin(rules: Rules, seats: int, games: int, round: int = 1, seed: int = 0) -> np.ndarray:
    """Return rows of new games."""
    keys = game_keys(seed, np.arange(games))
    return doors.start_rows(keys, np.full(games, round), at.options_of(rules, seats))


def random_play(
    rules: Rules, seats: int, games: int, round: int = 1, last: int = 10
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield (rows, legal actions, actions taken) of random games, from a round to the last one."""
    options, generator = at.options_of(rules, seats, last), stream(1, "skull king", "tests")
    rows = begin(rules, seats, games, round)
    while (legal := doors.legal_mask(rows, options)).any():
        taken = choose(legal, generator.random(games))
        yield rows, legal, taken
        rows = doors.go_on(doors.step_rows(rows, taken, options), options)


def random_trick(generator: np.random.Generator) -> tuple[list[int], str]:
    """Return a trick of 2..8 cards in which specials are frequent, and how its Tigress was played."""
    weights = np.ones(74)
    weights[[0, 1, 2, 71]] = 6
    weights[3:10] = 2
    n = int(generator.integers(2, 9))
    cards = generator.choice(74, n, replace=False, p=weights / weights.sum()) + 1
    return cards.tolist(), ("pirate", "escape")[generator.integers(2)]


def turned(rows: np.ndarray, seats: int) -> np.ndarray:
    """Return the rows with everything moved one seat on."""
    rows = rows.copy()
    for column in range(at.BIDS, at.WIDTH, actions.MOST_SEATS):
        if column != at.TABLE:
            rows[:, column : column + seats] = np.roll(rows[:, column : column + seats], 1, 1)
    for column in (at.LEADER, at.STARTER, at.ACTOR, at.HARRY_SEAT, at.JADE_SEAT, at.BENDT_SEAT):
        moved = np.where(rows[:, column] < seats, (rows[:, column] + 1) % seats, rows[:, column])
        rows[:, column] = np.where(rows[:, column] < 0, at.NOBODY, moved)
    for pair in range(2):
        columns = slice(at.LOOT + 2 * pair, at.LOOT + 2 * pair + 2)
        made = rows[:, [at.N_LOOT]] > pair
        rows[:, columns] = np.where(made, (rows[:, columns] + 1) % seats, rows[:, columns])
    return rows


def hide_cards(seats: int, rules: Rules) -> Callable[[np.ndarray, int, np.random.Generator], np.ndarray]:
    """Return a function that redeals the cards that a seat does not know, and changes other secrets.

    Voids that were shown are respected, so that the redealt rows are possible.
    """
    options = at.options_of(rules, seats)
    hands = int(options[at.O_HANDS])

    def redealt(rows: np.ndarray, seat: int, generator: np.random.Generator) -> np.ndarray:
        rows = rows.copy()
        for row in rows:
            others = [hand for hand in range(hands) if hand != seat]
            held = [at.cards_of(row[at.NUMBERS + hand], row[at.SPECIALS + hand]) for hand in others]
            left = at.cards_of(*kernels.undealt(row, options))
            if row[at.JADE_SEAT] == seat:
                left = [
                    card
                    for card in left
                    if card not in at.cards_of(*row[[at.JADE_NUMBERS, at.JADE_SPECIALS]])
                ]
            pool = generator.permutation([card for cards in (*held, left) for card in cards]).tolist()
            voids = [int(row[at.VOIDS + hand]) if hand < seats else 0 for hand in others]
            for hand, cards, void in sorted(
                zip(others, held, voids, strict=True), key=lambda t: -t[2].bit_count()
            ):
                fits = [card for card in pool if not (11 <= card <= 66 and void >> (card - 11) // 14 & 1)]
                new = fits[: len(cards)] if len(fits) >= len(cards) else cards
                if not set(new) <= set(pool):
                    return rows
                pool = [card for card in pool if card not in new]
                row[at.NUMBERS + hand], row[at.SPECIALS + hand] = at.words_of(new)
                if hand == seats:
                    row[at.GHOST + 10 - len(new) : at.GHOST + 10] = 0
                    first = int(row[at.DEALT]) - len(new)
                    row[at.GHOST + first : at.GHOST + first + len(new)] = new
            row[at.KEY] = generator.integers(2**62)
            if row[at.PHASE] <= actions.LOAD:
                for other in range(seats):
                    if other != seat and row[at.BIDS + other] >= 0:
                        row[at.BIDS + other] = generator.integers(row[at.DEALT] + 1)
        return rows

    return redealt
