"""Runs of a range of partitions that contains none, and the time zone of schedules."""

from __future__ import annotations

import re

import dagster as dg
import pytest
from asset_runs import reason_of

from forge_assets.dagster_internals import RANGE_END, RANGE_START
from forge_assets.definitions import defs
from forge_assets.in_process import materialize_here
from forge_assets.texas42.universe import grow_universe

REVERSED = {
    "oracle_shards": ("sixes|000050-000099", "sixes|000000-000049"),
    "marginalized_shards": ("sixes|000050-000099", "sixes|000000-000049"),
    "golden_shards": ("sixes|seed_000901", "sixes|seed_000900"),
    "eq_games": ("000950-000999", "000900-000949"),
    "bidding_results": ("000950-000999", "000900-000949"),
}


@pytest.mark.parametrize("asset", REVERSED)
def test_a_reversed_range_fails_and_records_no_check(asset, tmp_path):
    resources = {
        "store": {"url": str(tmp_path / "store")},
        "compute": {"device": "cpu", "workers": 1},
        "tracker": {"uri": f"sqlite:///{tmp_path}/mlflow.db"},
    }
    first, last = REVERSED[asset]
    with dg.DagsterInstance.ephemeral() as instance:
        grow_universe(instance)
        result = materialize_here(asset, instance, {RANGE_START: first, RANGE_END: last}, {}, resources)
    assert not result.success
    assert f"from {first} to {last} contains none: start it with the earlier" in reason_of(result)
    assert not result.get_asset_check_evaluations()


def test_every_asset_that_takes_ranges_is_tested():
    graph = defs.resolve_asset_graph()
    of_ranges = {
        key.to_user_string()
        for key in graph.get_all_asset_keys()
        if graph.get(key).partitions_def and graph.get(key).backfill_policy == dg.BackfillPolicy.single_run()
    }
    assert of_ranges == set(REVERSED)


def test_schedules_name_their_time_zone():
    schedules = list(defs.schedules or ())
    assert len(schedules) >= 4
    for schedule in schedules:
        assert isinstance(schedule, dg.ScheduleDefinition)
        assert schedule.execution_timezone == "UTC"
        assert re.search(r"\d:00 UTC\b", schedule.description or "")
