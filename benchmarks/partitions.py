"""Measure the cost of ten thousand partitions: recording them, storing them and showing them in the UI.

    python benchmarks/partitions.py [--partitions 10000] [--alone] [--postgres] [--keep DIR] [--json]

It uses the project's definitions and dagster.yaml, with a Dagster home and a store in a separate folder.
The store is filled first. All its shards of a declaration hold the rows of the same deal, so that runs
solve nothing: their time is that of Dagster and of reading footers. Then `oracle_shards` is
materialized in blocks of 50 seeds per declaration: the first declaration by a run in this process,
whose time is broken down; the other nine by a backfill, launched as the UI does, through a web server
and a daemon that this script starts. With --alone, all ten run in this process, and the UI's queries
are not timed.

    planned     the event that announces a partition, written before the run starts
    recorded    the event that records a partition, written at once (`context.log_event`)
    footers     checking that its five shards exist
    read_back   reading one of them in full, before the partition is recorded

The UI's queries (ui_queries.graphql) go to that web server; each figure is the median of seven. Memory
is the peak of a process in MiB; the code location is a separate process, loaded twice. Before printing,
the script asserts that all partitions are materialized and none failed. Linux only.

--postgres keeps Dagster's tables in a PostgreSQL that the script starts (its binaries must be installed).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

PROJECT = Path(__file__).parent.parent
ASSET = "oracle_shards"
ROWS = 28
"""rows of a shard: the minimum"""
TIMES = 7


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--partitions", type=int, default=10_000, help="a multiple of ten")
    parser.add_argument("--alone", action="store_true", help="no web server, no daemon: all in this process")
    parser.add_argument("--postgres", action="store_true", help="Dagster's tables in PostgreSQL")
    parser.add_argument("--keep", metavar="DIR", help="a new folder, kept; else a temporary one")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.partitions < 10 or asked.partitions % 10:
        parser.error(f"{asked.partitions} partitions: use a multiple of ten")
    with ExitStack() as stack:
        folder = Path(asked.keep or stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "home").mkdir(parents=True)
        shutil.copy(PROJECT / "dagster_home/dagster.yaml", folder / "home")
        if asked.postgres:
            url = stack.enter_context(postgres())
            with (folder / "home/dagster.yaml").open("a") as config:
                config.write(f"\nstorage:\n  postgres:\n    postgres_url: {url}\n")
        os.environ |= {"DAGSTER_HOME": str(folder / "home"), "FORGE_STORE": str(folder / "store")}
        figures = measure(folder, asked.partitions // 10, asked.alone)
    if asked.json:
        print(json.dumps(figures))
    else:
        show(figures)


def measure(folder: Path, n_blocks: int, alone: bool) -> dict[str, Any]:
    """Return all figures, measured in an empty home and an empty store."""
    import dagster as dg

    from forge_assets.resources import COMPUTE_POOL
    from forge_assets.texas42.universe import grow_universe
    from forge_core.device import device_name
    from forge_core.texas42.declarations import NAMES

    figures: dict[str, Any] = {
        "device": device_name("cpu"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "dagster": dg.__version__,
        "partitions": n_blocks * len(NAMES),
    }
    fill_store(folder / "store", n_blocks)
    with dg.DagsterInstance.get() as instance:
        instance.event_log_storage.set_concurrency_slots(COMPUTE_POOL, 1)  # as the Makefile does
        grow_universe(instance, [n_blocks - 1])
        figures["storage"] = type(instance.event_log_storage).__name__
        figures["here"] = [record_here(instance, name, n_blocks) for name in (NAMES if alone else NAMES[:1])]
        if not alone:
            figures["definitions_s"] = time_definitions()
            with services(folder) as (ask, processes):
                figures["backfill"] = backfill(instance, ask, NAMES[1:], n_blocks)
                figures["ui"] = time_queries(ask, figures["backfill"].pop("id"), n_blocks * len(NAMES))
                figures["mib"] = {name: memory(process.pid) for name, process in processes.items()}
        assert_recorded(instance, n_blocks)
        figures["database_bytes"] = database_bytes(instance, folder / "home")
    return figures


def fill_store(store: Path, n_blocks: int) -> None:
    """Write every shard of the blocks with its header; all shards of a declaration hold the same rows."""
    from forge_assets.texas42.blocks import block_name
    from forge_assets.texas42.partitions import block_keys
    from forge_core.texas42.declarations import N_DECLARATIONS
    from forge_core.texas42.oracle import solve
    from forge_core.texas42.oracle.shards import ShardConfig, ShardKey, make_shard
    from forge_core.texas42.oracle.shards.writing import encode_shard

    config, keys = ShardConfig(rows=ROWS), [ShardKey(decl, decl) for decl in range(N_DECLARATIONS)]
    solved = [make_shard(solve(key.deal(), key.decl, device="cpu"), key, config) for key in keys]
    for block in range(n_blocks):
        for key in block_keys(block_name(block)):
            shard = solved[key.decl]
            header = dataclasses.replace(shard.header, seed=key.seed)
            folder = store / "shards-standard" / key.split
            folder.mkdir(parents=True, exist_ok=True)
            (folder / key.filename).write_bytes(encode_shard(dataclasses.replace(shard, header=header)))


def assert_recorded(instance: Any, n_blocks: int) -> None:
    """Assert that every partition is recorded once and that no run failed."""
    import dagster as dg

    from forge_assets.texas42.blocks import block_name
    from forge_core.texas42.declarations import NAMES

    wanted = {f"{name}|{block_name(block)}" for name in NAMES for block in range(n_blocks)}
    assert set(instance.get_materialized_partitions(dg.AssetKey(ASSET))) == wanted
    assert all(record.dagster_run.is_success for record in instance.get_run_records())


# --- runs ------------------------------------------------------------------------------------


def record_here(instance: Any, name: str, n_blocks: int) -> dict[str, float]:
    """Run the blocks of a declaration in this process; return milliseconds per partition, by part."""
    import dagster as dg

    from forge_assets.in_process import materialize_here
    from forge_assets.texas42 import oracle_shards
    from forge_assets.texas42.blocks import block_name
    from forge_core.texas42.oracle import shards

    spent: dict[str, float] = defaultdict(float)

    def timed(part: str, function: Callable) -> Callable:
        def run(*given: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*given, **named)
            finally:
                spent[part] += time.perf_counter() - started

        return run

    def timed_filling(*given: Any, **named: Any) -> Iterator:
        with closing(fill_shards(*given, **named)) as reports:
            following = timed("footers", lambda: next(reports, None))
            while report := following():
                yield report

    fill_shards = shards.fill_shards
    tags = {
        "dagster/asset_partition_range_start": f"{name}|{block_name(0)}",
        "dagster/asset_partition_range_end": f"{name}|{block_name(n_blocks - 1)}",
    }
    context = dg.AssetExecutionContext
    with (
        mock.patch.object(shards, "fill_shards", timed_filling),
        mock.patch.object(oracle_shards, "read_back", timed("read_back", oracle_shards.read_back)),
        mock.patch.object(context, "log_event", timed("recorded", context.log_event)),
    ):
        started, cpu = time.perf_counter(), time.process_time()
        result = materialize_here(ASSET, instance, tags, {"rows": str(ROWS)})
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    assert result.success
    spent["planned"] = planning_seconds(instance, result.run_id)
    spent["rest"] = wall - sum(spent.values())
    return {part: 1000 * seconds / n_blocks for part, seconds in (spent | {"wall": wall, "cpu": cpu}).items()}


def planning_seconds(instance: Any, run_id: str) -> float:
    """Return the seconds from the first to the last planned event of a run."""
    import dagster as dg

    planned = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    times = [entry.timestamp for entry in instance.all_logs(run_id, of_type=planned)]
    return max(times) - min(times)


def backfill(instance: Any, ask: Ask, names: tuple[str, ...], n_blocks: int) -> dict[str, Any]:
    """Launch a backfill as the UI does; return milliseconds per partition, in total and inside its runs."""
    from forge_assets.texas42.blocks import block_name

    partitions = [f"{name}|{block_name(block)}" for name in names for block in range(n_blocks)]
    params = {
        "assetSelection": [{"path": [ASSET]}],
        "partitionNames": partitions,
        "runConfigData": {"ops": {ASSET: {"config": {"rows": str(ROWS)}}}},
    }
    started = time.perf_counter()
    launched = ask(LAUNCH, params=params)["launchPartitionBackfill"]["backfillId"]

    def status() -> str:
        return ask(STATUS, id=launched)["partitionBackfillOrError"]["status"]

    while status() == "REQUESTED":
        time.sleep(1)
    wall = time.perf_counter() - started
    assert status() == "COMPLETED_SUCCESS", status()
    runs = [record for record in instance.get_run_records() if "dagster/backfill" in record.dagster_run.tags]
    planned = sum(planning_seconds(instance, record.dagster_run.run_id) for record in runs)
    inside = sum(record.end_time - record.start_time for record in runs)
    seconds = {"planned": planned, "inside": inside, "wall": wall}
    return {
        "id": launched,
        "runs": len(runs),
        "partitions": len(partitions),
        "wall_s": wall,
        "ms": {part: 1000 * spent / len(partitions) for part, spent in seconds.items()},
    }


LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) { ... on LaunchBackfillSuccess { backfillId } }
}"""
STATUS = """
query Status($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}"""

