"""Several machines as in deploy/celery: PostgreSQL, Redis, a web server, a daemon, two workers.

All are real processes on this machine. A worker is killed with -9 and the database is stopped
without warning; each time the test checks what was lost and what a repeat makes.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
from running import ORACLE_SHARDS, PROJECT, SMALL, Dagster, Process, daemon, free_port

from forge_assets.texas42.blocks import block_name
from forge_assets.texas42.partitions import UNIVERSE, block_range, shard_keys
from forge_core.files import Store
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.oracle.shards import ShardConfig, ShardKey, missing_shards, read_shard

CONFIG = ShardConfig(rows=int(SMALL["rows"]))
RUNNING, SUCCESS, FAILURE = (
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
)


def program(name: str) -> str | None:
    """Return the path of a server's program; Debian keeps PostgreSQL's off the PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(debian[-1]) if debian else shutil.which(name)


ABSENT = [name for name in ("initdb", "postgres", "redis-server") if program(name) is None]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.services,
    pytest.mark.skipif(bool(ABSENT), reason=f"not here: {', '.join(ABSENT)} (apt: postgresql, redis-server)"),
]


@dataclass(slots=True)
class Postgres:
    """A separate database, run by a user other than root."""

    folder: Path
    port: int
    user: str | None = "postgres" if os.geteuid() == 0 else None
    process: Process | None = None
    starts: int = 0

    def initialize(self) -> None:
        """Create the database's files."""
        self.folder.mkdir()
        if self.user:
            shutil.chown(self.folder, self.user)
        command = [program("initdb"), "-D", self.folder, "-U", "forge", "--auth=trust", "--locale=C.UTF-8"]
        subprocess.run(command, user=self.user, cwd="/", check=True, capture_output=True)

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        log = self.folder.with_suffix(".log")
        command = [program("postgres"), "-D", self.folder, "-p", self.port, "-k", self.folder]
        command += ["-c", "listen_addresses=127.0.0.1"]
        self.process = Process([str(word) for word in command], os.environ, log, self.user)
        self.starts += 1
        self.process.wait_until(
            lambda: log.read_text().count("ready to accept connections") == self.starts, 30
        )

    def crash(self) -> None:
        """Cut every connection without finishing anything; the next start recovers."""
        os.kill(self.process.process.pid, signal.SIGQUIT)
        self.process.process.wait()


