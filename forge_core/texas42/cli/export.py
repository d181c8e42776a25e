"""`forge export`: write a network as an ONNX file."""

from __future__ import annotations

from typing import Annotated

import typer

from forge_core.cli.filling import check_place
from forge_core.cli.options import Json


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a model.")],
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="Folder for model.onnx; default: that of the model."),
    ] = None,
    json: Json = False,
) -> None:
    """Write a network as an ONNX file for any batch size, after comparing its answers with torch's."""
    from dataclasses import asdict

    from forge_core.cli.screen import notes, print_json, screen, size_text
    from forge_core.files import Store
    from forge_core.learning.checkpoints import load_model
    from forge_core.learning.onnx import export_onnx

    network = load_model(model)
    check_place(Store(out or model))
    with notes().status("exporting"):
        report = export_onnx(network, out or model)
    differences = report.differences
    if json:
        record = {name: value for name, value in asdict(report).items() if name != "differences"}
        record |= {f"{name}_difference": differences.get(name) for name in ("action", "value", "spread")}
        print_json(record)
        return
    spread = f", {differences['spread']:.1e} (spread)" if "spread" in differences else ""
    screen().print(
        f"{report.path}: {size_text(report.nbytes)}; compared with torch on {report.rows:,} rows: "
        f"largest difference {differences['action']:.1e} (plays) and "
        f"{differences['value']:.1e} points (value){spread}, same choice in {report.same_choice:.2%}",
        soft_wrap=True,
    )
