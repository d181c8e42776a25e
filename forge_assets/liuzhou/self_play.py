"""Generations of self-play games, as files of the store.

An interrupted generation keeps the files that were written; the next run plays the games of the others.
"""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from forge_assets.checks import partition_check, warn
from forge_assets.frames.metadata import columns_of, extent_of
from forge_assets.liuzhou import versions
from forge_assets.liuzhou.names import GROUP, PLAYOUTS, RECORDED, number_of, objective_of
from forge_assets.liuzhou.partitions import generations
from forge_assets.liuzhou.tables import POSITIONS
from forge_assets.materializations import Record, latest_record
from forge_assets.pictures import picture
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, ShardStore, failing_plainly
from forge_assets.settings import launchpad_of, read_settings
from forge_assets.tracking.launchpad import ModelLaunchpad
from forge_assets.tracking.registry import registered_name, resolve_version
from forge_assets.tracking.tracker import Tracker
from forge_core.errors import BadInput, FileCorrupt
from forge_core.learning.folders import ALIASES
from forge_core.liuzhou.settings.generation import GenerationSettings
from forge_core.liuzhou.settings.network import DEFAULT_SIZE
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.liuzhou.files import Games
    from forge_core.liuzhou.recording import Played

CHECKS = {
    "games_replay": "every file of the generation was written and can be read: its games follow the rules, "
    "and their results and differences in stones are right",
    "policies_sum_to_1": "the shares of legal actions sum to 1 in every position whose policy is used "
    "for training",
}
REGISTERED = "registered"
"""metadata entry: registered name, version and alias of the network, such as `liuzhou-66k/3 (champion)`"""
MOST_DRAWN = 0.9
"""share of drawn games from which on a generation teaches little about winning"""


class SelfPlayLaunchpad(ModelLaunchpad, launchpad_of(GenerationSettings, SelfPlaySettings)):
    """Settings of a generation, and the network that plays it."""

    model: str = Field(
        default=PLAYOUTS,
        description=f"Network that plays. {PLAYOUTS}: random playouts; latest: the newest network; "
        "challenger or champion: from the registry; a folder, such as models/... of the project; or "
        f"{RECORDED}: the network and the settings in the last record of this generation",
    )
    size: str = Field(
        default=DEFAULT_SIZE, description="Size of the network, for latest, challenger and champion."
    )
    film: bool = Field(
        default=True, description="Also draw a film of one game, which takes about ten seconds."
    )

    def choose(
        self, context: dg.AssetExecutionContext, tracker: Tracker
    ) -> tuple[GenerationSettings, SelfPlaySettings, str | None, str | None]:
        """Return the settings, the folder of the network and its name in the registry. Raises BadInput.

        The folder is None for playouts, and the name for a network that no alias chose.
        """
        play = read_settings(self, SelfPlaySettings)
        if self.model == RECORDED:
            record = latest_record(context.instance, context.asset_key, context.partition_key)
            return recorded_settings(record, play, context.partition_key)
        settings, objective = read_settings(self, GenerationSettings), objective_of(self.size)
        if self.model in ALIASES:
            version = resolve_version(self.model, objective, tracker)
            name = f"{registered_name(objective)}/{version.number} ({self.model})"
            return settings, play, version.folder, name
        model = None if self.model == PLAYOUTS else self.find(context, objective, tracker)
        return settings, play, model, None


def recorded_settings(
    record: Record | None, play: SelfPlaySettings, partition: str
) -> tuple[GenerationSettings, SelfPlaySettings, str | None, str | None]:
    """Return what a record names: see `SelfPlayLaunchpad.choose`.

    play: settings for values that are not recorded, such as the number of threads. Raises BadInput if
    there is no record.
    """
    if record is None:
        raise BadInput(f"{partition} has no record: name a model to play it, or {PLAYOUTS} for playouts")
    known = {**asdict(play), **record.said("self_play")}
    model = str(record.said("model"))
    return (
        GenerationSettings(int(record.said("games")), int(known["seed"])),
        SelfPlaySettings(**{of.name: known[of.name] for of in fields(SelfPlaySettings)}),
        None if model == PLAYOUTS else model,
        record.said(REGISTERED),
    )


