"""Generations of self-play games in a store: filling one, listing all, and reading the last ones for
training.

A generation is filled file by file: a run that is killed keeps every file that it has written, and the next
one plays only the games of those that are missing, damaged or made with other settings.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from forge_core.errors import BadInput, FileCorrupt, ForgeError, StoreUnusable
from forge_core.files import Store, fingerprint
from forge_core.files.catalog import Fault, read_or_fault
from forge_core.files.filling import Outcome, fill
from forge_core.files.holdings import Holding, Stock, size_of
from forge_core.liuzhou.files import (
    FOLDER,
    GAMES,
    Games,
    GamesHeader,
    GamesKey,
    keys_of,
    write_games,
)
from forge_core.liuzhou.settings.generation import generation_name
from forge_core.liuzhou.state.layout import COUNT_MASK, COUNT_SHIFT
from forge_core.ranges import ranges_text
from forge_core.splits import Split

Play = Callable[[Sequence[GamesKey]], Iterator[tuple[GamesKey, Games]]]
"""plays the games of some files: yields each file as soon as the last of its games has ended"""


@dataclass(frozen=True, slots=True)
class GamesReport:
    """The outcome of one file of games."""

    key: GamesKey
    made: bool
    """False if it existed already or could not be made"""
    nbytes: int = 0
    error: str | None = None
    """why it could not be made, and what to do; None if there was no error"""
    replaced: bool = False
    """True if it replaced a file that was damaged or made with other settings"""


def fill_generation(
    root: Store, generation: int, games: int, settings: Mapping[str, Any], play: Play, *, verify: bool = False
) -> Generator[GamesReport, None, None]:
    """Play the games of a generation that the store lacks; yield a report on each file as soon as there is
    one.

    root: the store's root. games: their number; the last file is filled up. settings: everything that the
    games depend on besides their numbers, in JSON types, with the `version` of self-play. verify: read whole
    files, not only footers. Raises BadInput, StoreUnusable, and what `play` raises.
    """
    place, keys = root.join(FOLDER), keys_of(generation, games)

    def write(key: GamesKey, of_file: Games) -> int:
        return write_games(root, key, of_file, sum(len(key.games) for key in keys), settings)

    found: Generator[Outcome[GamesKey, GamesHeader, int], None, None]
    found = fill(GAMES, place, keys, fingerprint(dict(settings)), play, write, verify=verify)
    with closing(found):
        for outcome in found:
            if isinstance(outcome.error, StoreUnusable) or not isinstance(outcome.error, ForgeError | None):
                raise outcome.error
            if outcome.made is not None:
                replaced = not outcome.before.is_missing
                yield GamesReport(outcome.key, True, outcome.made, replaced=replaced)
            elif outcome.error:
                yield GamesReport(outcome.key, False, error=outcome.reason)
            else:
                nbytes = place.join(outcome.key.folder).size(outcome.key.filename)
                yield GamesReport(outcome.key, False, nbytes)


def read_generation(root: Store, generation: int) -> Games:
    """Return all games of a generation that the store holds, verified. Raises BadInput, FileCorrupt."""
    found = [entry.key for entry in read_catalog(root).of(generation).entries]
    if not found:
        raise BadInput(
            f"{root.join(FOLDER).url} holds no games of {generation_name(generation)}: play them first with "
            "forge liuzhou selfplay"
        )
    return join([GAMES.read(root.join(FOLDER), key) for key in found])


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of some games."""

    games: int
    positions: int
    taught: int
    """positions whose search was a full one"""
    black_won: int
    white_won: int
    drawn: int
    plies: float
    """actions per game, the random opening included"""
    lead: float
    """mean difference in stones at the end of a game, without its sign"""

    @classmethod
    def of(cls, games: Games) -> Summary:
        """Return the figures of whole games."""
        last = games.take(games.ends)
        return cls(
            games=len(last),
            positions=len(games),
            taught=int(games.taught.sum()),
            black_won=int((last.result == 1).sum()),
            white_won=int((last.result == -1).sum()),
            drawn=int((last.result == 0).sum()),
            plies=float((last.rows[:, 3] >> COUNT_SHIFT & COUNT_MASK).mean()) + 1,
            lead=float(np.abs(last.difference).mean()),
        )


