"""The universe of seeds: its size, its growth, and the names of its blocks in earlier versions."""

import dagster as dg
import pytest

from forge_assets.dagster_internals import has_old_partitions, rename_partitions
from forge_assets.texas42.blocks import MOST_BLOCKS, RENAMED, block_name, block_seeds, universe_blocks
from forge_assets.texas42.partitions import UNIVERSE, seed_blocks
from forge_assets.texas42.universe import grow_universe, register, seed_blocks_sensor
from forge_core.errors import BadInput
from forge_core.splits import split_of


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def test_a_thousand_seeds_by_default(instance: dg.DagsterInstance):
    assert grow_universe(instance) == universe_blocks() == 20
    names = instance.get_dynamic_partitions(UNIVERSE)
    assert names == [block_name(block) for block in range(20)] and names[1] == "000050-000099"
    splits = [split_of(block_seeds(name)[0]) for name in names]
    assert [splits.count(split) for split in ("train", "val", "test")] == [18, 1, 1]


def test_it_grows_by_whole_thousands_and_in_order(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    grow_universe(instance)
    assert grow_universe(instance, [20]) == 40
    register(instance, [f"sixes|{block_name(63)}", "sixes|seed_000900"])
    monkeypatch.setenv("FORGE_SEEDS", "1001")
    assert grow_universe(instance) == 40, "it never shrinks"
    names = seed_blocks.get_partition_keys(dynamic_partitions_store=instance)
    assert list(names) == [block_name(block) for block in range(80)]


@pytest.mark.parametrize("seeds", ["0", "-50", "many", "1e6", str(MOST_BLOCKS * 50 + 1)])
def test_a_wrong_number_of_seeds_is_refused(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, seeds: str
):
    monkeypatch.setenv("FORGE_SEEDS", seeds)
    with pytest.raises(BadInput, match="FORGE_SEEDS"):
        grow_universe(instance)


def test_blocks_beyond_the_largest_universe_are_refused(instance: dg.DagsterInstance):
    with pytest.raises(BadInput, match="do not all exist"):
        grow_universe(instance, [MOST_BLOCKS])
    with pytest.raises(BadInput, match="not a block"):
        register(instance, ["sixes|moon"])


def test_both_names_of_a_block_are_read():
    assert block_seeds("seeds_000050_000099") == block_seeds("000050-000099") == range(50, 100)


OLD, NEW = "sixes|seeds_000050_000099", "sixes|000050-000099"


@dg.asset(
    partitions_def=dg.StaticPartitionsDefinition([OLD.partition("|")[2]]),
    check_specs=[dg.AssetCheckSpec("sound", asset="old")],
)
def old(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    boards = "seeds_00000050_00000099.parquet"
    return dg.MaterializeResult(
        metadata={"boards": boards, "of": context.partition_key},
        check_results=[dg.AssetCheckResult(check_name="sound", passed=True)],
    )


def test_old_names_are_renamed_and_nothing_else(instance: dg.DagsterInstance):
    job = dg.Definitions(assets=[old]).resolve_implicit_global_asset_job_def()
    run = job.execute_in_process(instance=instance, partition_key=OLD.partition("|")[2])
    assert has_old_partitions(instance, RENAMED)
    assert "earlier version" in str(seed_blocks_sensor(dg.build_sensor_context(instance)).skip_message)
    assert rename_partitions(instance, RENAMED) > 0
    assert not has_old_partitions(instance, RENAMED) and rename_partitions(instance, RENAMED) == 0
    name = NEW.partition("|")[2]
    assert instance.get_materialized_partitions(old.key) == {name}
    (record,) = instance.fetch_materializations(old.key, limit=9).records
    metadata = record.asset_materialization.metadata
    assert record.partition_key == record.asset_materialization.partition == name
    assert (
        record.run_id == run.run_id and instance.get_run_by_id(run.run_id).tags["dagster/partition"] == name
    )
    assert metadata["boards"].value == "seeds_00000050_00000099.parquet" and metadata["of"].value == name
    assert "seeds are listed" in str(seed_blocks_sensor(dg.build_sensor_context(instance)).skip_message)
