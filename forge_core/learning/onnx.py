"""A trained network as an ONNX file, held to what torch says."""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from forge_core.errors import BadInput, ForgeError
from forge_core.files import Store
from forge_core.learning.labelled.metrics import choose
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.learning.spec import TokenSpec
from forge_core.streams import stream

ONNX_VERSION = "x1"
"""Raised when the same network becomes another file."""

PARITY = 1e-3
"""points (or logits) by which the file may differ from torch in any answer"""

BATCHES = (1, 2, 33, 1024)
"""sizes that parity is measured at: the batch is dynamic"""

INPUTS, OUTPUTS = ("tokens", "mask"), ("action", "value", "variance")
"""The last is that of an `eq` network alone."""


class ParityLost(ForgeError):
    """An exported network answers differently from the one it was exported from."""


@dataclass(frozen=True, slots=True)
class Export:
    """An ONNX file and how near it is."""

    path: str
    nbytes: int
    rows: int
    """asked of both"""
    action_difference: float
    """largest, points (or logits)"""
    value_difference: float
    """largest, points"""
    spread_difference: float | None
    """largest of a standard deviation, points; None of a network that says none"""
    same_choice: float
    """share of rows in which the chosen action is the same"""
    versions: dict[str, str]


def export_onnx(model: TokenTransformer, folder: str, name: str = "model.onnx") -> Export:
    """Write `model` to `folder` (a path or URL), after holding the file to torch over random rows.

    Inputs: tokens int8 [N, P, F], mask bool [N, P], any N; outputs: action [N, A], value [N],
    and of objective eq variance [N, A], points squared. The metadata holds spec and
    configuration. Raises ParityLost if an answer, or the root of a variance, differs by more
    than PARITY.
    """
    import onnx
    import onnxruntime

    model = model.cpu().eval()
    data = to_onnx(model)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names, differences, same = outputs_of(model), [], []
    for n in BATCHES:
        tokens, mask = random_rows(model.spec, n)
        found = [np.asarray(answer) for answer in session.run(names, {"tokens": tokens, "mask": mask})]
        with torch.inference_mode():
            answers = model.answers(torch.from_numpy(tokens), torch.from_numpy(mask))
        expected = [answer.numpy() for answer in answers]
        pairs = [
            (np.sqrt(one), np.sqrt(other)) if name == "variance" else (one, other)
            for name, one, other in zip(names, found, expected, strict=True)
        ]
        differences.append([np.abs(one - other).max() for one, other in pairs])
        may = mask[:, list(model.spec.action_positions)]
        same.append((choose(found[0], may) == choose(expected[0], may)).mean())
    largest = dict(zip(names, map(float, np.max(differences, axis=0)), strict=True))
    if not np.max(differences) <= PARITY:
        by = ", ".join(f"{difference:.2g} ({name})" for name, difference in largest.items())
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
        action_difference=largest["action"],
        value_difference=largest["value"],
        spread_difference=largest.get("variance"),
        same_choice=float(np.average(same, weights=BATCHES)),
        versions={
            "torch": torch.__version__,
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
    )


def to_onnx(model: TokenTransformer) -> bytes:
    """The network as the bytes of an ONNX file with a dynamic batch."""
    tokens, mask = (torch.from_numpy(array) for array in random_rows(model.spec, 4))
    rows = torch.export.Dim("rows", min=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger = logging.getLogger("torch.onnx")
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            program = torch.onnx.export(
                _Dense(model),
                (tokens, mask),
                dynamo=True,
                dynamic_shapes={"tokens": {0: rows}, "mask": {0: rows}},
                input_names=list(INPUTS),
                output_names=outputs_of(model),
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


def outputs_of(model: TokenTransformer) -> list[str]:
    """Names of what the file of a network answers, in the order of its `answers`."""
    return list(OUTPUTS if model.config.says_variance else OUTPUTS[:2])


def random_rows(spec: TokenSpec, n: int) -> tuple[np.ndarray, np.ndarray]:
    """n rows of random tokens, by `stream(0, "parity", n)`: int8 [n, P, F], and which count, bool [n, P]."""
    draw = stream(0, "parity", n)
    columns = [draw.integers(size, size=(n, spec.n_positions)) for size in spec.vocabularies]
    mask = draw.random((n, spec.n_positions)) < draw.random((n, 1))
    mask[:, spec.value_position] = True
    mask[:, spec.action_positions[0]] = True
    return np.stack(columns, axis=-1).astype(np.int8), mask


class _Dense(nn.Module):
    """The traceable way through a network."""

    def __init__(self, model: TokenTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        return self.model.forward_dense(tokens, mask)
