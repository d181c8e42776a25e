"""Texas 42 in `make run`: solved deals, a small network trained on them, and games.

The steps solve the blocks 0..49 (train) and 900..949 (val), a hundred deals over all ten declarations; make
the catalog and training rows; train a small network for some minutes and evaluate it; play games on the val
block and value its hands for bidding; and compare players.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.table import Table

from forge_assets.flywheel.steps import one_partition
from forge_assets.texas42.blocks import BLOCK_SIZE, block_name
from forge_assets.texas42.partitions import block_keys, block_range
from forge_assets.texas42.shard_catalog import lines_of, totals_of
from forge_core.splits import FIRST_VAL
from forge_core.texas42.reference import REFERENCE

if TYPE_CHECKING:
    from forge_assets.quickstart import Quickstart
    from forge_core.texas42.oracle.catalog import Catalog

BLOCKS = (0, FIRST_VAL // BLOCK_SIZE)
"""one block of train and one of val"""
ROWS = {"rows": 16_000}
"""settings of token_splits: many rows per deal, since there are few deals"""
TEACHING = {"size": "73k", "steps": 500, "evaluate_every": 100, "threads": 1}
"""settings of oracle_model, for a minute and a half; a network this small gains nothing from two threads"""
JUDGING = {"against": REFERENCE, "rows": 500}
"""settings of oracle_model_evaluation: a quarter of its rows per deal, for half a minute"""
PLAYING = {"model": REFERENCE}
"""settings of eq_games"""
BIDDING = {"samples": 50}
"""settings of bidding_results: few deals per declaration, for seconds"""
MATCHES = {"players": ["random", "heuristic", "network"], "deals": 500}
"""settings of match_results: players that need seconds"""


def make_all(quickstart: Quickstart) -> None:
    """Run all steps. Raise RunFailed if one fails."""
    quickstart.title("Texas 42: solve deals, train a network on them, play")
    solve(quickstart)
    learn(quickstart)
    play(quickstart)
    bid(quickstart)
    compare(quickstart)


def solve(quickstart: Quickstart) -> None:
    """Solve the deals, and print the content of the store. Raise RunFailed if a run fails."""
    from forge_assets.resources import ShardStore
    from forge_core.texas42.oracle.catalog import read_catalog

    for block in BLOCKS:
        seeds = f"seeds {block * BLOCK_SIZE}..{(block + 1) * BLOCK_SIZE - 1}"
        started = time.perf_counter()
        partitions = quickstart.make(
            "oracle_shards",
            block_range(block, block),
            waiting=f"{seeds}, each under declaration seed % 10",
        )
        made = sum(int(partition["made"]) for partition in partitions)
        seconds = time.perf_counter() - started
        quickstart.print(
            f"oracle_shards  {seeds}: {made} deals solved, {BLOCK_SIZE - made} found, {seconds:.1f} s"
        )
    quickstart.make("shard_catalog")
    quickstart.console.print(totals_table(read_catalog(ShardStore().root())))


def learn(quickstart: Quickstart) -> None:
    """Train a network, and print the points it loses per decision, next to random play and the reference.

    Raise RunFailed if a run fails.
    """
    network = one_partition("qvalue")
    for split in ("train", "val"):
        (tokens,) = quickstart.make("token_splits", one_partition(split), ROWS)
        quickstart.print(f"token_splits   {split}: {tokens['rows']:,} rows from {tokens['shards']} deals")
    (model,) = quickstart.make(
        "oracle_model", network, TEACHING, waiting="a network of 73 k weights learns, a minute or two"
    )
    quickstart.print(
        f"oracle_model   {model['rows']:,} rows in {model['seconds']:.0f} s: {model['model']}",
    )
    (figures,) = quickstart.make(
        "oracle_model_evaluation",
        network,
        JUDGING,
        waiting=f"200 golden deals, next to {REFERENCE}",
    )
    quickstart.print(f"mlflow   make ui, then {model['mlflow_url']}")
    quickstart.print(
        f"points lost per decision, golden val: [bold]{figures['decision_q_gap_points']:.2f}[/bold]; "
        f"random play {figures['random_decision_q_gap_points']:.2f}; {REFERENCE}, which comes with the "
        f"project, {figures['other_decision_q_gap_points']:.2f}\n"
        f"(the benchmark: 200 deals with {JUDGING['rows']} positions each, other ones than in training, so "
        "its figures differ from those above; see docs/results.md, Which figure is which)\n"
        "to continue from there: .venv/bin/forge-pipeline train --live --init-from "
        f"{REFERENCE}, or init_from: {REFERENCE} in the launchpad of oracle_model",
    )


def play(quickstart: Quickstart) -> None:
    """Play games by E[Q], and print one instructive decision. Raise RunFailed if the run fails."""
    from forge_assets.resources import ShardStore
    from forge_core.texas42.eq.files import read_game
    from forge_core.texas42.eq.scenes import most_instructive_scene
    from forge_core.texas42.eq.view import LEGEND, describe_decision
    from forge_core.texas42.folders import GAMES_FOLDER

    block = block_name(BLOCKS[-1])
    first, *_, last = keys = block_keys(block)
    seeds = f"seeds {first.seed}..{last.seed}"
    (games,) = quickstart.make(
        "eq_games",
        one_partition(block),
        PLAYING,
        waiting=f"{seeds}, every seat on its own knowledge",
    )
    pace = f", {games['games_per_second']:.1f} games/s on {games['device']}" if games["made"] else ""
    quickstart.print(
        f"eq_games  {seeds}: {games['made']} games played, {len(keys) - games['made']} found{pace}\n",
    )
    store = ShardStore().root()
    quickstart.title("Texas 42: the most instructive decision of a game")
    game = read_game(store.join(GAMES_FOLDER), first)
    quickstart.console.print(describe_decision(game, most_instructive_scene(game).step))
    quickstart.print(f"\n{LEGEND}", style="dim")
    forced = f"{games['forced_share']:.0%} of them forced, over {games['worlds']:,} worlds"
    made = f"the bid of 30 was made in {games['bids_made_share']:.0%} of the games"
    quickstart.print(f"\n{games['decisions']:,} decisions, {forced}; {made}")
    quickstart.print(
        f"games   .venv/bin/forge view {store.url} --game {first.seed}; all: "
        f".venv/bin/forge summary {store.url}",
    )


def bid(quickstart: Quickstart) -> None:
    """Value the hands of seat 0 in the val block. Raise RunFailed if the run fails."""
    from forge_core.texas42.auction import LOWEST_BID, MARK

    block = block_name(BLOCKS[-1])
    (tables,) = quickstart.make(
        "bidding_results",
        one_partition(block),
        BIDDING,
        waiting="hands are played out under each declaration",
    )
    worth = {bid: round(tables[f"worth_{bid}_share"] * tables["hands"]) for bid in (LOWEST_BID, MARK)}
    quickstart.print(
        f"bidding_results  {tables['hands']} hands, {tables['deals']:,} deals played out: "
        f"{worth[LOWEST_BID]} hands are worth a bid of {LOWEST_BID}, {worth[MARK]} a bid of {MARK}"
    )


def compare(quickstart: Quickstart) -> None:
    """Play matches of a few players, and print the differences. Raise RunFailed if the run fails."""
    (table,) = quickstart.make("match_results", None, MATCHES, waiting="every deal twice, with seats swapped")
    for pair in table["pairs"]:
        swing = pair["swing"]
        quickstart.print(
            f"match_results  {pair['a']} against {pair['b']}, {pair['deals']:,} deals: {swing['mean']:+.1f} "
            f"({swing['low']:+.1f} to {swing['high']:+.1f}) points per deal"
        )


def totals_table(catalog: Catalog) -> Table:
    """Return the totals of a catalog as a table for a terminal."""
    titles, *lines = lines_of(totals_of(catalog))
    table = Table(title="Content of the store", title_justify="left")
    for title in titles:
        table.add_column(title, justify="left" if title in ("kind", "split") else "right")
    for line in lines:
        table.add_row(*line)
    return table
