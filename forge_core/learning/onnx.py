"""A trained network as an ONNX file, which is written only if it answers as torch does."""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forge_core.errors import BadInput, ForgeError
from forge_core.files import Store

if TYPE_CHECKING:
    from forge_core.learning.networks.network import Network

ONNX_VERSION = "x1"
"""Raised when the same network becomes another file."""

PARITY = 1e-3
"""largest difference from torch that any answer of a file may have, in points (or logits)"""

BATCHES = (1, 2, 33, 1024)
"""numbers of rows at which parity is measured: one, two, and others that are no multiple of a vector"""


class ParityLost(ForgeError):
    """An exported network answers differently from the one it was exported from."""


@dataclass(frozen=True, slots=True)
class Export:
    """An ONNX file and how much its answers differ from torch's."""

    path: str
    nbytes: int
    rows: int
    """number of rows compared"""
    differences: dict[str, float]
    """largest difference of each answer by name, in points (or logits): see `Network.compared`"""
    same_choice: float
    """share of rows in which both choose the same action"""
    versions: dict[str, str]

    @property
    def largest_difference(self) -> float:
        """The largest difference of all answers."""
        return max(self.differences.values())


def export_onnx(model: Network, folder: str, name: str = "model.onnx") -> Export:
    """Compare `model` with its ONNX file over random rows, then write the file to `folder` (a path or URL).

    Inputs and outputs are named as the network names them, with any number of rows; the
    metadata of the file holds spec and config. Raises ParityLost if an answer differs by more
    than PARITY.
    """
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
            differences.setdefault(part, []).append(float(np.abs(answer - of_torch[part]).max()))
        same.append((model.choices(inputs, found) == model.choices(inputs, expected)).mean())
    largest = {part: float(np.max(each)) for part, each in differences.items()}  # NaN if any is
    if not all(difference <= PARITY for difference in largest.values()):
        by = ", ".join(f"{difference:.2g} ({part})" for part, difference in largest.items())
        raise ParityLost(
            f"the ONNX file differs from torch by up to {by}, more than {PARITY}: do not use it; try other "
            "versions of torch, onnxscript and onnxruntime"
        )
    store = Store(folder)
    store.write(name, data)
    return Export(
        path=store.path(name),
        nbytes=len(data),
        rows=sum(BATCHES),
        differences=largest,
        same_choice=float(np.average(same, weights=BATCHES)),
        versions={
            "torch": torch.__version__,
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
    )


def to_onnx(model: Network) -> bytes:
    """Return the bytes of an ONNX file of the network, for any number of rows."""
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
        raise BadInput("torch wrote no ONNX program: update onnxscript")
    proto = program.model_proto
    for key, record in (("spec", model.spec.to_dict()), ("config", model.config.to_dict())):
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, json.dumps(record)
    return proto.SerializeToString()
