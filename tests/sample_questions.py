"""Questions about the stored sample; golden/stored/answers.json holds the answers of the commit that made it.

A question is a function that takes the folder with the unpacked sample and returns JSON types. It uses only
commands and the functions of Python that keep their names, so that reorganised code can be asked the same
questions. Answers contain no sentences, because later code may word them differently.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from stored_sample import PLACE

PROJECT = Path(__file__).parent.parent
SENTENCES = {"end", "declaration", "on_disk", "unknown", "asked", "kinds"}
"""keys of JSON output whose values are words for people"""
MACHINE = {"seconds", "device", "url", "held"}
"""keys of JSON output whose values depend on the machine"""
LATER = 1_900_000_000.0
"""seconds since 1970: the time at which `prunable` looks for old runs; the whole sample is older"""

Question = Callable[[Path], Any]


# --- commands -----------------------------------------------------------------


def forge(*arguments: object, status: int = 0) -> Any:
    """Return what `forge ... --json` prints."""
    from forge_core.cli.main import main

    return _answer(main, arguments, status)


def forge_pipeline(*arguments: object, status: int = 0) -> Any:
    """Return what `forge-pipeline ... --json` prints."""
    from forge_assets.cli.main import main

    return _answer(main, arguments, status)


def _answer(main: Callable[[Sequence[str]], int], arguments: Sequence[object], status: int) -> Any:
    out, notes = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(notes):
        ended = main([*map(str, arguments), "--json"])
    assert ended == status, f"{arguments}: exit status {ended}\n{out.getvalue()}\n{notes.getvalue()}"
    return json.loads(out.getvalue())


def without(record: Any, names: set[str]) -> Any:
    """Return a copy of JSON types without the keys `names`, at any depth."""
    if isinstance(record, Mapping):
        return {name: without(value, names) for name, value in record.items() if name not in names}
    return [without(value, names) for value in record] if isinstance(record, list) else record


def placed(record: Any, root: Path) -> Any:
    """Return a copy of JSON types in which the sample lies at PLACE."""
    return json.loads(json.dumps(record).replace(str(root), PLACE))


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of each file, by path. The time changes whenever a file is written."""
    found = {path.relative_to(folder).as_posix(): path.stat() for path in folder.rglob("*") if path.is_file()}
    return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in found.items()}


# --- the store ----------------------------------------------------------------------------------


def holdings(root: Path) -> Any:
    """Return what the store holds; every shard is read in full."""
    return without(forge("doctor", "--verify")["store"], MACHINE)


def nothing_to_make(root: Path) -> Any:
    """Return the plans of dry runs with the settings that made the files: no file is missing."""
    store, other = root / "store", root / "other"
    rows, dry = ("--rows", "28"), ("--dry-run", "--out", store)
    marginalized = ("--marginalized", "--opponents", "2")
    few = ("--oracle", "model", "--model", root / "runs/stored/model", "--worlds", "4", "--no-pdf")
    unlike = ("--oracle", "hybrid", "--model", PROJECT / "models/texas42-qvalue-73k", "--posterior")
    unlike += ("--adaptive", "--min-worlds", "10", "--max-worlds", "40", "--exploration", "boltzmann")
    unlike += ("--choose", "pmake", "--bid", "31", "--seed", "5")
    cpu = ("--device", "cpu")
    plans = {
        "standard": forge("shards", "--seeds", "0-99,900-949", *rows, *dry),
        "marginalized": forge("shards", "--seeds", "0,10,20,30,40", *rows, *marginalized, *dry),
        "games": forge("eq", "--seeds", "0-49,900-901,920-923", *few, *cpu, *dry),
        "other games": forge("eq", "--seeds", "7", *unlike, *cpu, "--dry-run", "--out", other),
    }
    for stage, settings in (("1", rows), ("2", ())):
        asked = ("--stage", stage, "--input", store, "--split", "all", *settings, *dry)
        plans[f"rows of stage {stage}"] = without(forge("tokenize", *asked)["splits"], {"folder"})
    return without(plans, {"store"})