# --- the web server --------------------------------------------------------------------------

Ask = Callable[..., dict]
"""a GraphQL document and its variables -> the data of the answer"""


@contextmanager
def services(folder: Path) -> Iterator[tuple[Ask, dict[str, subprocess.Popen]]]:
    """Start a web server and a daemon as `make ui` does, and yield a function that queries the server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def ask(document: str, **variables: Any) -> dict:
        body = json.dumps({"query": document, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            found = json.load(answer)
        assert "errors" not in found, found["errors"]
        return found["data"]

    commands = {
        "web server": ["dagster_webserver", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)],
        "daemon": ["dagster._daemon", "run", "-w", "workspace.yaml"],
    }
    processes = {}
    try:
        for name, command in commands.items():
            with (folder / f"{name.replace(' ', '-')}.log").open("w") as log:
                processes[name] = subprocess.Popen(
                    [sys.executable, "-m", *command], cwd=PROJECT, stdout=log, stderr=log
                )
        deadline = time.monotonic() + 120
        while True:
            try:
                ask("{ version }")
                break
            except OSError:
                assert time.monotonic() < deadline, f"the web server is not up: {folder}/web-server.log"
                time.sleep(0.5)
        yield ask, processes
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(60)


def ui_queries() -> dict[str, str]:
    """Return the UI's queries by name."""
    text = Path(__file__).with_name("ui_queries.graphql").read_text()
    return {name: query for query, name in re.findall(r"^(query (\w+).*?^}\n)", text, re.M | re.S)}


