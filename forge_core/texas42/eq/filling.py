"""Fill a store with games: play the missing ones and leave the others alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from forge_core.device import resolve_device
from forge_core.errors import BadInput, ForgeError, StoreUnusable
from forge_core.files import Store
from forge_core.files.filling import Outcome, fill
from forge_core.texas42.eq.files import GAMES, GameHeader, write_game
from forge_core.texas42.eq.generate import GameConfig, play_games, start_arguments
from forge_core.texas42.eq.oracles import Oracle
from forge_core.texas42.eq.records import GameRecord, fingerprint_of
from forge_core.texas42.games import LOWEST_BID, check_bid, start
from forge_core.texas42.oracle.shards import ShardKey
from forge_core.texas42.settings.games import DEFAULT_BATCH


@dataclass(frozen=True, slots=True)
class GameReport:
    """The outcome for one game."""

    key: ShardKey
    made: bool
    """False if it already existed or could not be played"""
    nbytes: int = 0
    questions: int = 0
    """worlds that the oracle evaluated, over all decisions"""
    seconds: float = 0.0
    """its share of the batch's time"""
    error: str | None = None
    """why it could not be played, and what to do; None if it was played or already existed"""
    replaced: bool = False
    """True if it replaced a game that was damaged or made with other settings"""


def fingerprint_for(oracle: Oracle, config: GameConfig, bid: int = LOWEST_BID) -> str:
    """Return the fingerprint, 16 hex digits, of the files of games with these settings."""
    return fingerprint_of(config.settings(oracle) | start_arguments(bid=bid))


def fill_games(
    store: Store,
    keys: Iterable[ShardKey],
    oracle: Oracle,
    config: GameConfig | None = None,
    bid: int = LOWEST_BID,
    batch: int = DEFAULT_BATCH,
    device: str = "auto",
    *,
    verify: bool = False,
    on_step: Callable[[int], None] | None = None,
) -> Generator[GameReport, None, None]:
    """Play the games that `missing_games` returns, and yield a report on each key. Seat 0 leads and bids.

    Games that already exist are reported first, with made=False; then `batch` games at a time are played
    together, which bounds the memory. A batch that fails gives a report with its error for each of its
    games, and the others continue; a foreign file in the way is never overwritten and counts as such an
    error. on_step: called after each step of a batch with its number, 0..27. Raises BadInput,
    DeviceUnavailable or StoreUnusable.
    """
    resolve_device(device)
    check_bid(bid)
    if batch < 1:
        raise BadInput(f"batch {batch}: use at least 1 game at a time")
    config = config or GameConfig()

    def play(missing: Sequence[ShardKey]) -> Iterator[tuple[ShardKey, _Played | Exception]]:
        for first in range(0, len(missing), batch):
            yield from _play(missing[first : first + batch], oracle, config, bid, device, on_step)

    def write(key: ShardKey, played: _Played) -> GameReport:
        questions = int(played.record.decisions.n_worlds.sum())
        return GameReport(key, True, write_game(store, played.record), questions, played.seconds)

    made_by = fingerprint_for(oracle, config, bid)
    return _reports(store, fill(GAMES, store, keys, made_by, play, write, verify=verify))


def _reports(
    store: Store, outcomes: Generator[Outcome[ShardKey, GameHeader, GameReport], None, None]
) -> Generator[GameReport, None, None]:
    with closing(outcomes):
        for outcome in outcomes:
            key, error = outcome.key, outcome.error
            if isinstance(error, StoreUnusable) or (error and not isinstance(error, ForgeError)):
                raise error
            if outcome.made:
                yield replace(outcome.made, replaced=not outcome.before.is_missing)
            elif error:
                yield GameReport(key, made=False, error=outcome.reason)
            else:
                yield GameReport(key, made=False, nbytes=store.join(key.folder).size(key.filename))


@dataclass(frozen=True, slots=True)
class _Played:
    """A game and its share of the batch's time, in seconds."""

    record: GameRecord
    seconds: float


def _play(
    keys: Sequence[ShardKey],
    oracle: Oracle,
    config: GameConfig,
    bid: int,
    device: str,
    on_step: Callable[[int], None] | None,
) -> Iterator[tuple[ShardKey, _Played | Exception]]:
    """Play the games of some keys together; on failure, yield the error for each key."""
    games = start([key.deal() for key in keys], [key.decl for key in keys], bids=bid)
    seeds, begun = [key.seed for key in keys], time.perf_counter()
    try:
        records = play_games(oracle, games, config, device, deal_seeds=seeds, on_step=on_step)
    except ForgeError as error:
        yield from ((key, error) for key in keys)
        return
    seconds = (time.perf_counter() - begun) / len(keys)
    yield from ((key, _Played(record, seconds)) for key, record in zip(keys, records, strict=True))
