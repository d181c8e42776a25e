"""Catalog of the shards in the store: one unpartitioned asset for the steps that read all partitions."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from forge_assets.automation import after
from forge_assets.frames.metadata import columns_of, extent_of
from forge_assets.pictures import picture
from forge_assets.resources import ShardStore, failing_plainly
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.catalogs import catalog_checks, report_checks
from forge_assets.texas42.oracle_shards import (
    golden_shards,
    marginalized_shards,
    oracle_shards,
)
from forge_assets.texas42.tables import SHARDS

if TYPE_CHECKING:
    import polars as pl

    from forge_core.texas42.oracle.catalog import Catalog

CATALOG_VERSION = "c1"


@dg.asset(
    group_name=groups.ORACLE,
    deps=[oracle_shards, marginalized_shards, golden_shards],
    code_version=f"{CATALOG_VERSION}/{versions.SHARDS}",
    automation_condition=after("shards"),
    metadata=columns_of(SHARDS),
    kinds={"parquet"},
    check_specs=catalog_checks(
        "shard_catalog",
        "every file in the shard folders is a shard of the right split, judged by its footer",
        ("one_oracle", "every shard made by this project was solved by the current version of the oracle"),
    ),
)
def shard_catalog(store: ShardStore) -> dg.MaterializeResult:
    """Catalog of the shards in the store: counts, rows and versions, by kind and split. Its data version is a
    hash of the shards."""
    from forge_core.texas42.oracle.catalog import read_catalog
    from forge_core.texas42.oracle.pictures import draw_root_values, draw_states

    with failing_plainly():
        catalog = read_catalog(store.root())
    outdated = [
        entry.filename
        for entry in catalog.entries
        if entry.header.oracle_version != versions.ORACLE and not entry.header.is_foreign
    ]
    return dg.MaterializeResult(
        data_version=dg.DataVersion(catalog.fingerprint),
        metadata={
            "root_values": picture(draw_root_values(catalog)),
            "states_per_deal": picture(draw_states(catalog)),
            **key_figures(catalog),
            **extent_of(store.root(), len(catalog.entries), is_partition=False),
        },
        check_results=report_checks(catalog.faults, "one_oracle", versions.ORACLE, outdated),
    )


def key_figures(catalog: "Catalog") -> dict[str, Any]:
    """Return the metadata that accompanies the plots."""
    from forge_core.arena.standings import to_markdown

    by_kind = totals_of(catalog)
    n_rows, n_states, n_bytes = (by_kind[name].sum() for name in ("rows", "states", "bytes"))
    return {
        "shards": len(catalog.entries),
        "rows": n_rows,
        "states": n_states,
        "gib": round(n_bytes / 2**30, 4),
        "faults": len(catalog.faults),
        "fingerprints": ", ".join(by_kind["fingerprints"].explode().drop_nulls().unique().sort()),
        "store": dg.MetadataValue.md(to_markdown(lines_of(by_kind))),
    }


def totals_of(catalog: "Catalog") -> "pl.DataFrame":
    """Return the totals of each kind and split: see `totals`."""
    from forge_assets.frames.totals import totals
    from forge_core.texas42.oracle.catalog import kind_of

    return totals(
        catalog.entries,
        {"kind": lambda entry: kind_of(entry.folder), "split": lambda entry: entry.split},
        {"rows": lambda header: header.rows, "states": lambda header: sum(header.states_per_ply)},
    )


def lines_of(by_kind: "pl.DataFrame") -> list[list[str]]:
    """Return the result of `totals_of` as text: the titles, then one line per kind and split."""
    from forge_assets.frames.totals import text_of

    return text_of(
        by_kind,
        kind=lambda row: row["kind"],
        split=lambda row: row["split"],
        shards=lambda row: f"{row['files']:,}",
        rows=lambda row: f"{row['rows']:,}",
        states=lambda row: f"{row['states']:,}",
        MB=lambda row: f"{row['bytes'] / 1e6:,.1f}",
        seeds=lambda row: f"{row['first_seed']}..{row['last_seed']}",
    )
