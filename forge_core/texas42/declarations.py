"""The ten declarations: which dominoes each one calls, and whether they are trumps."""

from __future__ import annotations

from forge_core.errors import BadInput
from forge_core.ranges import as_integer
from forge_core.texas42.dominoes import PIPS, is_double

NAMES: tuple[str, ...] = (
    "blanks",
    "ones",
    "twos",
    "threes",
    "fours",
    "fives",
    "sixes",
    "doubles-trump",
    "doubles-suit",
    "notrump",
)
N_DECLARATIONS = len(NAMES)
DOUBLES_TRUMP, DOUBLES_SUIT, NOTRUMP = 7, 8, 9
CONTRACTS = {
    "all": tuple(range(N_DECLARATIONS)),
    "tournament": tuple(decl for decl in range(N_DECLARATIONS) if decl != DOUBLES_SUIT),
}
"""the declarations by the rules of play; sanctioned tournaments have no doubles as a suit of their own"""


def is_called(domino: int, decl: int) -> bool:
    """Return True if the domino is in the declaration's called set."""
    if decl < DOUBLES_TRUMP:
        return decl in PIPS[domino]
    return decl != NOTRUMP and is_double(domino)


def has_trump_power(decl: int) -> bool:
    """Return True if the called set beats every other suit: always, except in doubles-suit and notrump."""
    return decl <= DOUBLES_TRUMP


def parse_declaration(text: str | int) -> int:
    """Return the declaration for a name or a number 0..9. Raises BadInput for anything else."""
    name = str(text).strip().lower()
    if name in NAMES:
        return NAMES.index(name)
    if name.isdecimal() and int(name) < N_DECLARATIONS:
        return int(name)
    raise BadInput(f"unknown declaration {text!r}: use 0..9 or one of {', '.join(NAMES)}")


def parse_contracts(text: str) -> tuple[int, ...]:
    """Return the declarations of `all` or `tournament`. Raises BadInput for another name."""
    name = text.strip().lower()
    if name not in CONTRACTS:
        raise BadInput(f"contracts {text!r}: use {' or '.join(CONTRACTS)}")
    return CONTRACTS[name]


def check_declaration(decl: int) -> int:
    """Return the declaration; raise BadInput unless it is 0..9."""
    number = as_integer(decl)
    if number is None or not 0 <= number < N_DECLARATIONS:
        raise BadInput(f"declaration {decl!r} does not exist: use 0..{N_DECLARATIONS - 1}")
    return number
