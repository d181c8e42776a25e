"""The page with the champion inside, as an asset: its files, its lineage, and the reasons why it fails."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest
from asset_runs import metadata_of, reason_of

from forge_assets.in_process import materialize_here
from forge_core.learning.checkpoints import weights_digest
from forge_core.texas42.web import PAGE
from forge_core.web.runtime import FILES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning"),
]
MODEL = "models/texas42-qvalue-73k"


@pytest.fixture
def materialize(tmp_path: Path):
    """Write the page to a store of the test, with files that stand for the runtime of networks."""
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    for name in FILES:
        (runtime / name).write_text(name)

    def run(**settings):
        resources = {
            "store": {"url": str(tmp_path / "store")},
            "tracker": {"uri": f"sqlite:///{tmp_path}/mlflow.db"},
        }
        asked = {"onnxruntime": str(runtime)} | settings
        with dg.DagsterInstance.ephemeral() as instance:
            return materialize_here("play_page", instance, None, asked, resources)

    return run


def test_the_page_holds_the_network_and_names_its_lineage(materialize, tmp_path):
    result = materialize(model=MODEL)
    assert result.success
    metadata = metadata_of(result, "play_page")
    page = tmp_path / "store" / "play-page"
    assert metadata["page"] == str(page / "index.html")
    assert metadata["weights"] == weights_digest(MODEL)
    found = {str(file.relative_to(page)) for file in page.rglob("*") if file.is_file()}
    assert found == {
        *PAGE.files(),
        *(f"network/{name}" for name in (*FILES, "model.onnx")),
    }
    network = json.loads((page / "settings.json").read_text())["network"]
    assert network["name"] == "texas42-qvalue-73k"
    assert network["lineage"]["weights"] == metadata["weights"]
    assert "seeds" in network["lineage"]["lineage"]


def test_without_a_champion_the_reason_is_named(materialize):
    result = materialize()
    assert not result.success
    assert "champion" in reason_of(result)
