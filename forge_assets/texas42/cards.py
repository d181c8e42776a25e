"""Model cards, which describe a champion: its network, its training, and the reasons it was promoted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forge_core.errors import BadInput

if TYPE_CHECKING:
    from forge_core.gate import Ruling
    from forge_core.learning.networks.transformer import TokenTransformer


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A network loaded from a folder."""

    path: str
    weights: str
    """digest of the weights, which identifies the network in any folder"""
    network: TokenTransformer

    @classmethod
    def load(cls, path: str, device: str) -> Model:
        """Load the network in the folder `path`. Raises the errors of `load_model`."""
        from forge_core.files import Store
        from forge_core.learning.checkpoints import CARD, load_model

        network = load_model(path, device)
        return cls(path, json.loads(Store(path).read(CARD))["weights"], network)

    def check(self, objective: str) -> None:
        """Raise BadInput unless the network was trained for `objective`."""
        learnt = self.network.config.objective
        if learnt != objective:
            raise BadInput(f"{self.path} has learnt {learnt}, and cannot be the champion of {objective}")


@dataclass(frozen=True, slots=True)
class Card:
    """The model card of one network."""

    name: str
    """`texas42-qvalue-73k-71k-qgap1.273-qmae3.92`: objective, size, parameters, points lost per decision on
    golden val, mean error of Q there; for a Stage-2 network, both on the validation games of its training"""
    text: str
    """Markdown"""


def card_of(model: Model, ruling: Ruling, objective: str, lineage: str) -> Card:
    """Return the card of a model that has passed the gate. lineage: text of `lineage_text`."""
    from forge_core.learning.labelled.teaching import size_name

    network, known = model.network, model.network.card
    results = known.get("results", {})
    gap = ruling.figures.get("decision_q_gap_points", results.get("decision_q_gap"))
    error = ruling.figures.get("q_mae_points", results.get("q_mae"))
    parts = [f"texas42-{objective}", size_name(network.config), f"{network.n_parameters / 1000:.0f}k"]
    parts += [f"qgap{gap:.3f}"] if gap is not None else []
    parts += [f"qmae{error:.2f}"] if error is not None else []
    name = "-".join(parts)
    sections = {
        "Why it is champion": "\n".join(f"- {reason}" for reason in ruling.reasons),
        "What it does": table(ruling.figures),
        "What it is": table(
            {
                "objective": objective,
                "tokens": f"{network.spec.name} {network.spec.version}",
                **network.config.to_dict(),
                "parameters": f"{network.n_parameters:,}",
                "weights": model.weights,
            }
        ),
        "How it was taught": table(
            {
                **{key: known[key] for key in ("device", "precision", "threads") if key in known},
                **{key: results[key] for key in ("rows", "step", "seconds", "cpu_seconds") if key in results},
                **known.get("train", {}).get("recipe", {}),
                **known.get("versions", {}),
            }
        ),
        "Where it comes from": f"```\n{lineage}\n```",
        "To use it": f'`forge evaluate {model.path}`; in Python `load_model("{model.path}")` of '
        "forge_core.learning.checkpoints. safetensors and JSON: nothing that could run code.",
    }
    body = "\n\n".join(f"## {title}\n{text}" for title, text in sections.items())
    return Card(name, f"# {name}\n\n{body}\n")


def table(entries: Mapping[str, Any]) -> str:
    """Return a Markdown table of two columns, with floats to six significant digits."""
    cells = {key: f"{value:.6g}" if isinstance(value, float) else value for key, value in entries.items()}
    return "\n".join(["| | |", "|-|-|", *(f"| {key} | {value} |" for key, value in cells.items())])
