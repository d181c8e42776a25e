"""Private parts of Dagster: each works as expected. A test fails clearly when Dagster changes."""

import multiprocessing.process
import os
import threading
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.events import EngineEventData
from dagster._core.storage.tags import WILL_RETRY_TAG
from dagster._daemon.types import DaemonHeartbeat
from dagster._grpc.server import DagsterApiServer
from dagster._utils import get_run_crash_explanation

from forge_assets import dagster_internals as internals
from forge_assets.launcher import LocalLauncher
from forge_assets.versions import PROJECT

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


def test_tags_are_those_that_dagster_writes_and_reads():
    from dagster._core.definitions import data_version

    assert data_version.CODE_VERSION_TAG == internals.CODE_VERSION
    assert data_version.DATA_VERSION_TAG == internals.DATA_VERSION
    assert f"{data_version.INPUT_DATA_VERSION_TAG_PREFIX}/" == internals.INPUT_VERSION
    assert f"{data_version.INPUT_EVENT_POINTER_TAG_PREFIX}/" == internals.INPUT_POINTER


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


# --- runs, launchers, sensors


@dg.asset
def fails() -> dg.MaterializeResult:
    try:
        raise KeyError("beneath")
    except KeyError as error:
        raise ValueError("above") from error


@dg.asset
def interrupted() -> None:
    raise DagsterExecutionInterruptedError


@dg.asset
def made() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 7})


def run_alone(asset, instance) -> dg.DagsterRun:
    result = dg.materialize([asset], instance=instance, raise_on_error=False)
    found = instance.get_run_by_id(result.run_id)
    assert found
    return found


def test_failures_of_steps_come_with_their_causes(instance):
    (failure,) = internals.step_failures(instance, run_alone(fails, instance).run_id)
    assert failure.error.cause.cls_name == "ValueError" and "above" in failure.error.cause.message
    assert failure.error.cause.cause.cls_name == "KeyError" and failure.user_failure_data is None
    assert not internals.is_interruption(failure)


def test_an_interruption_is_known_from_other_failures(instance):
    failures = internals.step_failures(instance, run_alone(interrupted, instance).run_id)
    assert any(map(internals.is_interruption, failures))


def test_the_end_of_a_run_has_a_message(instance):
    assert "failed" in internals.ending_message(instance, run_alone(fails, instance).run_id)
    assert internals.ending_message(instance, run_alone(made, instance).run_id) == ""


def test_the_end_of_a_run_whose_process_died_has_the_cause(instance):
    run = run_alone(fails, instance)
    crash = get_run_crash_explanation(f"Run execution process for {run.run_id}", -9)
    instance.report_engine_event(crash, run, cls=DagsterApiServer)
    instance.report_run_failed(run)
    message = internals.ending_message(instance, run.run_id)
    assert message.startswith("Run execution process") and "signal 9" in message


def test_materializations_of_a_run_are_found(instance):
    (event,) = internals.materializations(instance, run_alone(made, instance).run_id)
    assert event.metadata["rows"].value == 7


def test_the_tag_of_runs_that_will_be_retried(instance):
    tags = {WILL_RETRY_TAG: "true"}
    job = dg.job(name="some_job")(lambda: None)
    assert internals.will_retry(instance.create_run_for_job(job_def=job, tags=tags))
    assert not internals.will_retry(instance.create_run_for_job(job_def=job))


def test_the_switch_of_a_sensor_is_read(instance):
    @dg.sensor(name="some_sensor", job=dg.job(name="some_job")(lambda: None))
    def sensor():
        return dg.SkipReason("never")

    assert not internals.is_switched_on(instance, "some_sensor")
    remote = _remote_sensor(dg.Definitions(sensors=[sensor], jobs=[sensor.job]))
    instance.start_sensor(remote)
    assert internals.is_switched_on(instance, "some_sensor")
    assert not internals.is_switched_on(instance, "another")


def test_a_sensor_stays_off_though_a_tick_writes_the_state_that_it_has_read(instance):
    @dg.sensor(name="some_sensor", job=dg.job(name="some_job")(lambda: None))
    def sensor():
        """Do nothing."""

    remote = _remote_sensor(dg.Definitions(sensors=[sensor], jobs=[sensor.job]))
    as_read = instance.start_sensor(remote)
    instance.stop_sensor(remote.get_remote_origin_id(), remote.selector_id, remote)
    tick = threading.Timer(0.2, instance.update_instigator_state, [as_read])
    tick.start()
    internals.keep_switched_off(instance, "some_sensor")
    tick.join()
    assert not internals.is_switched_on(instance, "some_sensor")


def _remote_sensor(definitions: dg.Definitions):
    """Return a sensor as the code server describes it to the daemon."""
    from dagster._core.remote_representation.external import RemoteRepository
    from dagster._core.remote_representation.external_data import RepositorySnap
    from dagster._core.remote_representation.handle import RepositoryHandle

    repository = definitions.get_repository_def()
    handle = RepositoryHandle.for_test(repository_name=repository.name)
    snap = RepositorySnap.from_def(repository)
    (sensor,) = RemoteRepository(snap, handle, auto_materialize_use_sensors=True).get_sensors()
    return sensor


def test_the_process_of_a_run_is_found_in_its_events(instance):
    known = internals.last_process(instance, run_alone(made, instance).run_id)
    assert known is None or known[0] == os.getpid()
    job = dg.job(name="some_job")(lambda: None)
    started = instance.create_run_for_job(job_def=job)
    instance.report_engine_event(
        "started",
        started,
        engine_event_data=EngineEventData({"pid": dg.MetadataValue.text("4711")}),
    )
    pid, when = internals.last_process(instance, started.run_id)
    assert pid == 4711 and abs(when - time.time()) < 60


def test_launchers_know_their_instance(instance):
    launcher = LocalLauncher()
    launcher.register_instance(instance)
    assert internals.instance_of(launcher) is instance
    assert launcher.supports_check_run_worker_health


def test_celery_launchers_have_an_app_and_the_tag_of_a_task():
    launcher_of = pytest.importorskip("dagster_celery.launcher")
    from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

    from forge_assets.workers import WorkerLauncher

    assert issubclass(WorkerLauncher, launcher_of.CeleryRunLauncher) and DAGSTER_CELERY_TASK_ID_TAG
    launcher = WorkerLauncher("redis://127.0.0.1:1/0", lost_after_seconds=60)
    assert launcher.celery.control.revoke and launcher.celery.conf.task_default_queue == "dagster"


def test_a_process_of_multiprocessing_is_known_by_the_name_that_workers_replace():
    assert multiprocessing.process.current_process() is multiprocessing.process._current_process


def test_a_run_of_this_process_belongs_to_the_location_of_the_workspace(monkeypatch):
    from dagster._core.workspace.load import location_origins_from_yaml_paths

    from forge_assets.in_process import DEFINITIONS, LOCATION

    (origin,) = location_origins_from_yaml_paths([str(PROJECT / "workspace.yaml")])
    assert origin.location_name == LOCATION
    assert origin.loadable_target_origin.module_name == DEFINITIONS
    with dg.DagsterInstance.ephemeral() as instance:
        with internals.runs_of_location(instance, DEFINITIONS, LOCATION):
            assert dg.materialize(
                [parts, whole], instance=instance, partition_key="a", selection=[parts]
            ).success
        assert dg.materialize([whole, parts], instance=instance, selection=[whole]).success
        other, run = instance.get_runs()
        assert other.remote_job_origin is None
        place = run.remote_job_origin.repository_origin
        assert (place.repository_name, place.code_location_origin.location_name) == (
            "__repository__",
            LOCATION,
        )
