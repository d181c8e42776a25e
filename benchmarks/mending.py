"""Measure the cost of finding and repairing scattered gaps: 20 blocks, with 7 shards missing in 7 partitions.

    .venv/bin/python benchmarks/mending.py [--blocks 20]

It solves the deals (a minute or two), records them, deletes seven, and starts a daemon that
repairs them, all in a temporary folder. It prints the seconds and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg

from forge_assets.gaps.backfill import mend
from forge_assets.gaps.find import find_gaps
from forge_assets.gaps.report import GapQuery
from forge_assets.resources import COMPUTE_POOL
from forge_assets.texas42 import versions
from forge_assets.texas42.blocks import block_name
from forge_assets.texas42.oracle_shards import version_of
from forge_assets.texas42.partitions import shard_keys
from forge_assets.versions import PROJECT
from forge_core.device import core_count
from forge_core.files import Store
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.oracle.shards import ShardConfig, fill_shards, settings_made

GONE = 7
CONFIG = ShardConfig(rows=280)


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=20)
    n_blocks = parser.parse_args().blocks
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), n_blocks)


def measure(folder: Path, n_blocks: int) -> None:
    """Measure in an empty folder, and print."""
    home, root = folder / "home", Store(str(folder / "store"))
    home.mkdir()
    shutil.copy(PROJECT / "dagster_home/dagster.yaml", home)
    partitions = {
        name: shard_keys(name, "one")
        for name in (f"{decl}|{block_name(block)}" for decl in NAMES for block in range(n_blocks))
    }
    shards, keys = root.join("shards-standard"), [key for of_one in partitions.values() for key in of_one]
    assert all(report.made for report in fill_shards(shards, keys, CONFIG))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.event_log_storage.set_concurrency_slots(COMPUTE_POOL, 1)
        for name, of_one in partitions.items():
            data = version_of(settings_made(CONFIG), [key.filename for key in of_one])
            tags = {"dagster/code_version": versions.SHARDS, "dagster/data_version": data}
            instance.report_runless_asset_event(
                dg.AssetMaterialization("oracle_shards", partition=name, tags=tags)
            )
        for key in keys[:: len(keys) // GONE][:GONE]:
            shards.join(key.split).delete(key.filename)
        begun = time.perf_counter()
        found = find_gaps(GapQuery(), root, instance)
        looked = time.perf_counter() - begun
        assert sum(gap.missing for gap in found.assets[0].gaps) == GONE
        mended = wait_for_the_daemon(home, instance, mend(found, instance)[0].backfill_id)
        assert find_gaps(GapQuery(), root, instance).whole
        runs = instance.get_run_records()
        inside = sum(record.end_time - record.start_time for record in runs)
    print(f"{core_count()} cores, load average {os.getloadavg()[0]:.1f} at the end")
    print(f"{len(keys):,} footers and {len(partitions):,} records: {looked:.1f} s")
    print(f"{GONE} gaps: {len(runs)} runs, {mended:.0f} s from asking to the end, {inside:.0f} s inside runs")


def wait_for_the_daemon(home: Path, instance: dg.DagsterInstance, backfill: str) -> float:
    """Return the seconds until a daemon has finished a backfill."""
    command = [sys.executable, "-m", "dagster._daemon", "run", "-w", "workspace.yaml"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    begun = time.perf_counter()
    daemon = subprocess.Popen(
        command,
        env=os.environ | {"DAGSTER_HOME": str(home)},
        cwd=PROJECT,
        start_new_session=True,
        **quiet,
    )
    try:
        while (status := instance.get_backfill(backfill).status.value) in ("REQUESTED", "COMPLETING"):
            assert daemon.poll() is None, "the daemon has ended"
            time.sleep(0.5)
    finally:
        os.killpg(daemon.pid, signal.SIGINT)
        daemon.wait()
    assert status == "COMPLETED_SUCCESS", status
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
