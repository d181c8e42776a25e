"""Stage-2 rows on disk: `tokenized-eq/{train,val}/`, packed from the games of a store.

A game is a record of 1.8 kB, where its Parquet file has some 20: who held what, what was
played, and what was expected at each of its 28 decisions; transcripts are encoded when rows
are read. One file holds the games of BLOCK_SIZE seeds that follow each other (see
`forge_core.files.row_store`); new games of these seeds are added to what was packed of the others.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.files import Store, fingerprint
from forge_core.files.arrays import read_array
from forge_core.files.catalog import keys_in
from forge_core.files.inspection import READERS
from forge_core.files.row_store import OpenRows, RowStore, SplitEmpty, hash_of
from forge_core.learning.labelled.rows import ILLEGAL, Rows
from forge_core.learning.labelled.stored import some_rows
from forge_core.ranges import ranges_text
from forge_core.splits import BLOCK_SIZE, Split, split_of
from forge_core.texas42.benchmark import BENCHMARK_SEEDS, WATCHED_SEEDS
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS, N_SEATS
from forge_core.texas42.eq.files import GAMES, read_game, read_header
from forge_core.texas42.eq.records import GameRecord
from forge_core.texas42.eq.rows import collate
from forge_core.texas42.folders import GAME_ROWS_FOLDER, GAMES_FOLDER
from forge_core.texas42.oracle.shards import ShardKey
from forge_core.texas42.tokens.splits import is_held_out
from forge_core.texas42.tokens.transcript import STAGE2_SPEC, encode_rows

GAME_ROWS_VERSION = "r2"
"""Raised when other rows are made of a game, or files look different."""

_GAME = np.dtype(
    [
        ("seed", "<i8"),
        ("decl", "i1"),
        ("settings", "S16"),
        ("hands", "i1", (N_SEATS, HAND_SIZE)),
        ("plays", "i1", (N_PLAYS,)),
        ("players", "i1", (N_PLAYS,)),
        ("q", "<f4", (N_PLAYS, HAND_SIZE)),
        ("variance", "<f4", (N_PLAYS, HAND_SIZE)),
        ("ess", "<f4", (N_PLAYS,)),
    ]
)
"""settings: their fingerprint; the last three as in `spec.Rows`"""

_Games = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class GameRowConfig:
    """The choice of games that rows are made from."""

    games: str = GAMES_FOLDER
    """the folder below the root of the store in which they lie"""


@dataclass(frozen=True, slots=True)
class GameFile:
    """The rows of the games of some seeds."""

    name: str
    """`seeds_00000100.0123456789abcdef.npy`"""
    first_seed: int
    games: int
    settings: dict[str, int]
    """how many games were made with settings of which fingerprint"""
    rows: int
    hash: str
    """16 hex digits of the file's bytes"""

    @property
    def belongs_to(self) -> str:
        """The split of its seeds."""
        return split_of(self.first_seed)


@dataclass(frozen=True, slots=True)
class _Task:
    """Games that are to be packed into one file."""

    name: str
    first_seed: int
    games: tuple[tuple[ShardKey, str], ...]
    """each with the fingerprint of its settings"""
    earlier: GameFile | None
    """which holds some of them"""


def kept_games(games: Store, split: Split) -> list[ShardKey]:
    """The games in a store of games that no network learns from or is watched by, for its evaluation.

    Of val those of the benchmark's seeds; of test, which is sealed, all. BadInput for none.
    """
    kept = [key for key in keys_in(GAMES, games, split) if is_held_out(key) or key.split is Split.TEST]
    if not kept:
        seeds = BENCHMARK_SEEDS.get(split, ())
        which = f"{min(seeds)}-{max(seeds)}" if seeds else "of val, or test"
        raise BadInput(f"{games.join(split).url} has no games to judge by: play seeds {which} with forge eq")
    return kept


def judged_rows(games: Store, keys: Sequence[ShardKey]) -> Generator[Rows, None, None]:
    """The rows of each of these games, for evaluation alone; `deal` is its place in `keys`."""
    for place, key in enumerate(keys):
        rows = collate([read_game(games, key)], final=True)
        yield replace(rows, deal=np.full(len(rows), place, dtype=np.int32))