@dataclass(slots=True)
class Cluster:
    """All processes of the cluster."""

    environment: dict[str, str]
    folder: Path
    postgres: Postgres
    web: Dagster
    workers: dict[str, Process] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """Return the store of the shards."""
        return Store(self.environment["FORGE_STORE"]).join("shards-standard")

    def start_worker(self, name: str) -> None:
        """Start a worker as on a separate host."""
        command = [sys.executable, "-m", "celery", "-A", "forge_assets.workers", "worker", "-n", f"{name}@%h"]
        log = self.folder / f"{name}.log"
        self.workers[name] = Process([*command, "-l", "info"], self.environment, log)

    def worker_of(self, run: dg.DagsterRun) -> str:
        """Return the worker that was given a run, by the workers' logs."""
        task = run.tags["dagster-celery/task_id"]
        return next(name for name, worker in self.workers.items() if task in worker.log.read_text())

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Return the Dagster instance in the database."""
        with dg.DagsterInstance.from_config(self.environment["DAGSTER_HOME"]) as instance:
            yield instance

    def runs(self, **tags: str) -> list[dg.RunRecord]:
        """Return the runs with these tags (`__` for `/`), in the order of their creation."""
        wanted = {f"dagster/{name}": value for name, value in tags.items()}
        with self.instance() as instance:
            found = instance.get_run_records(dg.RunsFilter(tags=wanted))
        return sorted(found, key=lambda record: record.create_timestamp)

    def made(self, run_id: str) -> int:
        """Return the shards that a run reports as solved."""
        with self.instance() as instance:
            records = instance.fetch_materializations(ORACLE_SHARDS, limit=5000).records
        events = [record.asset_materialization for record in records if record.run_id == run_id]
        return sum(event.metadata["made"].value for event in events)

    def run(self, run_id: str) -> dg.RunRecord:
        """Return the current state of a run."""
        with self.instance() as instance:
            return instance.get_run_record_by_id(run_id)

    def wait_for(self, run_id: str, status: dg.DagsterRunStatus, seconds: float = 90) -> dg.RunRecord:
        """Wait until a run has reached a point."""
        return self.web.wait_until(
            lambda: (found := self.run(run_id)).dagster_run.status == status and found, seconds
        )


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Start everything, and stop all of it when the module ends."""
    folder = Path(tempfile.mkdtemp(prefix="forge-services-"))
    folder.chmod(0o755)  # the database's user passes through
    postgres, redis_port = Postgres(folder / "postgres", free_port()), free_port()
    settings = {
        "DAGSTER_HOME": str(folder / "home"),
        "FORGE_STORE": str(folder / "store"),
        "FORGE_PG_HOST": "127.0.0.1",
        "FORGE_PG_PORT": str(postgres.port),
        "FORGE_PG_DB": "postgres",
        "FORGE_PG_USER": "forge",
        "FORGE_PG_PASSWORD": "not asked for",
        "FORGE_REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
    }
    configuration = (PROJECT / "deploy/celery/dagster.yaml").read_text()
    for patience in ("lost_after_seconds: 5", "poll_interval_seconds: 2"):  # all else is as deployed
        name = patience.partition(":")[0]
        configuration, found = re.subn(rf"{name}: \d+", patience, configuration)
        assert found == 1
    (folder / "home").mkdir()
    (folder / "home/dagster.yaml").write_text(configuration)
    environment = os.environ | settings | {"PYTHONUNBUFFERED": "1"}
    started: list[Process] = []
    workers: dict[str, Process] = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():  # this process asks the database too
            patch.setenv(name, value)
        try:
            postgres.initialize()
            postgres.start()
            redis = [program("redis-server"), "--bind", "127.0.0.1", "--port", str(redis_port)]
            started.append(
                Process([*redis, "--save", "", "--dir", str(folder)], os.environ, folder / "redis.log")
            )
            web = Dagster(environment, folder / "web.log", alone=True)
            started.append(web)
            web.wait_until_ready(90)  # it has made the tables, which several at once would not
            started.append(daemon(environment, folder / "daemon.log"))
            found = Cluster(environment, folder, postgres, web, workers)
            for name in ("one", "two"):
                found.start_worker(name)
            with found.instance() as instance:  # a sensor lists the blocks of a new instance
                web.wait_until(lambda: instance.has_dynamic_partition(UNIVERSE, block_name(19)), 90)
            yield found
        finally:
            for process in (*workers.values(), *reversed(started), postgres.process):
                if process:
                    process.kill()
    shutil.rmtree(folder)


def keys_in(names: Sequence[str], blocks: range) -> list[ShardKey]:
    return [key for name in names for b in blocks for key in shard_keys(f"{name}|{block_name(b)}", "one")]


def assert_whole(store: Store) -> None:
    """Assert that every file under a final name reads back."""
    for split in ("train", "val"):
        for name in store.join(split).names():
            read_shard(store, name)  # raises for a half-written one


