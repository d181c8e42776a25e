"""Benchmarks that must not rot: run small, and the UI's queries held to the Dagster there is."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest
from running import PROJECT

PARTITIONS = PROJECT / "benchmarks/partitions.py"


def test_the_benchmark_of_partitions_records_all_and_tells_the_parts(tmp_path):
    command = [sys.executable, str(PARTITIONS), "--partitions", "10", "--alone", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["partitions"] == len(figures["here"]) == 10
    for run in figures["here"]:
        parts = ("planned", "recorded", "footers", "read_back", "rest")
        assert sum(run[part] for part in parts) == pytest.approx(run["wall"])
    assert figures["database_bytes"] > 0


def test_the_queries_of_the_ui_are_still_those_of_its_schema():
    from dagster_graphql.schema import create_schema
    from graphql import parse, validate

    spec = importlib.util.spec_from_file_location("partitions", PARTITIONS)
    assert spec and spec.loader
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    queries = benchmark.ui_queries()
    assert len(queries) == 7
    schema = create_schema().graphql_schema
    for document in (*queries.values(), benchmark.LAUNCH, benchmark.STATUS):
        assert not validate(schema, parse(document))
