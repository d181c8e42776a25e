"""The record of a second game: prefixed keys, generations for blocks, its own files and networks."""

import json
from dataclasses import dataclass
from functools import partial

import dagster as dg

from forge_assets.games import Game, GameDefinitions, RegisteredModel
from forge_assets.gaps.partitioned import PartitionedAsset
from forge_assets.gaps.report import GapQuery
from forge_assets.resources import ShardStore
from forge_core.errors import FileCorrupt
from forge_core.files import Store
from forge_core.files.inspection import FileStatus, Provenance

VERSION = "p1"
GENERATIONS = dg.StaticPartitionsDefinition([f"g{number:03d}" for number in range(200)])


@dataclass(frozen=True)
class GameFile:
    """One of the two files of a generation."""

    folder: str
    number: int

    @property
    def filename(self) -> str:
        return f"game_{self.number}.parquet"


def files_of(generation: str) -> list[GameFile]:
    return [GameFile(generation, number) for number in (0, 1)]


class PlaySettings(dg.Config):
    sims: int = 8


def fill(
    context: dg.AssetExecutionContext, folder: str, sims: int, store: ShardStore
) -> dg.MaterializeResult:
    place = store.root().join(folder)
    text = json.dumps({"version": VERSION, "settings": {"settings": f"sims {sims}"}})
    for key in files_of(context.partition_key):
        place.join(key.folder).write(key.filename, text.encode())
    return dg.MaterializeResult(
        data_version=dg.DataVersion(f"sims {sims}"), metadata={"settings": f"sims {sims}", "sims": sims}
    )


@dg.asset(key=["toy", "self_play"], partitions_def=GENERATIONS, code_version=VERSION, group_name="toy")
def self_play(
    context: dg.AssetExecutionContext, config: PlaySettings, store: ShardStore
) -> dg.MaterializeResult:
    return fill(context, "toy-games", config.sims, store)


@dg.asset(key=["toy", "puzzles"], partitions_def=GENERATIONS, code_version=VERSION, group_name="toy")
def puzzles(
    context: dg.AssetExecutionContext, config: PlaySettings, store: ShardStore
) -> dg.MaterializeResult:
    return fill(context, "toy-puzzles", config.sims, store)


class TeachSettings(dg.Config):
    folder: str


@dg.asset(
    key=["toy", "model"],
    deps=[dg.AssetDep(self_play, partition_mapping=dg.AllPartitionMapping())],
    partitions_def=dg.StaticPartitionsDefinition(["small", "large"]),
    code_version="m1",
    group_name="toy",
)
def model(config: TeachSettings) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"model": config.folder})


@dataclass(frozen=True)
class GameHeader:
    provenance: Provenance
    fingerprint: str = ""
    is_current: bool = True


def examine(place: Store, key: GameFile) -> FileStatus:
    try:
        record = place.join(key.folder).read_json(key.filename)
    except ValueError as error:
        return FileStatus(key, error=FileCorrupt(key.filename, str(error), "play it again"))
    return FileStatus(key, GameHeader(Provenance(record["version"], record["settings"])))


def partitions(query: GapQuery, store: Store, recorded) -> list[str]:
    begun = set(recorded) | set(store.folders())
    numbers = range(200) if query.blocks is None else query.blocks
    return [name for name in (f"g{number:03d}" for number in numbers) if query.blocks or name in begun]


def inspection(query: GapQuery, store: Store) -> list[PartitionedAsset]:
    def asset(name: str, folder: str, **more) -> PartitionedAsset:
        return PartitionedAsset(
            asset=name,
            noun="games",
            folder=folder,
            version=VERSION,
            partitions=partial(partitions, query, store.join(folder)),
            keys=files_of,
            examine=examine,
            describe=lambda names: f"generations {', '.join(names)}",
            **more,
        )

    named = {"sims": query.settings.get("sims")}
    return [
        asset("toy/self_play", "toy-games"),
        asset("toy/puzzles", "toy-puzzles", run_settings=lambda settings: named),
    ]


TOY = Game(
    name="toy",
    experiment="toy",
    model_prefix="toy-",
    models=(
        RegisteredModel("small", "toy-value", "toy/model", "small"),
        RegisteredModel("large", "toy-value", "toy/model", "large"),
    ),
    definitions=lambda: GameDefinitions([self_play, puzzles, model]),
    network_version=lambda kind: "m1",
    partitioned=("toy/self_play", "toy/puzzles"),
    inspection=inspection,
    results={"rows": "{:,.0f} rows", "won": "{:.0%} of games won"},
)
