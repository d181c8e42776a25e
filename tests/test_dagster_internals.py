"""Private doors of Dagster: each does what is expected of it. One fails loudly when Dagster changes."""

import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from forge_assets import dagster_internals as internals

PARTS = dg.StaticPartitionsDefinition(["a", "b", "c"])


@dg.asset(
    key=["toy", "parts"],
    partitions_def=PARTS,
    code_version="v1",
    check_specs=[dg.AssetCheckSpec("sound", asset=["toy", "parts"])],
)
def parts(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    print("made")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(context.run.tags.get("data", "d")),
        check_results=[dg.AssetCheckResult(check_name="sound", passed=True)],
    )


@dg.asset(deps=[parts])
def whole() -> None:
    pass


DEFINITIONS = dg.Definitions(assets=[parts, whole], executor=dg.in_process_executor)
GRAPH = internals.asset_graph(DEFINITIONS)


@pytest.fixture
def instance(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def run(instance, key: dg.AssetKey, partition: str | None = None, **tags: str) -> str:
    result = DEFINITIONS.resolve_implicit_global_asset_job_def().execute_in_process(
        asset_selection=[key], instance=instance, partition_key=partition, tags=tags
    )
    return result.run_id


def test_the_graph_tells_keys_in_order_parents_partitions_and_versions():
    assert list(GRAPH.toposorted_asset_keys) == [parts.key, whole.key]
    assert GRAPH.get(whole.key).parent_keys == {parts.key} and GRAPH.get(whole.key).partitions_def is None
    assert GRAPH.get(parts.key).partitions_def == PARTS and GRAPH.get(parts.key).code_version == "v1"


def test_latest_event_ids_and_tags_by_partition(instance):
    run(instance, parts.key, "a", data="one")
    run(instance, parts.key, "b", data="two")
    before = max(internals.latest_event_ids(instance, parts.key).values())
    run(instance, parts.key, "a", data="three")
    ids = internals.latest_event_ids(instance, parts.key)
    assert set(ids) == {"a", "b"} and ids["a"] > before == ids["b"]
    assert internals.latest_event_ids(instance, parts.key, after=before) == {"a": ids["a"]}
    tag, asked = "dagster/data_version", ["a", "b", "c"]
    assert internals.latest_tags(instance, parts.key, tag, asked) == {"a": "three", "b": "two", "c": None}
    old = internals.latest_tags(instance, parts.key, tag, asked, before=before)
    assert old == {"a": "one", "b": None, "c": None}


def test_runs_with_latest_events_and_runs_of_events(instance):
    first = run(instance, parts.key, "a")
    second, third = run(instance, parts.key, "a"), run(instance, parts.key, "b")
    assert internals.runs_with_latest_events(instance) == {second, third}
    ids = internals.latest_event_ids(instance, parts.key).values()
    assert internals.runs_of_events(instance, ids) == {second, third}
    assert internals.runs_of_events(instance, []) == set() and first


def test_stale_causes(instance):
    assert internals.StaleCauses(instance, GRAPH).find(whole.key, None) is None
    run(instance, parts.key, "a", data="one")
    run(instance, whole.key)
    assert internals.StaleCauses(instance, GRAPH).find(parts.key, "a") == []
    assert internals.StaleCauses(instance, GRAPH).find(whole.key, None) == []
    run(instance, parts.key, "a", data="two")
    found = internals.StaleCauses(instance, GRAPH).find(whole.key, None)
    assert found and {(cause.asset, cause.partition) for cause in found} == {("toy/parts", "a")}
    assert "data version" in found[0].reason


def test_a_backfill_is_started_with_its_partitions_configuration_and_tags(instance):
    assert not internals.backfills_under_way(instance)
    config = {"ops": {"toy__parts": {}}}
    started = internals.start_backfill(
        instance, GRAPH, parts.key, ["a", "c"], config, {"forge/mends": "toy/parts"}, "title", "text"
    )
    (backfill,) = internals.backfills_under_way(instance)
    assert backfill.backfill_id == started and backfill.run_config == config
    assert backfill.tags["forge/mends"] == "toy/parts" and backfill.title == "title"
    target = backfill.asset_backfill_data.target_subset.get_partitions_subset(parts.key)
    assert set(target.get_partition_keys()) == {"a", "c"}
    for ended in ("COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"):
        status = type(backfill.status)[ended]
        instance.update_backfill(backfill.with_status(status))
        assert not internals.backfills_under_way(instance)
    with pytest.raises(ValueError, match="no partitions"):
        internals.start_backfill(instance, GRAPH, whole.key, ["a"], {}, {}, "", "")


def test_a_daemon_is_healthy_while_its_heartbeat_is_young(instance):
    assert not internals.is_daemon_healthy(instance, "BACKFILL", 60.0)
    for seconds_ago, healthy in ((20, True), (200, False)):
        heartbeat = DaemonHeartbeat(time.time() - seconds_ago, "BACKFILL", "one", [])
        instance.add_daemon_heartbeat(heartbeat)
        assert internals.is_daemon_healthy(instance, "BACKFILL", 60.0) == healthy


def test_files_of_a_run_are_found_and_go_with_it(instance, tmp_path):
    gone, kept = run(instance, parts.key, "a"), run(instance, parts.key, "b")
    events, logs = internals.event_files(instance, gone), internals.log_files(instance, gone)
    assert events and logs and all(str(tmp_path) in str(path) for path in events + logs)
    assert any("made" in path.read_text() for path in logs)
    internals.delete_run(instance, gone)
    internals.delete_run(instance, gone)
    assert not any(path.exists() for path in events + logs)
    assert [record.run_id for record in instance.get_runs()] == [kept]
    assert internals.runs_with_latest_events(instance) == {kept}
    assert all(Path(path).exists() for path in internals.event_files(instance, kept))


def test_where_another_database_keeps_events_there_are_no_files():
    with dg.DagsterInstance.ephemeral() as instance:
        assert internals.event_files(instance, "any") == [] == internals.log_files(instance, "any")
