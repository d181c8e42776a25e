"""The kinds of data that Texas 42 keeps in a store, for `forge doctor`.

It reads the footers of shards, games and boards and the manifests of rows, but only the names of bidding
tables, whose footers make up most of the file. The code for a kind is imported only if the store has a
folder of that kind.
"""

from __future__ import annotations

from collections import defaultdict

from forge_core.errors import BadInput, FileCorrupt
from forge_core.files import Store
from forge_core.files.holdings import Fault, Holding, Stock, StorePart, size_of, stock_of_rows
from forge_core.ranges import ranges_text
from forge_core.splits import BLOCK_SIZE, Split, split_of
from forge_core.texas42.folders import (
    BIDDING_FOLDER,
    GAME_ROWS_FOLDER,
    GAMES_FOLDER,
    GOLDEN_SHARDS,
    MARGINALIZED_SHARDS,
    MATCHES_FOLDER,
    STANDARD_SHARDS,
    TOKENS_FOLDER,
)


def _shards(root: Store, whole: bool) -> Stock:
    from forge_core.texas42.oracle.catalog import take_stock

    return take_stock(root, whole, remake_golden=lambda key: "fill golden_shards again")


def _shards_to_dict(holding: Holding) -> dict:
    from forge_core.texas42.oracle.catalog import holding_to_dict

    return holding_to_dict(holding)


def _games(root: Store, whole: bool) -> Stock:
    from forge_core.texas42.eq.catalog import take_stock

    return take_stock(root)


def _rows_of_shards(root: Store, whole: bool) -> Stock:
    from forge_core.texas42.tokens.splits import TOKEN_ROWS

    return stock_of_rows(TOKEN_ROWS, root, "forge tokenize")


def _rows_of_games(root: Store, whole: bool) -> Stock:
    from forge_core.texas42.eq.splits import GAME_ROWS

    return stock_of_rows(GAME_ROWS, root, "forge tokenize", BLOCK_SIZE)


def _tables(root: Store, whole: bool) -> Stock:
    from forge_core.files.catalog import find_keys
    from forge_core.texas42.bidding.records import TABLES, TableKey

    found, faults = find_keys(TABLES, root, BIDDING_FOLDER)
    by_split: dict[Split, list[TableKey]] = defaultdict(list)
    for split, key in found:
        by_split[split].append(key)
    holdings = []
    for split, keys in by_split.items():
        nbytes = size_of(root.join(BIDDING_FOLDER, split), [key.filename for key in keys])
        seeds = ranges_text(key.seed for key in keys)
        holdings.append(Holding(BIDDING_FOLDER, split, len(keys), len(keys), nbytes, seeds, ()))
    return Stock(tuple(holdings), tuple(faults))


def _boards(root: Store, whole: bool) -> Stock:
    """Return the holdings of boards for each split, with all seatings together."""
    from forge_core.texas42.arena.boards import BLOCKS, BlockKey

    matches = root.join(MATCHES_FOLDER)
    by_split: dict[Split, list[tuple[BlockKey, int]]] = {split: [] for split in Split}
    faults = []
    for seating in matches.folders():
        for name in matches.join(seating).names():
            path = f"{MATCHES_FOLDER}/{seating}/{name}"
            try:
                key = BLOCKS.parse_name(name, seating)
                by_split[split_of(key.seed)].append((key, BLOCKS.read_header(matches, key).boards))
            except BadInput as error:
                faults.append(Fault(path, str(error)))
            except FileCorrupt as error:
                faults.append(Fault(path, f"{error.reason}; {error.remedy}"))
    holdings = [
        Holding(
            MATCHES_FOLDER,
            split,
            files=len(files),
            rows=sum(boards for _, boards in files),
            nbytes=size_of(matches, [f"{key.folder}/{key.filename}" for key, _ in files]),
            seeds=ranges_text(key.seed + k for key, _ in files for k in range(BLOCK_SIZE)),
            versions=tuple(sorted({key.folder for key, _ in files})),
        )
        for split, files in by_split.items()
        if files
    ]
    return Stock(tuple(holdings), tuple(faults))


PARTS = (
    StorePart((STANDARD_SHARDS, MARGINALIZED_SHARDS, GOLDEN_SHARDS), _shards, "shards", _shards_to_dict),
    StorePart((GAMES_FOLDER,), _games),
    StorePart((TOKENS_FOLDER,), _rows_of_shards),
    StorePart((GAME_ROWS_FOLDER,), _rows_of_games),
    StorePart((BIDDING_FOLDER,), _tables),
    StorePart((MATCHES_FOLDER,), _boards),
)
