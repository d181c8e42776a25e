"""A new Dagster instance has its pool and all partitions before the UI first shows it."""

from __future__ import annotations

import dagster as dg
import pytest

from forge_assets.new_instance import main
from forge_assets.resources import COMPUTE_POOL
from forge_assets.texas42.blocks import block_name
from forge_assets.texas42.partitions import UNIVERSE


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


def test_a_new_instance_lists_the_universe_and_limits_the_pool(home):
    assert main() == 0 and main() == 0
    with dg.DagsterInstance.get() as instance:
        names = instance.get_dynamic_partitions(UNIVERSE)
        assert names == [block_name(block) for block in range(20)]
        pools = instance.event_log_storage.get_pool_limits()
        assert [(pool.name, pool.limit) for pool in pools] == [(COMPUTE_POOL, 1)]


def test_a_home_that_dagster_cannot_use_is_named(home, capsys):
    (home / "dagster.yaml").write_text("storage: {sqlite: {base_dir: [}}")
    assert main() == 2
    assert f"DAGSTER_HOME={home}" in capsys.readouterr().err