def test_two_workers_share_a_backfill(cluster):
    names, blocks = NAMES[:4], range(4)
    partitions = [f"{name}|{block_name(block)}" for name in names for block in blocks]
    backfill = cluster.web.launch_backfill(partitions)
    assert cluster.web.end_of_backfill(backfill, 120) == "COMPLETED_SUCCESS"

    runs = cluster.runs(backfill=backfill)
    assert [record.dagster_run.status for record in runs] == [SUCCESS] * 4
    by_worker = {name: [] for name in cluster.workers}
    for record in runs:
        by_worker[cluster.worker_of(record.dagster_run)].append((record.start_time, record.end_time))
    assert all(by_worker.values()), "one of them did nothing"
    for times in by_worker.values():
        assert all(a[1] <= b[0] for a, b in pairwise(sorted(times))), "one run at a time"
    assert any(a[0] < b[1] and b[0] < a[1] for a in by_worker["one"] for b in by_worker["two"]), "no overlap"
    assert not missing_shards(cluster.store, keys_in(names, blocks), CONFIG)


def test_a_worker_killed_in_the_middle_of_a_run_loses_nothing_and_the_other_goes_on(cluster):
    first, last = 4, 6
    keys = keys_in(NAMES, range(first, last + 1))
    run_id = cluster.web.launch_run(block_range(first, last))
    run = cluster.web.wait_until(lambda: cluster.made(run_id) and cluster.run(run_id).dagster_run, 60)
    killed = cluster.worker_of(run)
    cluster.workers[killed].kill()

    known, missing = cluster.made(run_id), missing_shards(cluster.store, keys, CONFIG)
    assert cluster.run(run_id).dagster_run.status == RUNNING, "it was over before it could be killed"
    assert 0 < known <= len(keys) - len(missing) < len(keys)
    assert_whole(cluster.store)

    cluster.wait_for(run_id, FAILURE)
    with cluster.instance() as instance:
        said = [event.message for event in instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)]
    assert "no worker has executed it" in said[0]
    (retry,) = cluster.web.wait_until(lambda: cluster.runs(parent_run_id=run_id), 60)
    repeat = cluster.wait_for(retry.dagster_run.run_id, SUCCESS).dagster_run
    assert cluster.worker_of(repeat) != killed
    assert cluster.made(repeat.run_id) == len(missing)
    assert not missing_shards(cluster.store, keys, CONFIG)
    cluster.start_worker(killed)


def test_a_database_away_for_seconds_fails_runs_but_loses_nothing(cluster):
    names, blocks = NAMES[5:7], range(8, 20)
    keys = keys_in(names, blocks)
    partitions = [f"{name}|{block_name(block)}" for name in names for block in blocks]
    backfill = cluster.web.launch_backfill(partitions)

    def both_in_the_middle():
        runs = cluster.runs(backfill=backfill)
        return len(runs) == 2 and all(cluster.made(record.dagster_run.run_id) for record in runs)

    cluster.web.wait_until(both_in_the_middle, 90)
    cluster.postgres.crash()
    time.sleep(5)
    cluster.postgres.start()

    # Which of the two met the gap in the database is chance; whatever did says that it failed.
    cluster.web.end_of_backfill(backfill, 120)
    with cluster.instance() as instance:
        done = instance.get_materialized_partitions(ORACLE_SHARDS) & set(partitions)
    missing = missing_shards(cluster.store, keys, CONFIG)
    statuses = {record.dagster_run.status for record in cluster.runs(backfill=backfill)}
    assert statuses <= {SUCCESS, FAILURE} and (FAILURE in statuses or len(done) == len(partitions))
    assert done, "what was recorded before is known after"
    for partition in done:
        assert not missing_shards(cluster.store, shard_keys(partition, "one"), CONFIG)
    assert_whole(cluster.store)

    tags = {
        "dagster/asset_partition_range_start": partitions[0],
        "dagster/asset_partition_range_end": partitions[-1],
    }
    # The web server learns from its first question that its connection is gone: ask again.
    run_id = cluster.web.wait_until(lambda: cluster.web.launch_run(tags), 30)
    cluster.wait_for(run_id, SUCCESS)
    assert cluster.made(run_id) == len(missing)
    assert not missing_shards(cluster.store, keys, CONFIG)
    with cluster.instance() as instance:
        assert set(partitions) <= instance.get_materialized_partitions(ORACLE_SHARDS)
