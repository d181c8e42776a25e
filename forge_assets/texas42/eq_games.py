"""Games played by E[Q]: the player in every seat sees only its own hand and the plays so far.

A run plays the games of all its partitions, many in lockstep, and records a partition as soon as its fifty
games exist and pass the checks. Games that are already in the store are verified, not played again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg

from forge_assets.checks import partition_check, report_partition
from forge_assets.filling import (
    completed,
    fail_if_any,
    input_versions,
    materialization,
    requested_partitions,
)
from forge_assets.frames.metadata import columns_of, extent_of
from forge_assets.pictures import picture
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, ShardStore, failing_plainly
from forge_assets.settings import config_of
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.oracle_model import oracle_model
from forge_assets.texas42.partitions import block_keys, seed_blocks
from forge_assets.texas42.tables import DECISIONS
from forge_assets.tracking.launchpad import ModelLaunchpad
from forge_assets.tracking.registry import resolve_model
from forge_assets.tracking.tracker import Tracker
from forge_core.errors import ForgeError, is_damaged
from forge_core.learning.folders import ALIASES
from forge_core.texas42.one_hand.architecture import OBJECTIVE as ONE_HAND
from forge_core.texas42.settings.games import ORACLES, GameSettings

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.texas42.eq import GameRecord
    from forge_core.texas42.eq.filling import GameReport
    from forge_core.texas42.oracle.shards import ShardKey


class GameLaunchpad(ModelLaunchpad, config_of(GameSettings, oracle="hybrid")):
    """Settings of the games, and the network that evaluates worlds. policy may also be `champion`; paths
    are relative to the project."""

    def choose_policy(self, tracker: Tracker) -> GameSettings:
        """Return the settings of the games, with the folder of a registered network as the policy."""
        settings = self.settings()
        policy = settings.policy or ""
        if policy in ALIASES or "/" in policy:
            return replace(settings, policy=resolve_model(policy, ONE_HAND, tracker))
        return settings

    def find_network(self, context: dg.AssetExecutionContext, tracker: Tracker) -> str | None:
        """Return the folder of the network that evaluates worlds; None with oracle=exact or playout.

        Raise BadInput if there is no such network.
        """
        uses_one = "model" in ORACLES.get(self.settings().oracle, ("model",))
        return self.find(context, "qvalue", tracker) if uses_one else None


SOUND = {
    "world_counts": "at each decision the number of worlds that fit the mover's knowledge is correct, and so "
    "is the number of sampled worlds; both are at least 1",
    "true_deal_is_a_world": "at each decision the true deal is one of the worlds that fit",
    "actions_are_hand_tokens": "each action points at the token of the domino that is played, one still held",
    "pdf_sums_to_one": "the shares of worlds by Q sum to 1 for each legal play, and their mean is E[Q]",
    "forced_is_marked": "a decision is marked as forced exactly where only one play is legal",
    "all_else_is_sound": "players, legal slots, points and outcome follow the rules; the other numbers are "
    "consistent",
}
"""check name -> description, for the checks that every game must pass after it is read back"""
_SAYS = {
    "world_counts": ("world_count", "n_worlds"),
    "true_deal_is_a_world": ("the true deal",),
    "actions_are_hand_tokens": ("action_taken",),
    "pdf_sums_to_one": ("e_q_pdf",),
    "forced_is_marked": ("forced",),
}
"""check name -> first words of the faults that `check_game` returns for it; all other faults belong to the
last check of SOUND"""
_SHOWN = 20
"""number of faulty games listed in the metadata of a check: more would flood the page"""

Faults = dict[str, dict[str, str]]
"""check name -> file name -> fault"""


def check(name: str, description: str) -> dg.AssetCheckSpec:
    """Return a blocking check of eq_games."""
    return partition_check("eq_games", name, description, seed_blocks)


@dg.asset(
    group_name=groups.EXPECTED_Q,
    deps=[dg.AssetDep(oracle_model, partition_mapping=dg.SpecificPartitionsPartitionMapping(["qvalue"]))],
    partitions_def=seed_blocks,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=versions.EQ_GAMES,
    output_required=False,  # each partition is recorded when it is done, not at the end
    pool=COMPUTE_POOL,
    kinds={"parquet"},
    metadata=columns_of(DECISIONS),
    check_specs=[
        check("every_game_played", "no game of the run was dropped"),
        check("games_read_back", "every game of the run, new or old, can be read back"),
        *(check(name, description) for name, description in SOUND.items()),
    ],
)
def eq_games(
    context: dg.AssetExecutionContext,
    config: GameLaunchpad,
    store: ShardStore,
    compute: ComputeDevice,
    tracker: Tracker,
) -> Iterator[dg.AssetCheckResult]:
    """One Parquet file per game: its 28 decisions, and the points that the mover expected from each play. A
    partition holds fifty games."""
    from forge_core.texas42.eq.configuration import configure, open_oracle_of
    from forge_core.texas42.eq.filling import fill_games
    from forge_core.texas42.folders import GAMES_FOLDER

    wanted = {partition: block_keys(partition) for partition in requested_partitions(context)}
    keys = [key for of_one in wanted.values() for key in of_one]
    with failing_plainly():
        place, settings = store.root().join(GAMES_FOLDER), config.choose_policy(tracker)
        playing = configure(settings)
        network = config.find_network(context, tracker)
        on = input_versions(context, oracle_model.key, "qvalue")
        oracle = open_oracle_of(settings, network, compute.device)
        filling = fill_games(
            place, keys, oracle, playing, settings.bid, settings.batch, compute.device, verify=True
        )
        with closing(filling) as reports:  # a cancelled run leaves only complete games
            found, reported = inspect_partitions(context, wanted, reports, place, network, on)
    yield from report_checks(found, reported)


def inspect_partitions(
    context: dg.AssetExecutionContext,
    wanted: "Mapping[str, Sequence[ShardKey]]",
    reports: "Iterable[GameReport]",
    place: "Store",
    network: str | None,
    on: Mapping[str, str],
) -> "tuple[Faults, list[GameReport]]":
    """Record each partition when its last game is done, if no check fails; return all faults and reports.

    network: folder of the network that evaluates worlds. on: result of `input_versions`.
    """
    found: Faults = {name: {} for name in ("every_game_played", "games_read_back", *SOUND)}
    reported: list[GameReport] = []
    for partition, done in completed(wanted, reports):
        reported += done
        faults, games = inspect(place, done)
        for name, of_check in faults.items():
            found[name] |= of_check
        if not faults:
            data_version, metadata = describe(done, games, network)
            metadata |= extent_of(place, metadata["decisions"])
            event = materialization(context, partition, versions.EQ_GAMES, data_version, metadata, on)
            context.log_event(event)
        report_partition(context, partition, found, faults)
    return found, reported


def inspect(place: "Store", reports: "Sequence[GameReport]") -> "tuple[Faults, list[GameRecord]]":
    """Return the faults of the games of a partition, and the games that could be read.

    Faulty games are deleted, so that the next run plays them again.
    """
    from forge_core.texas42.eq.faults import check_game
    from forge_core.texas42.eq.files import read_game

    found: Faults = {}
    records: list[GameRecord] = []

    def note(name: str, key: "ShardKey", reason: str) -> None:
        of_check = found.setdefault(name, {})
        of_check[key.filename] = "; ".join(filter(None, (of_check.get(key.filename), reason)))

    for report in reports:
        key, folder = report.key, place.join(report.key.split)
        if report.error:
            note("every_game_played", key, report.error)
            continue
        try:
            records.append(read_game(place, key))
        except ForgeError as error:
            note("games_read_back", key, str(error))
            if is_damaged(error):
                folder.delete(key.filename)
            continue
        faults = check_game(records[-1])
        for fault in faults:
            note(check_of(fault), key, fault)
        if faults:
            folder.delete(key.filename)
    return found, records


def check_of(fault: str) -> str:
    """Return the name of the check that a fault of `check_game` belongs to."""
    reason = fault.split(": ", 1)[-1]  # after `step 3 and 2 more: `
    return next((name for name, begins in _SAYS.items() if reason.startswith(begins)), list(SOUND)[-1])


def report_checks(found: Faults, reports: "Sequence[GameReport]") -> Iterator[dg.AssetCheckResult]:
    """Yield the result of each check, then raise dg.Failure if one failed.

    The partition of a failed game stays missing; all others are recorded.
    """
    n_failed = len(found["every_game_played"])
    n_read = len(reports) - n_failed
    n_checked = n_read - len(found["games_read_back"])
    replaced = [report.key.filename for report in reports if report.replaced]
    made = sum(report.made for report in reports)
    counts: dict[str, dict[str, Any]] = {name: {"games": n_checked} for name in SOUND}
    counts["every_game_played"] = {"games": len(reports), "made": made}
    counts["games_read_back"] = {"games": n_read, "replaced": replaced[:_SHOWN]}
    for name, faults in found.items():
        named = dict(list(faults.items())[:_SHOWN])
        yield dg.AssetCheckResult(
            check_name=name, passed=not faults, metadata=counts[name] | {"failed": len(faults)} | named
        )
    failed = {filename: reason for faults in found.values() for filename, reason in faults.items()}
    fail_if_any(failed, len(reports), "games")


def describe(
    reports: "Sequence[GameReport]", games: "Sequence[GameRecord]", network: str | None
) -> tuple[str, dict[str, Any]]:
    """Return the data version of a complete partition, and its metadata."""
    from forge_core.files import fingerprint
    from forge_core.texas42.eq.pictures import draw_small
    from forge_core.texas42.eq.scenes import most_instructive_scene
    from forge_core.texas42.eq.summary import summarize

    summary, made = summarize(games), [report for report in reports if report.made]
    seconds = sum(report.seconds for report in made)
    of_all, settings = summary.all, games[0].settings
    metadata: dict[str, Any] = {
        "decision": picture(draw_small(most_instructive_scene(games[0]))),
        "games": summary.games,
        "made": len(made),
        "replaced": sum(report.replaced for report in reports),
        "decisions": of_all.decisions,
        "forced_share": round(of_all.forced, 4),
        "worlds": round(of_all.worlds * of_all.decisions),
        "worlds_a_decision": round(of_all.worlds, 2),
        "world_count_median": of_all.world_count_median,
        "ess_median": round(of_all.ess_median, 2),
        "ess_p10": round(of_all.ess_p10, 2),
        "spread_points": round(of_all.u_mean, 3),
        "bids_made_share": round(summary.bids_made, 4),
        "mib": round(sum(report.nbytes for report in reports) / 2**20, 3),
        "oracle": settings["oracle"],
        "model": network or "none",
        "settings": games[0].fingerprint,
    }
    if made:
        metadata |= {
            "seconds": round(seconds, 3),
            "games_per_second": round(len(made) / max(seconds, 1e-9), 3),
            "device": settings["device"],
        }
    names = sorted(report.key.filename for report in reports)
    return fingerprint({"settings": games[0].fingerprint, "games": names}), metadata