def values_of_a_shard(root: Path) -> Any:
    """Count the rows of one shard, and those whose values differ from what the solver finds now."""
    import pyarrow.parquet as pq

    from forge_core.texas42.deals import deal_from_seed
    from forge_core.texas42.oracle import solve

    table = pq.read_table(root / "store/shards-standard/train/seed_00000003_decl_3.parquet")
    stored = {name: table[name].to_numpy() for name in table.column_names}
    value, q = solve(deal_from_seed(3), 3, device="cpu").query(stored["state"])
    unlike = np.asarray(value) != stored["V"]
    unlike |= (np.asarray(q) != np.stack([stored[f"q{slot}"] for slot in range(7)], axis=1)).any(axis=1)
    return {"rows": len(unlike), "unlike": int(unlike.sum())}


def figures_of_a_shard(root: Path) -> Any:
    """Return the metrics, over the rows of one shard, of a player that always plays its lowest slot."""
    import pyarrow.parquet as pq

    from forge_core.learning.metrics import evaluate_q

    table = pq.read_table(root / "store/shards-standard/train/seed_00000003_decl_3.parquet")
    q = np.stack([table[f"q{slot}"].to_numpy() for slot in range(7)], axis=1)
    guess = np.tile(np.arange(7, 0, -1, dtype=np.float32), (len(q), 1))
    ply, weight = table["ply"].to_numpy(), table["weight"].to_numpy()
    measured = evaluate_q(guess, q, q > -128, weight, np.full(len(q), 3), ply)
    return {name: value for name, value in measured.items() if isinstance(value, (int, float))}


def games(root: Path) -> Any:
    """Return two recorded games, the summary of all games, and totals of the exported tensors."""
    import torch

    shown = {"first": forge("view", root / "store", "--game", "7"), "other": forge("view", root / "other")}
    summary = forge("summary", root / "store")
    exported = forge("eq-export", root / "store", "--out", root / "games.pt")
    tensors = torch.load(root / "games.pt", weights_only=True)
    totals = {
        name: [list(value.shape), float(torch.nan_to_num(value.double(), posinf=0, neginf=0).sum())]
        for name, value in tensors.items()
        if isinstance(value, torch.Tensor)
    }
    return {
        "shown": {name: game | {"decisions": game["decisions"][4:6]} for name, game in shown.items()},
        "summary": without(summary, {"plies"}),
        "exported": {name: exported[name] for name in ("games", "schema")},
        "tensors": totals,
    }


PLAYED_OUT = ("--samples", "5", "--seed", "17", "--playout", "oracle")


def hands(root: Path) -> Any:
    """Return the chances of two bids in one bidding table, as stored and as computed again."""
    import pyarrow.parquet as pq

    (path,) = (root / "store/bidding-results/train").glob("*00000017*")
    (stored,) = pq.read_table(path).to_pylist()
    dominoes = [(high, low) for high in range(7) for low in range(high + 1)]
    hand = ",".join("{}-{}".format(*dominoes[domino]) for domino in stored["hand"])
    again = forge("bid", "--hand", hand, *PLAYED_OUT)["declarations"]
    return {
        "hand": hand,
        "stored": {bid: [stored[f"pmake_{decl}_{bid}"] for decl in range(10)] for bid in (30, 42)},
        "again": {bid: [of_decl["p_make"][str(bid)] for of_decl in again.values()] for bid in (30, 42)},
    }


def matches(root: Path) -> Any:
    """Return matches whose boards are stored, and the files that the commands wrote."""
    players = ("random", "heuristic", f"policy:model={root / 'runs/policy/model'},worlds=2")
    before = files_of(root / "store/matches")
    asked = ("--device", "cpu", "--out", root / "store")
    played = [
        forge("match", *players, "--seeds", "900-905", *asked),
        forge("match", "eq:worlds=3,oracle=exact", "heuristic", "--seeds", "0-2", *asked),
    ]
    written = set(files_of(root / "store/matches").items()) - set(before.items())
    return {
        "matches": without(played, MACHINE | {"standings"}),
        "written": sorted(name for name, _ in written),
    }


# --- networks -----------------------------------------------------------------------------------