def time_queries(ask: Ask, backfill_id: str, n_partitions: int) -> dict[str, dict[str, float]]:
    """Return milliseconds and bytes of the UI's queries by page, after checking each answer."""
    queries = ui_queries()
    assets = ask("{ assetNodes { assetKey { path } } }")["assetNodes"]
    keys, key = [asset["assetKey"] for asset in assets], {"path": [ASSET]}
    pages = {
        "asset graph": ("AssetGraph", {"assetKeys": keys}),
        "asset graph, stale marks": ("StaleMarks", {"assetKeys": keys}),
        "asset, partitions": ("Partitions", {"assetKey": key}),
        "asset, overview": ("Overview", {"assetKey": key}),
        "asset, events": ("Events", {"assetKey": key}),
        "runs": ("Runs", {"view": "RUNS"}),
        "backfills": ("Runs", {"view": "BACKFILLS"}),
        "one backfill": ("Backfill", {"backfillId": backfill_id}),
    }
    answers = {page: ask(queries[name], **variables) for page, (name, variables) in pages.items()}
    (node,) = [node for node in answers["asset graph"]["assetNodes"] if node["assetKey"] == key]
    stats = node["partitionStats"]
    assert (stats["numMaterialized"], stats["numFailed"]) == (n_partitions, 0), stats
    ranges = answers["asset, partitions"]["assetNodeOrError"]["assetPartitionStatuses"]["ranges"]
    assert not any(found["secondaryDim"]["failedPartitions"] for found in ranges)

    def milliseconds(query: str, variables: dict[str, Any]) -> float:
        started = time.perf_counter()
        ask(query, **variables)
        return 1000 * (time.perf_counter() - started)

    return {
        page: {
            "ms": statistics.median(milliseconds(queries[name], variables) for _ in range(TIMES)),
            "bytes": len(json.dumps(answers[page])),
        }
        for page, (name, variables) in pages.items()
    }


