"""The assets of Liuzhou with settings so small that a test can afford them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
from asset_runs import metadata_of, reason_of

from forge_assets.in_process import materialize_here
from forge_assets.tracking.tracker import Tracker
from forge_core.files import Store

SIZE = "32x3"
PLAYING = {"count": 8, "playouts": 1, "sims": 2, "fast_sims": 1, "tables": 1}
"""two files, of four games each: see `small_files`"""
LEARNING = {"window": 4_000, "batch_size": 64, "reuse": 1.0, "warmup": 2, "parts": 1, "precision": "32"}
LIVE = PLAYING | LEARNING | {"positions": 960, "playout_positions": 640, "iteration": 64, "games": 8}
del LIVE["count"]
LADDER = {"pairs": 2, "sims": 1, "opponents": "random reply"}
FEW_GAMES = 4


def small_files(monkeypatch) -> None:
    """Let a file hold four games, and draw no films, which take seconds."""
    monkeypatch.setattr("forge_core.liuzhou.files.GAMES_PER_FILE", FEW_GAMES)
    monkeypatch.setattr("forge_core.liuzhou.films.draw_film", lambda *film: b"GIF89a")


class Pipeline:
    """Runs assets in this process, on a store, an MLflow and a folder of runs of its own."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.instance, self.runs = instance, folder / "runs"
        self.root = Store(str(folder / "store"))
        self.tracker = Tracker(uri=f"sqlite:///{folder}/mlflow.db")

    def run(self, asset: str, partition: str | None, settings: dict[str, Any]) -> dg.ExecuteInProcessResult:
        resources = {"compute": {"device": "cpu"}}
        if asset != "liuzhou_validation":
            resources["tracker"] = {"uri": self.tracker.uri}
        if asset in ("liuzhou_self_play", "liuzhou_model", "liuzhou_evaluation"):
            resources["store"] = {"url": self.root.url}
        if asset == "liuzhou_model":
            settings = {"runs": str(self.runs)} | settings
        tags = {"dagster/partition": partition} if partition else {}
        return materialize_here(asset, self.instance, tags, settings, resources)

    def make(self, asset: str, partition: str | None, **settings: Any) -> dict[str, Any]:
        """Its metadata; the run succeeds."""
        result = self.run(asset, partition, settings)
        assert result.success, reason_of(result)
        return metadata_of(result, asset)
