"""The verbs of Liuzhou."""

from __future__ import annotations

from forge_core.cli.games import GameVerbs

LIUZHOU = GameVerbs(
    name="liuzhou",
    title="Liuzhou",
    summary="Liuzhou, a board game for two: play, search positions, compare players, film games.",
    verbs={},
    benchmarks={"liuzhou-rules": "forge_core.liuzhou.cli.bench_rules"},
)
