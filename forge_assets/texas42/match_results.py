"""Matches of every player against every other, on the same deals with seats swapped.

The asset is one table, made as a whole. Its games are kept in the store, block by block, and are never
played again: an interrupted run continues, and a run with more deals or players plays only the new games.
"""

import time
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from forge_assets.frames.metadata import columns_of, extent_of
from forge_assets.pictures import picture
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, ShardStore, failing_plainly
from forge_assets.settings import config_of
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.eq_model import eq_model
from forge_assets.texas42.match_tables import BOARDS
from forge_assets.texas42.oracle_model import oracle_model
from forge_assets.tracking.launchpad import ModelLaunchpad
from forge_assets.tracking.tracker import Tracker
from forge_core.errors import FileCorrupt
from forge_core.texas42.folders import MATCHES_FOLDER
from forge_core.texas42.settings.matches import MatchSettings

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.texas42.arena import Match
    from forge_core.texas42.players import AnyPlayer

PLAYERS = (
    *("random", "heuristic", "eq:model=latest", "pmake:model=latest", "stage2:model=latest"),
    "clairvoyant",
)


class MatchLaunchpad(config_of(MatchSettings)):
    """Settings of the matches: players, deals, and the test that ends them."""

    players: list[str] = Field(
        list(PLAYERS),
        description="Players, written as for `forge match`; model= takes a folder relative to the project, "
        "latest (the network that was trained last), or challenger or champion from the registry.",
    )

    def open_players(
        self, context: dg.AssetExecutionContext, device: str, tracker: Tracker
    ) -> "list[AnyPlayer]":
        """Open the players named in the settings. Raise BadInput if one cannot be opened."""
        from forge_core.texas42.players import parse_player

        def find_model(objective: str, word: str) -> str:
            return ModelLaunchpad(model=word).find(context, objective, tracker)

        return [parse_player(text, device, find_model) for text in self.players]


CHECKS = {
    "every_deal_played_twice": "each pair has played each of its deals twice, once with either side bidding, "
    "up to the block in which its sequential test decided, if it has one",
    "equal_contracts": "both games of a deal have the same declaration and the same bid",
    "boards_replay": "every board of the table can be read back: its hands are those of its seed, and its "
    "plays follow the rules, yield its points, and are the plays that were counted",
}


@dg.asset(
    group_name=groups.PLAY,
    deps=[dg.AssetDep(oracle_model, partition_mapping=dg.AllPartitionMapping()), eq_model],
    code_version=versions.MATCHES,
    pool=COMPUTE_POOL,
    kinds={"parquet"},
    metadata=columns_of(BOARDS),
    check_specs=[
        dg.AssetCheckSpec(name, asset="match_results", blocking=True, description=description)
        for name, description in CHECKS.items()
    ],
)
def match_results(
    context: dg.AssetExecutionContext,
    config: MatchLaunchpad,
    store: ShardStore,
    compute: ComputeDevice,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """Matches of all players against each other: points per deal, contracts and marks of every pair, with
    confidence intervals. The data version identifies players, deals and conditions."""
    from forge_core.arena.settings import choose_seeds
    from forge_core.device import resolve_device
    from forge_core.texas42.arena import Conditions, play_all
    from forge_core.texas42.arena.match import choose_test

    with failing_plainly():
        settings = config.settings()
        conditions, seeds = Conditions.of(settings), choose_seeds(settings)
        test = choose_test(settings)
        players, place = config.open_players(context, compute.device, tracker), store.root()
        begun = time.perf_counter()
        matches = play_all(players, seeds, conditions, place, test, settings.by, settings.batch)
        seconds = time.perf_counter() - begun
        return dg.MaterializeResult(
            data_version=dg.DataVersion(version_of(players, matches)),
            metadata={
                **describe(matches, seconds, resolve_device(compute.device)),
                **extent_of(place.join(MATCHES_FOLDER), boards_of(matches), is_partition=False),
            },
            check_results=inspect(place, players, matches, seeds),
        )


def inspect(
    place: "Store", players: "Sequence[AnyPlayer]", matches: "Sequence[Match]", seeds: Sequence[int]
) -> list[dg.AssetCheckResult]:
    """Return the result of each check, with its faults by pair."""
    from forge_core.texas42.arena.faults import missing_boards, unequal_contracts, unlike_the_store

    found: dict[str, dict[str, str]] = {name: {} for name in CHECKS}
    for (a, b), match in zip(combinations(players, 2), matches, strict=True):
        faults = [missing_boards(match, seeds), unequal_contracts(match)]
        try:
            faults.append(unlike_the_store(match, a, b, place))
        except FileCorrupt as error:
            faults.append(str(error))
        for name, fault in zip(CHECKS, faults, strict=True):
            if fault:
                found[name][f"{match.a} : {match.b}"] = fault
    return [
        dg.AssetCheckResult(
            check_name=name, passed=not faults, metadata={"boards": boards_of(matches)} | faults
        )
        for name, faults in found.items()
    ]


def boards_of(matches: "Sequence[Match]") -> int:
    """Return the number of boards of all matches."""
    return sum(len(match.by_a) + len(match.by_b) for match in matches)


def version_of(players: "Sequence[AnyPlayer]", matches: "Sequence[Match]") -> str:
    """Return the data version: equal tables have equal versions, regardless of the names of the players."""
    from forge_core.files import fingerprint
    from forge_core.ranges import ranges_text
    from forge_core.texas42.arena import Seating

    pairs = [
        {"seating": Seating(a, b, match.conditions).settings, "seeds": ranges_text(match.by_a.seed.tolist())}
        for (a, b), match in zip(combinations(players, 2), matches, strict=True)
    ]
    return fingerprint({"pairs": pairs})


def describe(matches: "Sequence[Match]", seconds: float, device: str) -> dict[str, Any]:
    """Return the metadata of the table."""
    from forge_core.arena.standings import by_rank, pair_table, rank_table, standings, to_markdown
    from forge_core.device import device_name
    from forge_core.texas42.arena.measures import SWING
    from forge_core.texas42.arena.report import Comparison, draw_standings, pair_columns

    ranked = standings(matches)
    ordered = by_rank(matches, ranked)
    pairs = [Comparison.of(match) for match in ordered]
    tables = rank_table(ranked, SWING), pair_table(ordered, SWING, pair_columns("%"))
    return {
        "standings": picture(draw_standings(matches)),
        "table": dg.MetadataValue.md("\n\n".join(map(to_markdown, tables))),
        "best": ranked[0].name,
        "players": len(ranked),
        "deals": max(pair.deals for pair in pairs),
        "games": sum(2 * pair.deals for pair in pairs),
        "seconds": round(seconds, 3),
        "device": device_name(device),
        "conditions": matches[0].conditions.to_dict(),
        "pairs": dg.MetadataValue.json([pair.to_dict() for pair in pairs]),
    }