def join(parts: Sequence[Games]) -> Games:
    """Return the positions of several files, one after another."""
    return Games(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Games)))


def planned_games(root: Store, generation: int) -> int:
    """Return the planned number of games in a generation, read from its files; 0 without a valid file."""
    place, name = root.join(FOLDER), generation_name(generation)
    found = 0
    for filename in place.join(name).names():
        try:
            found = max(found, GAMES.read_header(place, GamesKey.parse(filename, name)).of)
        except ForgeError:
            continue  # the catalog reports it
    return found


# --- listing ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GamesEntry:
    """A valid file of games, as its footer describes it."""

    key: GamesKey
    header: GamesHeader


@dataclass(frozen=True, slots=True)
class GamesCatalog:
    """The files of games of a store."""

    entries: tuple[GamesEntry, ...]
    """sorted by generation, then by the number of the first game"""
    faults: tuple[Fault, ...]
    """the other files in these folders, and why they are not valid"""

    @property
    def generations(self) -> list[int]:
        """Numbers of the generations that have a file, ascending."""
        return sorted({entry.key.generation for entry in self.entries})

    @property
    def version(self) -> str:
        """16 hex digits, equal for the same games."""
        return fingerprint(
            {f"{entry.key.folder}/{entry.key.filename}": entry.header.digest for entry in self.entries}
        )

    def of(self, generation: int) -> GamesCatalog:
        """Return the files of one generation."""
        return GamesCatalog(
            tuple(entry for entry in self.entries if entry.key.generation == generation), self.faults
        )

    def window(self, positions: int, last: int | None = None) -> GamesCatalog:
        """Return the files of the last whole generations that together hold `positions`, or all files.

        last: number of the last generation to use; None: the newest.
        """
        chosen: list[GamesEntry] = []
        for generation in reversed(self.generations):
            if last is not None and generation > last:
                continue
            if sum(entry.header.positions for entry in chosen) >= positions:
                break
            chosen += [entry for entry in self.entries if entry.key.generation == generation]
        kept = tuple(sorted(chosen, key=_place))
        return GamesCatalog(kept, self.faults)


def read_catalog(root: Store) -> GamesCatalog:
    """List the files of games in a store by their footers. root: the store's root. Raises StoreUnusable."""
    place = root.join(FOLDER)
    names = [(folder, name) for folder in place.folders() for name in place.join(folder).names()]

    def read(named: tuple[str, str]) -> GamesEntry:
        folder, name = named
        key = GamesKey.parse(name, folder)
        return GamesEntry(key, GAMES.read_header(place, key))

    entries, faults = read_or_fault(names, read, lambda named: "/".join((FOLDER, *named)))
    return GamesCatalog(tuple(sorted(entries, key=_place)), faults)


def take_stock(root: Store, whole: bool = False) -> Stock:
    """Return the games that a store holds, where a row is a position, and the faulty files.

    whole: read whole files, not only footers.
    """
    catalog = read_catalog(root)
    faults = list(catalog.faults)
    for entry in catalog.entries if whole else ():
        try:
            GAMES.read(root.join(FOLDER), entry.key)
        except FileCorrupt as error:
            faults.append(Fault(f"{FOLDER}/{entry.key.folder}/{entry.key.filename}", str(error)))
    if not catalog.entries:
        return Stock((), tuple(faults))
    names = [f"{entry.key.folder}/{entry.key.filename}" for entry in catalog.entries]
    holding = Holding(
        FOLDER,
        Split.TRAIN,
        files=len(names),
        rows=sum(entry.header.positions for entry in catalog.entries),
        nbytes=size_of(root.join(FOLDER), names),
        seeds=f"generation{'' if len(catalog.generations) == 1 else 's'} {ranges_text(catalog.generations)}",
        versions=tuple(sorted({entry.header.fingerprint for entry in catalog.entries})),
    )
    return Stock((holding,), tuple(faults))


def _place(entry: GamesEntry) -> tuple[int, int]:
    return entry.key.generation, entry.key.first
