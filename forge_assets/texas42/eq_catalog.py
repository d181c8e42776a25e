"""Catalog of the games in the store: one unpartitioned asset for the step that reads all partitions."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from forge_assets.automation import after
from forge_assets.frames.metadata import columns_of, extent_of
from forge_assets.resources import ShardStore, failing_plainly
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.catalogs import catalog_checks, report_checks
from forge_assets.texas42.eq_games import eq_games
from forge_assets.texas42.tables import GAMES

if TYPE_CHECKING:
    from forge_core.texas42.eq.catalog import GameCatalog

CATALOG_VERSION = "c1"


@dg.asset(
    group_name=groups.EXPECTED_Q,
    deps=[dg.AssetDep(eq_games, partition_mapping=dg.AllPartitionMapping())],
    code_version=f"{CATALOG_VERSION}/{versions.EQ_GAMES}",
    automation_condition=after("games"),
    metadata=columns_of(GAMES),
    kinds={"parquet"},
    check_specs=catalog_checks(
        "eq_catalog",
        "every file in the game folders is a game of the right split, judged by its footer",
        ("one_version", "every game was played by the current version of E[Q]"),
    ),
)
def eq_catalog(store: ShardStore) -> dg.MaterializeResult:
    """Catalog of the games in the store, by split and by settings. Its data version is their hash."""
    from forge_core.texas42.eq.catalog import read_catalog

    with failing_plainly():
        catalog = read_catalog(store.root())
    outdated = [
        entry.filename for entry in catalog.entries if entry.header.settings.get("version") != versions.EQ
    ]
    return dg.MaterializeResult(
        data_version=dg.DataVersion(catalog.fingerprint),
        metadata=key_figures(catalog) | extent_of(store.root(), len(catalog.entries), is_partition=False),
        check_results=report_checks(catalog.faults, "one_version", versions.EQ, outdated),
    )


def key_figures(catalog: "GameCatalog") -> dict[str, Any]:
    """Return the metadata that describes the games."""
    from forge_assets.frames.totals import text_of, totals
    from forge_core.arena.standings import to_markdown
    from forge_core.texas42.eq.view import settings_text

    settings = {entry.header.fingerprint: entry.header.settings for entry in catalog.entries}
    by = {"split": lambda entry: entry.split, "settings": lambda entry: entry.header.fingerprint}
    by_settings = totals(catalog.entries, by, {})
    lines = text_of(
        by_settings,
        split=lambda row: row["split"],
        settings=lambda row: row["settings"],
        games=lambda row: f"{row['files']:,}",
        MB=lambda row: f"{row['bytes'] / 1e6:.1f}",
        seeds=lambda row: f"{row['first_seed']}..{row['last_seed']}",
        made_by=lambda row: settings_text(settings[row["settings"]]),
    )
    return {
        "games": len(catalog.entries),
        "mib": round(by_settings["bytes"].sum() / 2**20, 3),
        "faults": len(catalog.faults),
        "store": dg.MetadataValue.md(to_markdown(lines)),
    }
