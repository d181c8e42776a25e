"""`forge export`: a network as an ONNX file."""

from __future__ import annotations

from typing import Annotated

import typer

from forge_core.cli.filling import check_place
from forge_core.cli.options import Json


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a model.")],
    out: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="For model.onnx; default: beside the model.")
    ] = None,
    json: Json = False,
) -> None:
    """Write a network as ONNX, for any batch, after holding it to torch."""
    from dataclasses import asdict

    from forge_core.cli.screen import notes, print_json, screen, size_text
    from forge_core.files import Store
    from forge_core.learning.checkpoints import load_model
    from forge_core.learning.onnx import export_onnx

    network = load_model(model)
    check_place(Store(out or model))
    with notes().status("exporting"):
        report = export_onnx(network, out or model)
    if json:
        print_json(asdict(report))
        return
    spread = "" if report.spread_difference is None else f", {report.spread_difference:.1e} (spread)"
    screen().print(
        f"{report.path}: {size_text(report.nbytes)}; against torch, over {report.rows:,} rows: "
        f"largest difference {report.action_difference:.1e} (plays) and "
        f"{report.value_difference:.1e} points (value){spread}, the same choice in {report.same_choice:.2%}",
        soft_wrap=True,
    )
