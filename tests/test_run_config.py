"""Settings of an asset with a prefixed key take effect, although its op has another name."""

import dagster as dg
import pytest
from asset_runs import materializations

from forge_assets.in_process import materialize_here
from forge_assets.run_config import asset_key, op_name, run_config


class Settings(dg.Config):
    rows: int = 1


@dg.asset(key=["toy", "model"])
def toy_model(config: Settings) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": config.rows})


@dg.asset
def plain() -> None:
    pass


DEFINITIONS = dg.Definitions(assets=[toy_model, plain], executor=dg.in_process_executor)


def test_the_op_of_a_prefixed_key_is_asked_of_the_definitions():
    assert op_name("toy/model", DEFINITIONS) == "toy__model"
    assert op_name("plain", DEFINITIONS) == "plain"
    assert op_name("oracle_shards") == "oracle_shards"
    assert asset_key("toy/model").path == ["toy", "model"]
    with pytest.raises(dg.DagsterInvariantViolationError, match="nothing"):
        op_name("toy/nothing", DEFINITIONS)


def test_what_is_not_set_is_not_in_the_configuration():
    assert run_config("toy/model", {}, None, DEFINITIONS) == {}
    assert run_config("plain", None, {"store": {"url": "x"}}, DEFINITIONS) == {
        "resources": {"store": {"config": {"url": "x"}}}
    }


def test_settings_of_a_prefixed_asset_take_effect_in_this_process():
    with dg.DagsterInstance.ephemeral() as instance:
        run = materialize_here("toy/model", instance, settings={"rows": 7}, definitions=DEFINITIONS)
        assert run.success
        (event,) = materializations(instance, "toy/model")[None]
    assert event.metadata["rows"].value == 7
