"""Training rows for the Stage-2 network, by split, packed from the games in the store."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from forge_assets.frames.metadata import columns_of
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, ShardStore, failing_plainly
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.eq_catalog import eq_catalog
from forge_assets.texas42.network_tables import ROW_FILES
from forge_assets.texas42.token_splits import Work, fill_split, split_checks

if TYPE_CHECKING:
    from forge_core.files.row_store import Manifest, Plan

eq_split_partitions = dg.StaticPartitionsDefinition(["train", "val"])
"""There are no rows of test games: that split is sealed."""


@dg.asset(
    group_name=groups.EXPECTED_Q,
    deps=[eq_catalog],
    partitions_def=eq_split_partitions,
    code_version=versions.EQ_TOKENS,
    output_required=False,  # rows that fail a check are not recorded
    pool=COMPUTE_POOL,
    kinds={"numpy"},
    metadata=columns_of(ROW_FILES),
    check_specs=split_checks(
        "eq_token_splits",
        "E[Q] is given exactly for legal plays; all deals belong to the split",
        eq_split_partitions,
    ),
)
def eq_token_splits(
    context: dg.AssetExecutionContext, store: ShardStore, compute: ComputeDevice
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
    """Training rows from games, 28 per game: the mover's knowledge, and the points it expected from each
    play. Rows of new games are added to the existing ones."""
    from forge_core.splits import Split
    from forge_core.texas42.eq.splits import GAME_ROWS, GameRowConfig, GameRowStore
    from forge_core.texas42.folders import GAMES_FOLDER

    with failing_plainly():
        root = store.root()
    work = Work((GAMES_FOLDER,), GAME_ROWS, GameRowConfig(), partial(GameRowStore, root), compute.workers)
    yield from fill_split(root, Split(context.partition_key), work, describe_games)


def describe_games(manifest: "Manifest", plan: "Plan") -> Mapping[str, Any]:
    """Return the metadata that is specific to rows of games."""
    return {
        "games": sum(file.games for file in manifest.files),
        "files": len(manifest.files),
        "files_added": len(plan.tasks),
        "files_dropped": len(plan.dropped),
        "settings": ", ".join(sorted({name for file in manifest.files for name in file.settings})),
    }
