"""Filling a store of games: those that are missing are played, the others left as they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from forge_core.device import resolve_device
from forge_core.errors import BadInput, ForgeError
from forge_core.files import Store
from forge_core.texas42.eq.files import missing_games, write_game
from forge_core.texas42.eq.generate import GameConfig, play_games, start_arguments
from forge_core.texas42.eq.oracles import Oracle
from forge_core.texas42.eq.records import fingerprint_of
from forge_core.texas42.games import LOWEST_BID, check_bid, start
from forge_core.texas42.oracle.shards import ShardKey

BATCH = 32
"""games in lockstep"""


@dataclass(frozen=True, slots=True)
class GameReport:
    """What became of one game."""

    key: ShardKey
    made: bool
    """False: it was there already, or could not be played"""
    nbytes: int = 0
    questions: int = 0
    """worlds it asked about, all decisions together"""
    seconds: float = 0.0
    """its share of the time of its batch"""
    error: str | None = None
    """why it could not be played, and what to do; None: all is well"""
    replaced: bool = False
    """played in place of one that was corrupt, or made with other settings"""


def fingerprint_for(oracle: Oracle, config: GameConfig, bid: int = LOWEST_BID) -> str:
    """What the files of such games carry: 16 hex digits."""
    return fingerprint_of(config.settings(oracle) | start_arguments(bid=bid))


def fill_games(
    store: Store,
    keys: Iterable[ShardKey],
    oracle: Oracle,
    config: GameConfig | None = None,
    bid: int = LOWEST_BID,
    batch: int = BATCH,
    device: str = "auto",
    *,
    verify: bool = False,
    on_step: Callable[[int], None] | None = None,
) -> Generator[GameReport, None, None]:
    """Play the games of `keys` that `missing_games` names, seat 0 on lead with the bid; a report on each.

    What is there is reported first, as not made; then `batch` games at a time are played
    together, which bounds the memory. A batch that fails is a report with its error for each
    of its games, and the others go on. on_step: told of each step 0..27 that a
    batch has made. Raises BadInput, DeviceUnavailable and StoreUnusable.
    """
    resolve_device(device)
    check_bid(bid)
    if batch < 1:
        raise BadInput(f"{batch} games at a time: use at least 1")
    config, keys = config or GameConfig(), list(dict.fromkeys(keys))
    missing = missing_games(store, keys, fingerprint_for(oracle, config, bid), verify=verify)
    return _fill(store, keys, missing, oracle, config, bid, batch, device, on_step)


def _fill(
    store: Store,
    keys: list[ShardKey],
    missing: list[ShardKey],
    oracle: Oracle,
    config: GameConfig,
    bid: int,
    batch: int,
    device: str,
    on_step: Callable[[int], None] | None,
) -> Generator[GameReport, None, None]:
    to_play = set(missing)
    names = {split: set(store.join(split).names(".parquet")) for split in {key.split for key in missing}}
    for key in keys:
        if key not in to_play:
            yield GameReport(key, made=False, nbytes=store.join(key.split).size(key.filename))
    for first in range(0, len(missing), batch):
        together = missing[first : first + batch]
        games = start([key.deal() for key in together], [key.decl for key in together], bids=bid)
        begun = time.perf_counter()
        try:
            records = play_games(
                oracle,
                games,
                config,
                device,
                deal_seeds=[key.seed for key in together],
                on_step=on_step,
            )
        except ForgeError as error:
            for key in together:
                yield GameReport(key, made=False, error=str(error))
            continue
        seconds = (time.perf_counter() - begun) / len(together)
        for key, record in zip(together, records, strict=True):
            questions = int(record.decisions.n_worlds.sum())
            replaced, nbytes = key.filename in names[key.split], write_game(store, record)
            yield GameReport(key, True, nbytes, questions, seconds, replaced=replaced)
