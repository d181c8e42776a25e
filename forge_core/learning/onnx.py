"""Export of a trained network to ONNX; the file is written only if its answers match torch's."""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from forge_core.errors import BadInput, ForgeError
from forge_core.files import Store

if TYPE_CHECKING:
    from forge_core.learning.networks.network import Network

ONNX_VERSION = "x2"
"""Increased when the same network would give a different file."""

PARITY = 1e-3
"""the largest allowed difference from torch's answers, in points (or logits)"""

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
"""packages that `make setup` leaves out: they are large, and only the export needs them"""

BATCHES = (0, 1, 2, 33, 1024)
"""batch sizes for the comparison: none, very small, not a multiple of the vector width, and large"""


class ParityLost(ForgeError):
    """The ONNX file of a network gives different answers from the network itself."""


@dataclass(frozen=True, slots=True)
class Export:
    """An ONNX file, and the differences between its answers and torch's."""

    path: str
    nbytes: int
    rows: int
    """number of rows compared"""
    differences: dict[str, float]
    """largest difference of each output, by name, in points (or logits); see `Network.compared`"""
    same_choice: float
    """share of rows in which both choose the same action"""
    versions: dict[str, str]

    @property
    def largest_difference(self) -> float:
        """The largest difference over all outputs."""
        return max(self.differences.values())


def export_onnx(model: Network, folder: str, name: str = "model.onnx") -> Export:
    """Compare `model` with its ONNX file on random rows, then write the file to `folder` (a path or URL).

    Inputs and outputs have the network's own names and any number of rows; the file's metadata contains
    spec and config. Raises ParityLost if an answer differs by more than PARITY, BadInput without the packages
    of the extra `onnx`.
    """
    check_packages()
    import onnx
    import onnxruntime
    import torch

    model = model.cpu().eval()
    data = to_onnx(model)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    differences: dict[str, list[float]] = {}
    same = []
    for n in BATCHES:
        inputs = model.random_inputs(n)
        fed = dict(zip(model.input_names, inputs, strict=True))
        found = [np.asarray(answer) for answer in session.run(list(model.output_names), fed)]
        with torch.inference_mode():
            answers = model.answers(*map(torch.from_numpy, inputs))
        expected = [answer.numpy() for answer in answers]
        of_torch = model.compared(expected)
        for part, answer in model.compared(found).items():
            same_shape = answer.shape == of_torch[part].shape
            largest = np.abs(answer - of_torch[part]).max(initial=0) if same_shape else np.inf
            differences.setdefault(part, []).append(float(largest))
        same.append(np.sum(model.choices(inputs, found) == model.choices(inputs, expected)))
    largest = {part: float(np.max(each)) for part, each in differences.items()}  # NaN if any is
    if not all(difference <= PARITY for difference in largest.values()):
        by = ", ".join(f"{difference:.2g} ({part})" for part, difference in largest.items())
        raise ParityLost(
            f"the ONNX file's answers differ from torch's by up to {by}, more than {PARITY}, so it was not "
            "written: try other versions of torch, onnxscript and onnxruntime"
        )
    store = Store(folder)
    store.write(name, data)
    return Export(
        path=store.path(name),
        nbytes=len(data),
        rows=sum(BATCHES),
        differences=largest,
        same_choice=float(np.sum(same) / sum(BATCHES)),
        versions={
            "torch": torch.__version__,
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
    )


def check_packages() -> None:
    """Raise BadInput if a package of the extra `onnx` is not installed."""
    if missing := [name for name in PACKAGES if not find_spec(name)]:
        raise BadInput(
            f"an ONNX file needs packages that are not installed ({', '.join(missing)}): run "
            "pip install -e '.[onnx]' -c constraints.txt"
        )


def to_onnx(model: Network) -> bytes:
    """Convert the network to an ONNX file for any number of rows, and return its bytes."""
    import torch

    rows = torch.export.Dim("rows", min=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger = logging.getLogger("torch.onnx")
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            program = torch.onnx.export(
                model.traceable(),
                tuple(map(torch.from_numpy, model.random_inputs(4))),
                dynamo=True,
                dynamic_shapes={name: {0: rows} for name in model.input_names},
                input_names=list(model.input_names),
                output_names=list(model.output_names),
                verbose=False,
            )
        finally:
            logger.setLevel(level)
    if program is None:
        raise BadInput("torch could not export the network to ONNX: update onnxscript")
    proto = program.model_proto
    for key, record in (("spec", model.spec.to_dict()), ("config", model.config.to_dict())):
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, json.dumps(record)
    return proto.SerializeToString()