def networks(root: Path) -> Any:
    """Return the card of each stored network, and its answers to some tokens, also by its ONNX file."""
    import onnxruntime
    import torch

    from forge_core.learning.checkpoints import load_model
    from forge_core.streams import stream

    found = {}
    for folder in sorted(root.glob("runs/*/model")):
        model = load_model(str(folder))
        draw = stream(0, "stored sample")
        shape = (3, model.spec.n_positions)
        columns = [draw.integers(0, most, shape) for most in model.spec.vocabularies]
        tokens, mask = np.stack(columns, axis=2), np.ones(shape, dtype=bool)
        with torch.inference_mode():
            answers = model(torch.as_tensor(tokens), torch.as_tensor(mask))
        of_model = {"card": _card(folder), "answers": [_numbers(answer) for answer in answers]}
        if (folder / "model.onnx").exists():
            session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
            given = {
                put.name: (mask if "bool" in put.type else tokens).astype(_DTYPES[put.type])
                for put in session.get_inputs()
            }
            of_model["onnx"] = [_numbers(answer) for answer in session.run(None, given)]
        found[folder.parent.name] = of_model
    return found


def _card(folder: Path) -> Any:
    record = json.loads((folder / "model.json").read_text())
    return {name: record[name] for name in ("schema_version", "config", "parameters", "weights")}


def _numbers(answer: Any) -> Any:
    return np.asarray(answer).round(6).tolist()


_DTYPES = {
    "tensor(int64)": np.int64,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}


_SMOOTH = ("q_mae", "value_mae", "spread_mae", "spread_bias")
"""metrics that change little when the answers of a network change little, as between two CPUs"""


def resumed_runs(root: Path) -> Any:
    """Resume a run that was stopped early; return its curve, and that of the same run unbroken."""
    forge("train", "--resume", "--name", "stopped-1", "--runs", root / "runs", "--threads", "1")
    return {"curves": {name: _curve(root / "runs" / name) for name in ("stopped-1", "whole-1")}}


def _curve(folder: Path) -> list[dict[str, float]]:
    with (folder / "metrics.csv").open() as file:
        points = list(csv.DictReader(file))
    names = ("step", "rows", "loss", *_SMOOTH)
    return [{name: float(point[name]) for name in names if name in point} for point in points]


# --- the pipeline -------------------------------------------------------------------------------


def gaps(root: Path) -> Any:
    """Return the missing, stale and faulty partitions of Texas 42, whose assets have no prefix, by whole
    files."""
    found = forge_pipeline("gaps", "--verify", status=1)
    for of_asset in found["assets"].values():
        left = of_asset["gaps"]
        of_asset["gaps"] = {
            "partitions": len(left),
            "first": left[0]["partition"] if left else None,
            "missing files": sum(gap["missing"] for gap in left),
            "faulty files": {name: reason for gap in left for name, reason in gap["files"].items()},
        }
    of_texas42 = {
        kind: [name for name in found[kind] if not name.startswith(("liuzhou", "skull_king"))]
        for kind in ("stale", "never_made")
    }
    return {"assets": found["assets"], **{kind: sorted(names) for kind, names in of_texas42.items()}}


def backfill(root: Path) -> Any:
    """Ask for a backfill that is already under way: return it, since no second one is started."""
    return forge_pipeline("gaps", "--asset", "marginalized_shards", "--blocks", "0", "--mend")["backfills"]


def lineages(root: Path) -> Any:
    """Trace networks back to the seeds that taught them."""
    asked = {
        "champion": ("champion",),
        "challenger": ("challenger",),
        "policy": ("challenger", "--objective", "policy"),
        "eq": ("champion", "--objective", "eq"),
        "version": ("texas42-oracle-qvalue/3", "--no-look"),
        "folder": (root / "runs/live",),
        "copy": (_copy(root / "runs/stored/model", root / "elsewhere/model"),),
    }
    return {name: without(forge_pipeline("lineage", *words), SENTENCES) for name, words in asked.items()}


def _copy(folder: Path, place: Path) -> Path:
    return shutil.copytree(folder, place)  # MLflow knows it by its weights


def flywheel(root: Path) -> Any:
    """Return the flywheel before and after it ends its second iteration, whose steps are all done."""
    before = files_of(root / "runs")
    status = forge_pipeline("flywheel", "status")
    after = forge_pipeline("flywheel", "once")
    written = set(files_of(root / "runs").items()) - set(before.items())
    return {"status": status, "after": after, "written": sorted(name for name, _ in written)}