@dg.asset(
    group_name=GROUP,
    partitions_def=generations,
    code_version=versions.GAMES,
    pool=COMPUTE_POOL,
    kinds={"parquet"},
    metadata=columns_of(POSITIONS),
    check_specs=[
        *(
            partition_check("liuzhou_self_play", name, description, generations)
            for name, description in CHECKS.items()
        ),
        partition_check(
            "liuzhou_self_play",
            "draws",
            f"fewer than {MOST_DRAWN:.0%} of the games are drawn",
            generations,
            blocking=False,
        ),
    ],
)
def liuzhou_self_play(
    context: dg.AssetExecutionContext,
    config: SelfPlayLaunchpad,
    store: ShardStore,
    compute: ComputeDevice,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """Games that a network, or playouts, played against itself: positions with search policies, values and
    results, for training. The network is recorded; it is not a dependency, since it learnt from earlier
    generations."""
    from forge_core.liuzhou.files import FOLDER
    from forge_core.liuzhou.generations import read_catalog
    from forge_core.liuzhou.recording import play_generation

    with failing_plainly():
        settings, play, model, name = config.choose(context, tracker)
        root, number = store.root(), number_of(context.partition_key)
        played = play_generation(root, number, settings, play, model, compute.device)
        games, faults = read_back(root, played)
        pictures = draw(root, context.partition_key, played, games, config.film) if games else {}
        extent = extent_of(root.join(FOLDER, context.partition_key), len(games or ()))
        return dg.MaterializeResult(
            data_version=dg.DataVersion(read_catalog(root).of(number).version),
            metadata=pictures | describe(played, games, model, name) | extent if games else {},
            check_results=report_checks(played, games, faults),
        )


def read_back(root: "Store", played: "Played") -> "tuple[Games | None, dict[str, str]]":
    """Return the games of a generation, if there are any, and the faults of its files by name."""
    from forge_core.liuzhou.files import read_games
    from forge_core.liuzhou.generations import join

    found, faults = [], {}
    for report in sorted(played.reports, key=lambda report: report.key.first):
        if report.error:
            faults[report.key.filename] = report.error
            continue
        try:
            found.append(read_games(root, report.key))
        except FileCorrupt as error:
            faults[report.key.filename] = str(error)
    return (join(found) if found else None), faults


def report_checks(
    played: "Played", games: "Games | None", faults: dict[str, str]
) -> Sequence[dg.AssetCheckResult]:
    """Return the results of the checks; faults of policies belong to their own check."""
    of_policies = {name: reason for name, reason in faults.items() if "polic" in reason}
    others = {name: reason for name, reason in faults.items() if name not in of_policies}
    files = {"files": len(played.reports), "made": sum(report.made for report in played.reports)}
    drawn = 1.0 if games is None else float((games.take(games.ends).result == 0).mean())
    return [
        dg.AssetCheckResult(check_name="games_replay", passed=not others, metadata={**files, **others}),
        dg.AssetCheckResult(
            check_name="policies_sum_to_1", passed=not of_policies, metadata={**files, **of_policies}
        ),
        warn("draws", drawn < MOST_DRAWN, drawn=round(drawn, 4), below=f"{MOST_DRAWN:g}"),
    ]


def describe(played: "Played", games: "Games", model: str | None, name: str | None) -> dict[str, Any]:
    """Return the metadata of a generation, without its pictures. name: of its network in the registry."""
    from forge_core.files import fingerprint
    from forge_core.liuzhou.generations import Summary

    summary, made = Summary.of(games), sum(report.made for report in played.reports)
    metadata = {
        **asdict(summary),
        "plies": round(summary.plies, 2),
        "lead": round(summary.lead, 2),
        "drawn_share": round(summary.drawn / summary.games, 4),
        "made": made,
        "mib": round(sum(report.nbytes for report in played.reports) / 2**20, 3),
        "bytes_per_position": round(sum(report.nbytes for report in played.reports) / len(games), 1),
        "model": model or PLAYOUTS,
        **({REGISTERED: name} if name else {}),
        "settings": fingerprint(played.settings),
        "self_play": dg.MetadataValue.json(played.settings),
    }
    if played.seconds:
        metadata |= {
            "seconds": round(played.seconds, 3),
            "positions_per_second": round(played.positions / played.seconds, 1),
            "device": played.device,
        }
    if played.share_of_bare:
        metadata |= {
            "evaluations_per_second": round(played.evaluations / played.seconds, 1),
            "share_of_bare": round(played.share_of_bare, 3),
        }
    return metadata


def draw(root: "Store", partition: str, played: "Played", games: "Games", film: bool) -> dict[str, Any]:
    """Return the pictures of a generation as metadata. film: put the film of a game into the store."""
    from forge_core.liuzhou.films import draw_end, keep_film

    made = any(report.made for report in played.reports)
    films = {"film": keep_film(root, partition, games, redraw=made)} if film else {}
    return films | {"end": picture(draw_end(games))}
