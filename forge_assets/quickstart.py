"""A small real slice through Dagster, in one process: what `make run` makes.

Blocks 0..49 (train) and 900..949 (val), a hundred deals in all ten declarations, then the
catalog, rows to learn from, a small network taught for some minutes, its evaluation and its
ONNX file; at last the games of the block of val, every seat by what it can know. The runs
are written to the instance of DAGSTER_HOME, where the UI shows them.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import dagster as dg
from rich.console import Console
from rich.table import Table

from forge_assets.in_process import materialize_here
from forge_assets.texas42.blocks import BLOCK_SIZE, block_name
from forge_assets.texas42.partitions import block_keys, block_range
from forge_core.errors import ForgeError
from forge_core.texas42.reference import REFERENCE

SLICE = (0, 900 // BLOCK_SIZE)
"""the blocks: one of train, one of val"""
ROWS = {"rows": 16_000}
"""settings of token_splits: of few deals many rows"""
TEACHING = {"size": "73k", "steps": 800, "evaluate_every": 200, "threads": 1}
"""settings of oracle_model: two or three minutes; so small a network gains nothing from a second thread"""

PLAYING = {"model": REFERENCE}
"""settings of eq_games, for the block of val: by the reference network, and the solver later"""


def main() -> int:
    """Make the slice, print what the store holds. The exit status: 0, or 1 if a run failed."""
    from forge_assets.resources import ShardStore
    from forge_core.texas42.oracle.catalog import read_catalog

    console = Console()
    instance = dg.DagsterInstance.get()
    for block in SLICE:
        seeds = f"seeds {block * BLOCK_SIZE}..{(block + 1) * BLOCK_SIZE - 1}"
        with console.status(f"oracle_shards: {seeds}, each under declaration seed % 10"):
            started = time.perf_counter()
            result = materialize_here("oracle_shards", instance, block_range(block, block))
        if not result.success:
            return fail(console, result)
        events = result.asset_materializations_for_node("oracle_shards")
        made = sum(int(event.metadata["made"].value) for event in events)
        console.print(
            f"oracle_shards  {seeds}: {made} deals solved, {BLOCK_SIZE - made} there already, "
            f"{time.perf_counter() - started:.1f} s"
        )
    result = materialize_here("shard_catalog", instance)
    if not result.success:
        return fail(console, result)
    store = ShardStore().root()
    console.print(totals_table(read_catalog(store)))
    if status := learn(console, instance) or play(console, instance):
        return status
    console.print(f"files   {store.url}\nplots   make ui, then http://127.0.0.1:3000/asset-groups")
    return 0


def learn(console: Console, instance: dg.DagsterInstance) -> int:
    """From the catalog to a network as an ONNX file; what it loses a decision, beside random play and the
    reference network."""
    network = {"dagster/partition": "qvalue"}
    for split in ("train", "val"):
        result = materialize_here("token_splits", instance, {"dagster/partition": split}, ROWS)
        if not result.success:
            return fail(console, result)
        said = metadata_of(result, "token_splits")
        console.print(f"token_splits   {split}: {said['rows']:,} rows of {said['shards']} deals")
    console.print("oracle_model   a network of 73 k parameters learns: some minutes")
    result = materialize_here("oracle_model", instance, network, TEACHING)
    if not result.success:
        return fail(console, result)
    model = metadata_of(result, "oracle_model")
    console.print(
        f"oracle_model   {model['rows']:,} rows in {model['seconds']:.0f} s: {model['model']}", soft_wrap=True
    )
    with console.status(f"oracle_model_evaluation: 200 golden deals, beside {REFERENCE}"):
        result = materialize_here("oracle_model_evaluation", instance, network, {"against": REFERENCE})
    if not result.success:
        return fail(console, result)
    figures = metadata_of(result, "oracle_model_evaluation")
    with console.status("oracle_model_onnx"):
        result = materialize_here("oracle_model_onnx", instance, network)
    if not result.success:
        return fail(console, result)
    exported = metadata_of(result, "oracle_model_onnx")
    console.print(
        f"oracle_model_onnx   {exported['onnx']}: at most {exported['largest_difference_points']:.0e} points "
        f"from torch\nmlflow   make ui, then {model['mlflow_url']}",
        soft_wrap=True,
    )
    console.print(
        f"points lost a decision, golden val: [bold]{figures['decision_q_gap_points']:.2f}[/bold]; "
        f"random play {figures['random_decision_q_gap_points']:.2f}; {REFERENCE}, which comes with the "
        f"project, {figures['other_decision_q_gap_points']:.2f}\n"
        f"to go on from there: .venv/bin/forge-pipeline train --live --init-from {REFERENCE}, or init_from: "
        f"{REFERENCE} in the launchpad of oracle_model",
        soft_wrap=True,
    )
    return 0


def play(console: Console, instance: dg.DagsterInstance) -> int:
    """Games by E[Q], and one decision as a person would like to see it."""
    from forge_assets.resources import ShardStore
    from forge_core.texas42.eq.files import GAMES_FOLDER, read_game
    from forge_core.texas42.eq.scenes import most_instructive_scene
    from forge_core.texas42.eq.view import LEGEND, describe_decision

    block = block_name(SLICE[-1])
    first, *_, last = keys = block_keys(block)
    seeds = f"seeds {first.seed}..{last.seed}"
    with console.status(f"eq_games: {seeds}, every seat by what it can know"):
        result = materialize_here("eq_games", instance, {"dagster/partition": block}, PLAYING)
    if not result.success:
        return fail(console, result)
    said = metadata_of(result, "eq_games")
    pace = f", {said['games_per_second']:.1f} games/s on {said['device']}" if said["made"] else ""
    console.print(
        f"eq_games  {seeds}: {said['made']} games played, {len(keys) - said['made']} there already{pace}\n",
        soft_wrap=True,
    )
    store = ShardStore().root()
    game = read_game(store.join(GAMES_FOLDER), first)
    console.print(describe_decision(game, most_instructive_scene(game).step))
    console.print(f"\n{LEGEND}", style="dim", soft_wrap=True)
    of_them = f"{said['forced_share']:.0%} of them forced, by {said['worlds']:,} worlds"
    made = f"the bid of 30 was made in {said['bids_made_share']:.0%} of the games"
    console.print(f"\n{said['decisions']:,} decisions, {of_them}; {made}", soft_wrap=True)
    console.print(
        f"games   .venv/bin/forge view {store.url} --game {first.seed}; all: forge summary {store.url}",
        soft_wrap=True,
    )
    return 0


def metadata_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    """What a run says of the one partition it made."""
    (event,) = result.asset_materializations_for_node(asset)
    return {name: entry.value for name, entry in event.metadata.items()}


def fail(console: Console, result: dg.ExecuteInProcessResult) -> int:
    """Say in a line each what went wrong: the failed steps, the failed checks and their findings."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            said = data.user_failure_data and data.user_failure_data.description
            reason = said or (data.error.cause or data.error).message.strip()
            console.print(f"{event.step_key} failed: {reason}", markup=False, soft_wrap=True)
    for check in result.get_asset_check_evaluations():
        if not check.passed:
            console.print(f"{check.asset_key.to_user_string()}, check {check.check_name}:", markup=False)
            for name, finding in check.metadata.items():
                console.print(f"  {name}: {finding.value}", markup=False, soft_wrap=True)
    console.print("make ui shows the runs, at http://127.0.0.1:3000/runs")
    return 1


def totals_table(catalog) -> Table:
    """The totals of a Catalog for a terminal."""
    table = Table(title="What the store holds", title_justify="left")
    for column in ("kind", "split", "shards", "rows", "states", "MiB", "seeds"):
        table.add_column(column, justify="left" if column in ("kind", "split") else "right")
    for total in catalog.totals():
        table.add_row(
            total.kind,
            total.split,
            f"{total.shards:,}",
            f"{total.rows:,}",
            f"{total.states:,}",
            f"{total.nbytes / 2**20:.1f}",
            f"{total.first_seed}..{total.last_seed}",
        )
    return table


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ForgeError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
