"""Stage 2 rows on disk: `tokenized-eq/{train,val}/`, packed from the games of a store.

A packed game takes 1.8 kB (its Parquet file about 20 kB): the hands, the plays, and the estimates of its
28 decisions. Transcripts are encoded when rows are read. One file holds the games of BLOCK_SIZE
consecutive seeds (see `forge_core.files.row_store`). When new games of these seeds appear, games that
are already packed are reused.
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
from forge_core.texas42.tokens.inferences import STAGE2_SPEC, infer
from forge_core.texas42.tokens.splits import is_held_out
from forge_core.texas42.tokens.transcript import encode_rows

GAME_ROWS_VERSION = "r2"
"""Raised when a game gives different rows, or when the file format changes"""

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
"""settings: their fingerprint; the last three fields as in `spec.Rows`"""

_Games = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class GameRowConfig:
    """Settings that select the games to make rows from."""

    games: str = GAMES_FOLDER
    """folder of the games, relative to the root of the store"""


@dataclass(frozen=True, slots=True)
class GameFile:
    """A file with the rows of games with consecutive seeds."""

    name: str
    """`seeds_00000100.0123456789abcdef.npy`"""
    first_seed: int
    games: int
    settings: dict[str, int]
    """fingerprint of settings -> number of games made with them"""
    rows: int
    hash: str
    """16 hex digits: hash of the file's bytes"""

    @property
    def belongs_to(self) -> str:
        """The split of the file's seeds."""
        return split_of(self.first_seed)


@dataclass(frozen=True, slots=True)
class _Task:
    """Games to be packed into one file."""

    name: str
    first_seed: int
    games: tuple[tuple[ShardKey, str], ...]
    """the games, each with the fingerprint of its settings"""
    earlier: GameFile | None
    """a file that already holds some of them"""


def kept_games(games: Store, split: Split) -> list[ShardKey]:
    """Return the games in a store of games that are held out from training, for evaluation.

    In val these are the games of the benchmark's seeds; in test, which is sealed, all games. Raises
    BadInput if there are none.
    """
    kept = [key for key in keys_in(GAMES, games, split) if is_held_out(key) or key.split is Split.TEST]
    if not kept:
        seeds = BENCHMARK_SEEDS.get(split, ())
        which = f"{min(seeds)}-{max(seeds)}" if seeds else "of the val or test split"
        raise BadInput(
            f"{games.join(split).url} has no games for evaluation: play seeds {which} with forge eq"
        )
    return kept


def judged_rows(games: Store, keys: Sequence[ShardKey]) -> Generator[Rows, None, None]:
    """Yield the rows of each game, for evaluation only; `deal` is the index of the game in `keys`."""
    for place, key in enumerate(keys):
        rows = collate([read_game(games, key)], final=True)
        yield replace(rows, deal=np.full(len(rows), place, dtype=np.int32))


def _list_games(
    root: Store, split: Split, config: GameRowConfig, known: Mapping[str, GameFile]
) -> list[_Task]:
    """Return a task for each file of a split's rows.

    Raises BadInput for test, which is sealed, and for a game of another split; SplitEmpty if the split has
    no games; FileCorrupt for an unreadable game.
    """
    if split is Split.TEST:
        raise BadInput("games of the test split are sealed and must not be trained on: use train and val")
    games = root.join(config.games)
    keys = [key for key in keys_in(GAMES, games, split) if not is_held_out(key)]
    if not keys:
        folder, others, seeds = games.join(split).url, "", ""
        if split is Split.VAL:
            others, seeds = " apart from the benchmark's", f" --seeds {ranges_text(WATCHED_SEEDS)}"
        raise SplitEmpty(f"{folder} has no games to train on{others}: make some with forge eq{seeds}")
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
    """Pack the games of a task: reuse those in the earlier file, and read the others."""
    games, earlier = root.join(config.games), np.empty(0, _GAME)
    if task.earlier:
        with suppress(BadInput):  # if it is missing or damaged, read all games again
            earlier = GAME_ROWS.read(folder, task.earlier)
    packed = {_identity(game): game for game in earlier}
    missing = [read_game(games, game[0]) for game in task.games if game not in packed]
    packed |= {_identity(game): game for game in (_pack(missing) if missing else ())}
    if changed := [key.filename for key, settings in task.games if (key, settings) not in packed]:
        raise BadInput(f"{changed[0]} was played again while it was read: run {GAME_ROWS.command} again")
    together = np.array([packed[game] for game in task.games], dtype=_GAME)
    data = io.BytesIO()
    np.save(data, together, allow_pickle=False)
    return data.getvalue()


