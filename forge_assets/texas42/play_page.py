"""The page of `forge play` as a folder that any web server can host, with the champion inside."""

import dagster as dg
from pydantic import Field

from forge_assets.gate.networks import weights_of
from forge_assets.resources import ShardStore, failing_plainly
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.champion import champion
from forge_assets.tracking.launchpad import ModelLaunchpad
from forge_assets.tracking.registry import CHAMPION
from forge_assets.tracking.tracker import Tracker
from forge_core.texas42.folders import PAGE_FOLDER


class PageLaunchpad(ModelLaunchpad):
    """Settings of the page: its network, and the files that run it."""

    model: str = Field(
        default=CHAMPION,
        description="Network on the page: champion or challenger from the registry, latest (the one trained "
        "last), or a folder relative to the project, such as models/NAME.",
    )
    objective: str = Field(
        default="qvalue",
        description="Objective of the champion: qvalue (a network that sees all hands) or eq (one hand).",
    )
    onnxruntime: str = Field(
        default="",
        description="Folder of the npm package onnxruntime-web; empty: a cache, which npm fills once.",
    )


@dg.asset(
    group_name=groups.PLAY,
    deps=[dg.AssetDep(champion, partition_mapping=dg.AllPartitionMapping())],
    code_version=versions.PLAY_PAGE,
    kinds={"onnx", "webassembly"},
)
def play_page(
    context: dg.AssetExecutionContext, config: PageLaunchpad, store: ShardStore, tracker: Tracker
) -> dg.MaterializeResult:
    """The page of `forge play` in the store's folder play-page: Texas 42 in a browser, with hints, and with
    what the champion would play. The page names its network and shows the lineage; any web server hosts it.

    It needs packages that `make setup` leaves out: `pip install -e '.[onnx]' -c constraints.txt`.
    """
    from forge_assets.lineage import lineage_text, trace
    from forge_core.files import fingerprint
    from forge_core.texas42.web.folder import page_files
    from forge_core.web.serve import write_page

    with failing_plainly():
        path = config.find(context, config.objective, tracker)
        weights = weights_of(path)
        lineage = lineage_text(trace(path, config.objective, tracker, look=False))
        files = page_files(path, config.onnxruntime or None, {"weights": weights, "lineage": lineage})
        place = store.root().join(PAGE_FOLDER)
        size = write_page(files, place)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(fingerprint({"weights": weights, "page": versions.PLAY_PAGE})),
            metadata={
                "page": place.path("index.html"),
                "network": path,
                "weights": weights,
                "lineage": dg.MetadataValue.md(f"```\n{lineage}\n```"),
                "files": len(files),
                "mib": round(size / 2**20, 2),
            },
        )