def prunable(root: Path) -> Any:
    """List what nothing needs at the time LATER.

    Age counts back from the last run, so the last run is moved further into the future.
    """
    with closing(sqlite3.connect(root / "home/history/runs.db")) as database, database:
        last = "(SELECT max(id) FROM runs)"
        database.execute(f"UPDATE runs SET update_timestamp = '2100-01-01 00:00:00' WHERE id = {last}")
    with mock.patch.object(time, "time", lambda: LATER):
        items = forge_pipeline("prune", "--days", "1")["items"]
    return sorted([item["of"], item["name"]] for item in items)


def run_settings(root: Path) -> Any:
    """Count recorded runs by asset and outcome; return the settings that their asset now refuses: none.

    Also load what the configuration of Dagster's home names.
    """
    import dagster as dg

    from forge_assets.definitions import defs

    job = defs.resolve_implicit_global_asset_job_def()
    counted: dict[str, int] = {}
    refused: dict[str, str] = {}
    with dg.DagsterInstance.get() as instance:
        for run in instance.get_runs():
            made = ", ".join(sorted(key.to_user_string() for key in run.asset_selection or ()))
            counted[f"{made}: {run.status.value}"] = counted.get(f"{made}: {run.status.value}", 0) + 1
            try:
                dg.validate_run_config(job, run.run_config)
            except dg.DagsterInvalidConfigError as error:
                refused[made] = str(error)
        launcher, coordinator = instance.run_launcher, instance.run_coordinator  # named in dagster.yaml
    loaded = launcher is not None and coordinator is not None
    return {"runs": counted, "refused": refused, "configuration loads": loaded}


ASSETS = (
    ("oracle_shards", None),
    ("marginalized_shards", None),
    ("golden_shards", None),
    ("shard_catalog", None),
    ("token_splits", "train"),
    ("oracle_model", "policy"),
    ("eq_games", None),
    ("eq_token_splits", "train"),
    ("eq_token_splits", "val"),
    ("bidding_results", None),
    ("champion", "qvalue"),
)
"""assets that find everything done when they run again, with networks that read tokens of this version; the
partition, where the last run made another one"""


def runs_again(root: Path) -> Any:
    """Repeat the last recorded run of each asset.

    Return partitions whose data version has changed, the number of files made, and files written: none.
    """
    import dagster as dg

    from forge_assets.definitions import defs

    job = defs.resolve_implicit_global_asset_job_def()
    before, answers = files_of(root), {}
    with dg.DagsterInstance.get() as instance:
        for asset, partition in ASSETS:
            wanted = dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=partition and [partition])
            records = instance.fetch_materializations(wanted, limit=1000).records
            known: dict[str | None, str] = {}
            for record in reversed(records):
                known[record.partition_key] = _data_version(record.asset_materialization)
            run = instance.get_run_by_id(records[0].run_id)
            assert run
            result = job.execute_in_process(
                asset_selection=[dg.AssetKey(asset)],
                instance=instance,
                run_config=run.run_config,
                tags={name: tag for name, tag in run.tags.items() if "partition" in name},
            )
            events = [event.materialization for event in result.get_asset_materialization_events()]
            now = {event.partition: _data_version(event) for event in events}
            answers[f"{asset}[{partition}]" if partition else asset] = {
                "partitions": len(now),
                "data version": next(iter(now.values())),
                "changed": sorted(str(name) for name, version in now.items() if known[name] != version),
                "made": sum(
                    int(event.metadata["made"].value) for event in events if "made" in event.metadata
                ),
            }
    written = set(files_of(root).items()) - set(before.items())
    stored = sorted(name for name, _ in written if name.startswith(("store/", "runs/", "other/")))
    return {"assets": answers, "written": stored}


def _data_version(event: Any) -> str:
    return event.tags["dagster/data_version"]


QUESTIONS: dict[str, Question] = {
    question.__name__: question
    for question in (
        *(holdings, nothing_to_make, values_of_a_shard, figures_of_a_shard, games, hands, matches),
        *(networks, resumed_runs),
        *(gaps, backfill, lineages, flywheel, prunable, run_settings, runs_again),
    )
}


WRITING = {"matches", "resumed_runs", "flywheel", "prunable", "runs_again"}
"""questions that change the sample: each needs a copy of its own"""


def ask(name: str, root: Path) -> Any:
    """Return the answer to a question. Keys are strings, and the sample lies at PLACE."""
    return placed(QUESTIONS[name](root), root)