def _pack(records: Sequence[GameRecord]) -> _Games:
    """Return games in packed form. Raises BadInput if a game's rows are invalid."""
    rows, games = collate(records), np.zeros(len(records), dtype=_GAME)
    for name in ("seed", "decl", "hands", "plays"):
        games[name] = [getattr(record, name) for record in records]
    games["settings"] = [record.fingerprint.encode() for record in records]
    games["players"] = [record.decisions.player for record in records]
    for name in ("q", "variance", "ess"):
        games[name] = getattr(rows, name).reshape(games[name].shape)
    return games


def _identity(game: np.void) -> tuple[ShardKey, str]:
    """Return the key of a packed game and the fingerprint of its settings."""
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
        raise ValueError("its games are not the expected ones")
    return file


def _parse(data: bytes, file: GameFile) -> _Games:
    """Return the games in a file. Raises ValueError if the bytes do not match the file's record."""
    games, end = read_array(data, _GAME)
    if games.shape != (file.games,) or end != len(data):
        raise ValueError("it does not have the expected number of games")
    if (games["seed"] // BLOCK_SIZE * BLOCK_SIZE != file.first_seed).any():
        raise ValueError("its seeds are not those in its name")
    if any(is_held_out(_identity(game)[0]) for game in games):
        raise ValueError("it holds games of the benchmark")
    return games


@dataclass(frozen=True, slots=True, eq=False)
class PackedGames:
    """N decisions of G games."""

    games: _Games
    """[G]"""
    number: npt.NDArray[np.int32]
    """[G] number of each game in its store"""
    decision: npt.NDArray[np.int64]
    """[N] index of the game in `games`, times 28, plus the number of plays made"""

    def __len__(self) -> int:
        return len(self.decision)

    def take(self, index) -> PackedGames:
        """Return the decisions at `index`, with all games."""
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
        """Open the split. out: the root of the store. Raises BadInput like `RowStore.open`."""
        super().__init__(GAME_ROWS, out, split)
        self._first = np.cumsum([0, *(file.games for file in self.files)])

    def read(self, number: int) -> PackedGames:
        """Return the decisions of a file. Raises BadInput if its bytes do not match the manifest."""
        games = self.read_file(number)
        numbers = self._first[number] + np.arange(len(games))
        return PackedGames(games, numbers.astype(np.int32), np.arange(len(games) * N_PLAYS))

    def identities(self, number: int) -> list[tuple[ShardKey, str]]:
        """Return the games of a file with the fingerprints of their settings. Raises BadInput if damaged."""
        return [_identity(game) for game in self.read(number).games]

    def join(self, parts: Sequence[PackedGames]) -> PackedGames:
        """Concatenate several sets of decisions."""
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
        """Return encoded rows; `deal` is the number of their game. Raises BadInput for invalid rows."""
        game, made = np.divmod(packed.decision, N_PLAYS)
        games = packed.games
        seat, decl = games["players"][game, made], games["decl"][game]
        told = games["hands"][game, seat], decl, seat, games["plays"][game], games["players"][game], made
        tokens = infer(encode_rows(*told))
        q = games["q"][game, made]
        if ((q != ILLEGAL) != tokens.legal).any():
            raise BadInput(
                f"{self.url} has wrong rows (the legal slots of Q differ from those of the rules): "
                "make them again with forge tokenize --stage 2"
            )
        return Rows(
            tokens=tokens.tokens,
            mask=tokens.mask,
            legal=tokens.legal,
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
        """Return all rows, or n of them (see `some_rows`); `deal` is the number of their game."""
        return some_rows(self, n, seed)
