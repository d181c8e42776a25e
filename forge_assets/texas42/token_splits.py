"""Training rows, drawn by split from the shards in the store."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from forge_assets.checks import partition_check
from forge_assets.frames.metadata import columns_of, extent_of
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, ShardStore, failing_plainly
from forge_assets.settings import config_of
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.network_tables import ROW_FILES
from forge_assets.texas42.shard_catalog import shard_catalog
from forge_core.errors import BadInput, ForgeError
from forge_core.texas42.folders import shards_folder
from forge_core.texas42.settings.tokens import TokenSettings

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.files.row_store import Manifest, Plan, RowStore
    from forge_core.splits import Split

split_partitions = dg.StaticPartitionsDefinition(["train", "val", "test"])

READ_BACK = 200
"""number of files read back after each run, evenly spaced; the manifest verifies the others when they are
used"""


class TokenLaunchpad(config_of(TokenSettings)):
    """Settings of the training rows, and of the shards they are drawn from."""


def split_checks(asset: str, sound: str, splits: dg.PartitionsDefinition) -> list[dg.AssetCheckSpec]:
    """Return the checks whose results `fill_split` reports. sound: description of sound rows."""
    described = {
        "seeds_of_the_split": "every file belongs to this split, and no benchmark seed is in val",
        "rows_read_back": f"up to {READ_BACK} files are read back and encoded: row counts match; {sound}",
    }
    return [partition_check(asset, name, text, splits) for name, text in described.items()]


@dg.asset(
    group_name=groups.LEARNING,
    deps=[shard_catalog],
    partitions_def=split_partitions,
    code_version=versions.TOKENS,
    output_required=False,  # rows that fail a check are not recorded
    pool=COMPUTE_POOL,
    kinds={"numpy"},
    metadata=columns_of(ROW_FILES),
    check_specs=split_checks(
        "token_splits",
        "Q is given exactly for legal plays; values lie in -42..42; V is the best Q; weights are positive",
        split_partitions,
    ),
)
def token_splits(
    context: dg.AssetExecutionContext, config: TokenLaunchpad, store: ShardStore, compute: ComputeDevice
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
    """Rows for training (train), validation (val) and the sealed test (test). Rows of new shards are added to
    the existing ones."""
    from forge_core.splits import Split
    from forge_core.texas42.tokens.splits import TOKEN_ROWS, TokenConfig, TokenStore

    with failing_plainly():
        root, settings = store.root(), TokenConfig.of(config.settings())
    sources = tuple(map(shards_folder, settings.kinds))
    work = Work(sources, TOKEN_ROWS, settings, partial(TokenStore, root), compute.workers)
    yield from fill_split(root, Split(context.partition_key), work, describe_shards)


def describe_shards(manifest: "Manifest", plan: "Plan") -> Mapping[str, Any]:
    """Return the metadata that is specific to rows of shards."""
    return {
        "shards": len(manifest.files),
        "shards_added": len(plan.tasks),
        "shards_dropped": len(plan.dropped),
        "last_seed": max(file.first_seed for file in manifest.files),
        "source": manifest.config.source,
        "rows_a_shard": manifest.config.rows_per_shard,
        "decision_share": manifest.config.decision_share,
    }


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of rows, with its sources and how to make and read them."""

    sources: tuple[str, ...]
    """folders of the store with the files from which the rows are made"""
    rows: "RowStore"
    config: Any
    """configuration of the row store"""
    open: Callable[[Any], Any]
    """split -> TokenStore, or another reader with the same interface"""
    workers: int | None


def fill_split(
    root: "Store", split: "Split", work: Work, describe: "Callable[[Manifest, Plan], Mapping[str, Any]]"
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
    """Update the rows of a split, unless a seed is in the wrong split; then read them back.

    describe: returns the metadata that is specific to this kind of rows.
    """
    with failing_plainly():
        strays = find_strays(root, split, work)
        yield dg.AssetCheckResult(check_name="seeds_of_the_split", passed=not strays, metadata=strays)
        if strays:
            raise dg.Failure(f"{len(strays)} files do not belong to {split}; {next(iter(strays.values()))}")
        plan = work.rows.plan(root, root, split, work.config)
        manifest = work.rows.update(root, root, split, work.config, work.workers)
    read, faults = read_back(work, split)
    yield dg.AssetCheckResult(
        check_name="rows_read_back",
        passed=not faults,
        metadata={"read": read, "rows": manifest.rows, **faults},
    )
    if faults:
        raise dg.Failure(
            f"{len(faults)} of {read} files are unfit for training; {next(iter(faults.values()))}"
        )
    metadata = {**describe(manifest, plan), **key_figures(work.rows.folder_of(root, split), manifest)}
    yield dg.MaterializeResult(data_version=dg.DataVersion(manifest.hash), metadata=metadata)


def find_strays(root: "Store", split: "Split", work: Work) -> dict[str, str]:
    """Find source files, and files named in a manifest, that belong to another split: path -> reason."""
    from forge_core.files.row_store import MANIFEST
    from forge_core.texas42.oracle.shards import ShardKey

    strays: dict[str, str] = {}
    for source in work.sources:
        for name in root.join(source, split).names(".parquet"):
            key = ShardKey.parse(name)
            if key.split != split:
                strays[f"{source}/{split}/{name}"] = f"{name}: seed {key.seed} belongs to {key.split}"
    folder = work.rows.folder_of(root, split)
    if folder.exists(MANIFEST):
        try:
            named = work.rows.read_manifest(folder).files
        except BadInput:  # the manifest will be rewritten
            named = ()
        for file in named:
            if file.belongs_to != split:
                reason = f"{file.name}: seed {file.first_seed} belongs to {file.belongs_to}"
                strays[folder.path(file.name)] = reason
    return strays


def read_back(work: Work, split: "Split") -> tuple[int, dict[str, str]]:
    """Read files back; return the number read, and the faults by file name."""
    try:
        rows = work.open(split)
    except ForgeError as error:
        return 0, {"manifest": str(error)}
    faults: dict[str, str] = {}
    numbers: Sequence[int] = range(0, len(rows.files), -(-len(rows.files) // READ_BACK))
    for number in numbers:
        file = rows.files[number]
        try:
            n_rows = len(rows.unpack(rows.read(number), [number]))
        except ForgeError as error:
            faults[file.name] = str(error)
        else:
            if n_rows != file.rows:
                faults[file.name] = f"{file.name} holds {n_rows} rows, but its manifest says {file.rows}"
    return len(numbers), faults


def key_figures(folder: "Store", manifest: "Manifest") -> Mapping[str, Any]:
    """Return the metadata that every kind of rows has."""
    return {
        "rows": manifest.rows,
        "first_seed": min(file.first_seed for file in manifest.files),
        "encoder": manifest.spec.version,
        "mib": round(sum(folder.size(file.name) for file in manifest.files) / 2**20, 3),
        "hash": manifest.hash,
        "folder": folder.url,
        **extent_of(folder, len(manifest.files)),
    }
