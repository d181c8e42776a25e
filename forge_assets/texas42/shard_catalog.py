"""Catalog of the shards in the store: one unpartitioned asset for the steps that read all partitions."""

from typing import Any

import dagster as dg

from forge_assets.automation import after
from forge_assets.pictures import picture
from forge_assets.resources import ShardStore, failing_plainly
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.oracle_shards import (
    golden_shards,
    marginalized_shards,
    oracle_shards,
)

CATALOG_VERSION = "c1"


@dg.asset(
    group_name=groups.ORACLE,
    deps=[oracle_shards, marginalized_shards, golden_shards],
    code_version=f"{CATALOG_VERSION}/{versions.SHARDS}",
    automation_condition=after("shards"),
    check_specs=[
        dg.AssetCheckSpec(
            "no_faults",
            asset="shard_catalog",
            blocking=True,
            description="every file in the shard folders is a shard of the right split, judged by its footer",
        ),
        dg.AssetCheckSpec(
            "one_oracle",
            asset="shard_catalog",
            blocking=True,
            description="every shard made by this project was solved by the current version of the oracle",
        ),
    ],
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
            **key_figures(catalog),
            "root_values": picture(draw_root_values(catalog)),
            "states_per_deal": picture(draw_states(catalog)),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="no_faults",
                passed=not catalog.faults,
                metadata={fault.path: fault.reason for fault in catalog.faults},
            ),
            dg.AssetCheckResult(
                check_name="one_oracle",
                passed=not outdated,
                metadata={"present": versions.ORACLE, "outdated": outdated[:100]},
            ),
        ],
    )


def key_figures(catalog) -> dict[str, Any]:
    """Return the metadata that accompanies the plots of a Catalog."""
    totals = catalog.totals()
    return {
        "shards": sum(total.shards for total in totals),
        "rows": sum(total.rows for total in totals),
        "states": sum(total.states for total in totals),
        "gib": round(sum(total.nbytes for total in totals) / 2**30, 4),
        "faults": len(catalog.faults),
        "fingerprints": ", ".join(sorted({name for total in totals for name in total.fingerprints})),
        "store": dg.MetadataValue.md(table(totals)),
    }


def table(totals) -> str:
    """Return the totals of a Catalog as a Markdown table."""
    lines = ["| kind | split | shards | rows | million states | seeds |", "|" + "-|" * 6]
    lines += [
        f"| {t.kind} | {t.split} | {t.shards:,} | {t.rows:,} | {t.states / 1e6:,.0f} "
        f"| {t.first_seed}..{t.last_seed} |"
        for t in totals
    ]
    return "\n".join(lines)