def _list_games(
    root: Store, split: Split, config: GameRowConfig, known: Mapping[str, GameFile]
) -> list[_Task]:
    """Return a task for every file of the rows of a split.

    Raises BadInput for test, which is sealed, and for a game of another split, SplitEmpty for a split
    without games, FileCorrupt for a game that cannot be read.
    """
    if split is Split.TEST:
        raise BadInput("games of test are sealed, and no rows to learn from: use train and val")
    games = root.join(config.games)
    keys = [key for key in keys_in(GAMES, games, split) if not is_held_out(key)]
    if not keys:
        folder, beside, seeds = games.join(split).url, "", ""
        if split is Split.VAL:
            beside, seeds = " beside those of the benchmark", f" --seeds {ranges_text(WATCHED_SEEDS)}"
        raise SplitEmpty(f"{folder} has no games to learn from{beside}: make some with forge eq{seeds}")
    with ThreadPoolExecutor(READERS, "games") as pool:
        found = list(zip(keys, pool.map(lambda key: read_header(games, key).fingerprint, keys), strict=True))
    by_seed = {file.first_seed: file for file in known.values()}
    found.sort(key=lambda game: (game[0].seed, game[0].decl))
    tasks = []
    for block, members in groupby(found, key=lambda game: game[0].seed // BLOCK_SIZE):
        first_seed, together = block * BLOCK_SIZE, tuple(members)
        packed = [[key.filename, settings] for key, settings in together]
        name = f"seeds_{first_seed:08d}.{fingerprint({'version': GAME_ROWS_VERSION, 'games': packed})}.npy"
        tasks.append(_Task(name, first_seed, together, by_seed.get(first_seed)))
    return tasks


def _make(root: Store, folder: Store, config: GameRowConfig, task: _Task) -> bytes:
    """Pack the games of a task: those of the earlier file as they are, the others read."""
    games, earlier = root.join(config.games), np.empty(0, _GAME)
    if task.earlier:
        with suppress(BadInput):  # lost or damaged: all are read again
            earlier = GAME_ROWS.read(folder, task.earlier)
    packed = {_identity(game): game for game in earlier}
    together = np.empty(len(task.games), _GAME)
    for place, game in enumerate(task.games):
        together[place] = packed[game] if game in packed else _pack(read_game(games, game[0]))
    data = io.BytesIO()
    np.save(data, together, allow_pickle=False)
    return data.getvalue()


def _pack(record: GameRecord) -> np.void:
    """Return a game as it is stored. Raises BadInput for one whose rows are wrong."""
    rows, game = collate([record]), np.zeros(1, dtype=_GAME)[0]
    game["seed"], game["decl"], game["settings"] = record.seed, record.decl, record.fingerprint.encode()
    game["hands"], game["plays"], game["players"] = record.hands, record.plays, record.decisions.player
    game["q"], game["variance"], game["ess"] = rows.q, rows.variance, rows.ess
    return game


def _identity(game: np.void) -> tuple[ShardKey, str]:
    """Return the key of the game, and the fingerprint of its settings."""
    return ShardKey(int(game["seed"]), int(game["decl"])), game["settings"].decode()


def _describe(task: _Task, data: bytes) -> GameFile:
    settings = [of_game for _, of_game in task.games]
    file = GameFile(
        name=task.name,
        first_seed=task.first_seed,
        games=len(settings),
        settings={each: settings.count(each) for each in sorted(set(settings))},
        rows=len(settings) * N_PLAYS,
        hash=hash_of(data),
    )
    if tuple(map(_identity, _parse(data, file))) != task.games:
        raise ValueError("it holds other games than it should")
    return file


def _parse(data: bytes, file: GameFile) -> _Games:
    """The games of a file. Raises ValueError for bytes that are none of its."""
    games, end = read_array(data, _GAME)
    if games.shape != (file.games,) or end != len(data):
        raise ValueError("it is not as many games as it should be")
    if (games["seed"] // BLOCK_SIZE * BLOCK_SIZE != file.first_seed).any():
        raise ValueError("it holds other seeds than its name says")
    if any(is_held_out(_identity(game)[0]) for game in games):
        raise ValueError("it holds games of the benchmark")
    return games


@dataclass(frozen=True, slots=True, eq=False)
class PackedGames:
    """N decisions of G games."""

    games: _Games
    """[G]"""
    number: npt.NDArray[np.int32]
    """[G] of each game in its store"""
    decision: npt.NDArray[np.int64]
    """[N] place of a game here, times 28, plus plays made"""

    def __len__(self) -> int:
        return len(self.decision)

    def take(self, index) -> PackedGames:
        """The decisions at `index`, of the same games."""
        return PackedGames(self.games, self.number, self.decision[index])


GAME_ROWS: RowStore[GameRowConfig, GameFile, _Task, _Games] = RowStore(
    folder=GAME_ROWS_FOLDER,
    version=GAME_ROWS_VERSION,
    spec=STAGE2_SPEC,
    config=GameRowConfig,
    file=GameFile,
    command="forge tokenize --stage 2",
    list_tasks=_list_games,
    make=_make,
    describe=_describe,
    parse=_parse,
)


class GameRowStore(OpenRows[GameRowConfig, GameFile, _Games]):
    """A split on disk, opened for reading: a PackedStore."""

    spec = STAGE2_SPEC

    def __init__(self, out: Store, split: Split) -> None:
        """out: the root of the store. Raises BadInput as `RowStore.open`."""
        super().__init__(GAME_ROWS, out, split)
        self._first = np.cumsum([0, *(file.games for file in self.files)])

    def read(self, number: int) -> PackedGames:
        """The decisions of a file, its bytes compared with the manifest. Raises BadInput."""
        games = self.read_file(number)
        numbers = self._first[number] + np.arange(len(games))
        return PackedGames(games, numbers.astype(np.int32), np.arange(len(games) * N_PLAYS))

    def identities(self, number: int) -> list[tuple[ShardKey, str]]:
        """Return the games of a file, each with the fingerprint of its settings. Raises BadInput."""
        return [_identity(game) for game in self.read(number).games]

    def join(self, parts: Sequence[PackedGames]) -> PackedGames:
        """Several as one."""
        if len(parts) == 1:
            return parts[0]
        before = np.cumsum([0, *(len(part.games) for part in parts)])
        decisions = [part.decision + start * N_PLAYS for part, start in zip(parts, before, strict=False)]
        return PackedGames(
            np.concatenate([part.games for part in parts]),
            np.concatenate([part.number for part in parts]),
            np.concatenate(decisions),
        )

    def unpack(self, packed: PackedGames, files: Sequence[int] = ()) -> Rows:
        """Rows, with `deal` the number of their game. Raises BadInput where q is not of the legal plays."""
        game, made = np.divmod(packed.decision, N_PLAYS)
        games = packed.games
        seat, decl = games["players"][game, made], games["decl"][game]
        told = encode_rows(
            games["hands"][game, seat], decl, seat, games["plays"][game], games["players"][game], made
        )
        q = games["q"][game, made]
        if ((q != ILLEGAL) != told.legal).any():
            raise BadInput(
                f"{self.url}: rows are wrong: q is not legal exactly where the rules allow a play; "
                "make them again with forge tokenize --stage 2"
            )
        return Rows(
            tokens=told.tokens,
            mask=told.mask,
            legal=told.legal,
            q=q,
            value=q.max(axis=1),
            weight=np.ones(len(q), dtype=np.float32),
            decl=decl,
            ply=made.astype(np.uint8),
            seat=seat,
            deal=packed.number[game],
            variance=games["variance"][game, made],
            ess=games["ess"][game, made],
        )

    def rows(self, n: int | None = None, seed: int = 0) -> Rows:
        """All rows, or n of them: see `some_rows`. `deal` is the number of the game."""
        return some_rows(self, n, seed)
