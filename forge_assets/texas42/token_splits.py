"""Training rows, by split, drawn from what the store holds."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from forge_assets import versions
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, ShardStore, failing_plainly
from forge_assets.settings import settings_of
from forge_assets.texas42.oracle_shards import GROUP
from forge_assets.texas42.shard_catalog import shard_catalog
from forge_core.cli.tokenize import tokenize as forge_tokenize
from forge_core.errors import BadInput, ForgeError

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.texas42.splits import Split
    from forge_core.texas42.tokens.splits import Manifest, TokenConfig, TokenPlan

split_partitions = dg.StaticPartitionsDefinition(["train", "val", "test"])

READ_BACK = 200
"""files read back after each run, evenly chosen; the others are held to the manifest as they are used"""


class TokenSettings(settings_of(forge_tokenize, "source", "rows", "decision_share", "sample_seed")):
    """Which rows are drawn, and from which shards."""

    def token_config(self) -> "TokenConfig":
        """As the core takes it. Raises BadInput."""
        from forge_core.texas42.tokens.rows import DECISION_SHARE
        from forge_core.texas42.tokens.splits import TokenConfig

        share = DECISION_SHARE if self.decision_share is None else self.decision_share
        return TokenConfig(self.source, self.rows, share, self.sample_seed)


@dg.asset(
    group_name=GROUP,
    deps=[shard_catalog],
    partitions_def=split_partitions,
    code_version=versions.TOKENS,
    output_required=False,  # nothing is recorded of rows that fail a check
    pool=COMPUTE_POOL,
    kinds={"numpy"},
    check_specs=[
        dg.AssetCheckSpec(
            "seeds_of_the_split",
            asset="token_splits",
            blocking=True,
            description="no seed of train in val or test, nor the reverse; none of the benchmark in val",
        ),
        dg.AssetCheckSpec(
            "rows_read_back",
            asset="token_splits",
            blocking=True,
            description=f"up to {READ_BACK} files, read back and encoded: rows as counted; Q legal exactly "
            "where the rules allow a play; values in -42..42; V the best Q; weights positive numbers",
        ),
    ],
)
def token_splits(
    context: dg.AssetExecutionContext, config: TokenSettings, store: ShardStore, compute: ComputeDevice
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
    """Rows to learn from, to watch training by, and sealed ones; new shards are added to what is there."""
    from forge_core.texas42.splits import Split
    from forge_core.texas42.tokens.splits import plan_tokens, tokenize

    split = Split(context.partition_key)
    with failing_plainly():
        root, settings = store.root(), config.token_config()
        strays = find_strays(root, split, settings.kinds)
        yield dg.AssetCheckResult(check_name="seeds_of_the_split", passed=not strays, metadata=strays)
        if strays:
            raise dg.Failure(f"{len(strays)} shards do not belong to {split}; {next(iter(strays.values()))}")
        plan = plan_tokens(root, root, split, settings)
        manifest = tokenize(root, root, split, settings, compute.workers)
    read, faults = read_back(root, split)
    yield dg.AssetCheckResult(
        check_name="rows_read_back",
        passed=not faults,
        metadata={"read": read, "rows": manifest.rows, **faults},
    )
    if faults:
        raise dg.Failure(f"{len(faults)} of {read} files would teach nonsense; {next(iter(faults.values()))}")
    yield dg.MaterializeResult(
        data_version=dg.DataVersion(manifest.hash), metadata=key_figures(root, plan, manifest)
    )


def find_strays(root: "Store", split: "Split", kinds: tuple[str, ...]) -> dict[str, str]:
    """Shards in the folder of a split, and files its manifest names, that belong elsewhere, and where."""
    from forge_core.texas42.oracle.shards import ShardKey
    from forge_core.texas42.tokens.splits import MANIFEST, folder_of, is_held_out, read_manifest

    strays: dict[str, str] = {}
    for kind in kinds:
        for name in root.join(f"shards-{kind}", split).names(".parquet"):
            key = ShardKey.parse(name)
            if key.split != split:
                strays[f"shards-{kind}/{split}/{name}"] = f"{name}: seed {key.seed} belongs to {key.split}"
    folder = folder_of(root, split)
    if folder.exists(MANIFEST):
        try:
            named = read_manifest(folder).files
        except BadInput:  # is written anew
            named = ()
        for file in named:
            if file.key.split != split or is_held_out(file.key):
                where = "the benchmark" if is_held_out(file.key) else file.key.split
                strays[f"tokenized/{split}/{file.name}"] = (
                    f"{file.name}: seed {file.key.seed} belongs to {where}"
                )
    return strays


def read_back(root: "Store", split: "Split") -> tuple[int, dict[str, str]]:
    """How many files were read, and what is wrong with which."""
    from forge_core.texas42.tokens.rows import rows_of
    from forge_core.texas42.tokens.splits import TokenStore

    try:
        tokens = TokenStore(root, split)
    except ForgeError as error:
        return 0, {"manifest": str(error)}
    faults: dict[str, str] = {}
    numbers = range(0, len(tokens.files), -(-len(tokens.files) // READ_BACK))
    for number in numbers:
        file = tokens.files[number]
        try:
            rows = rows_of(tokens.labels(number))
        except ForgeError as error:
            faults[file.name] = str(error)
        else:
            if len(rows) != file.rows:
                faults[file.name] = f"{file.name} holds {len(rows)} rows, its manifest says {file.rows}"
    return len(numbers), faults


def key_figures(root: "Store", plan: "TokenPlan", manifest: "Manifest") -> Mapping[str, Any]:
    """What is said of a split."""
    from forge_core.texas42.tokens.splits import folder_of

    folder = folder_of(root, manifest.split)
    seeds = [file.key.seed for file in manifest.files]
    return {
        "rows": manifest.rows,
        "shards": len(manifest.files),
        "shards_added": len(plan.tasks),
        "shards_dropped": len(plan.dropped),
        "first_seed": min(seeds),
        "last_seed": max(seeds),
        "source": manifest.config.source,
        "rows_a_shard": manifest.config.rows_per_shard,
        "decision_share": manifest.config.decision_share,
        "encoder": manifest.spec.version,
        "mib": round(sum(folder.size(file.name) for file in manifest.files) / 2**20, 3),
        "hash": manifest.hash,
        "folder": folder.url,
    }