# --- memory, disk, start ---------------------------------------------------------------------


def memory(pid: int) -> dict[str, int]:
    """Return the peak MiB of a process and of its child, the code location."""

    def peak(pid: int) -> int:
        return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) // 1024

    def below(pid: int) -> list[int]:
        threads = Path(f"/proc/{pid}/task").iterdir()
        children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
        return children + [found for child in children for found in below(child)]

    return {"itself": peak(pid), "code": sum(map(peak, below(pid)))}


def database_bytes(instance: Any, home: Path) -> int:
    """Return the bytes of Dagster's database."""
    import sqlalchemy

    if url := getattr(instance.event_log_storage, "postgres_url", None):
        size = sqlalchemy.text("select pg_database_size(current_database())")
        with sqlalchemy.create_engine(url).connect() as connection:
            return connection.execute(size).scalar_one()
    return sum(file.stat().st_size for file in home.rglob("*.db*"))


def time_definitions() -> float:
    """Return the seconds to load the definitions in a new process, imports included: median of three."""
    code = "from forge_assets.definitions import defs; defs.get_repository_def().get_all_jobs()"

    def seconds() -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT)
        return time.perf_counter() - started

    return statistics.median(seconds() for _ in range(3))


@contextmanager
def postgres() -> Iterator[str]:
    """Start PostgreSQL on a socket with default settings, and yield the URL of an empty database."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    where = os.pathsep.join([os.environ["PATH"], *map(str, reversed(found))])
    binaries = {name: shutil.which(name, path=where) for name in ("initdb", "pg_ctl")}
    assert all(binaries.values()), "no initdb and pg_ctl: install PostgreSQL"
    account = {"user": "nobody"} if os.geteuid() == 0 else {}  # it will not run as root
    with tempfile.TemporaryDirectory() as folder:
        if account:
            shutil.chown(folder, **account)
        data = f"{folder}/data"

        def run(name: str, *options: str) -> None:
            command = [binaries[name], "-D", data, *options]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **account)

        run("initdb", "-U", "forge", "-A", "trust", "-E", "UTF8", "--no-locale")
        run("pg_ctl", "-w", "-l", f"{folder}/log", "-o", f"-c listen_addresses='' -k {folder}", "start")
        try:
            yield f"postgresql+psycopg2://forge@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-m", "fast", "stop")


def show(figures: dict[str, Any]) -> None:
    """Print the figures as tables."""
    from rich.console import Console
    from rich.table import Table

    n, console = figures["partitions"], Console()
    console.print(
        f"{figures['device']}, {figures['cores']} cores; Dagster {figures['dagster']}, "
        f"Python {figures['python']}, {figures['storage']}; {n:,} partitions, all recorded"
    )
    size = figures["database_bytes"]
    console.print(f"database {size / 2**20:.1f} MiB, {size / n:,.0f} bytes a partition")
    here = figures["here"]
    means = ", ".join(f"{part} {statistics.mean(run[part] for run in here):.1f}" for part in PARTS)
    console.print(f"ms a partition in this process, {len(here)} run(s): {means}")
    if "backfill" not in figures:
        return
    told = figures["backfill"]
    spent = ", ".join(f"{part} {ms:.1f}" for part, ms in told["ms"].items())
    console.print(
        f"backfill of {told['partitions']:,} in {told['runs']} runs, {told['wall_s']:.0f} s; "
        f"ms a partition: {spent}"
    )
    console.print(f"definitions loaded in {figures['definitions_s']:.1f} s")
    grid = Table("page", "ms", "kB")
    for page, row in figures["ui"].items():
        grid.add_row(page, f"{row['ms']:.0f}", f"{row['bytes'] / 1000:.0f}")
    console.print(grid)
    grid = Table("most memory, MiB", "itself", "its code location")
    for name, row in figures["mib"].items():
        grid.add_row(name, str(row["itself"]), str(row["code"]))
    console.print(grid)


PARTS = ("planned", "recorded", "footers", "read_back", "rest", "wall", "cpu")

if __name__ == "__main__":
    main()
