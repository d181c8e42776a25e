"""Model cards, which describe a champion: its network, its training, and the reasons for its promotion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forge_assets.gate.networks import LoadedNetwork

if TYPE_CHECKING:
    from forge_core.gate import Ruling


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The model card of one network."""

    name: str
    """`texas42-qvalue-73k-71k-qgap1.273-qmae3.92`: its objective, size and main figures"""
    text: str
    """Markdown"""


def write_card(
    name: str,
    model: LoadedNetwork[Any],
    ruling: Ruling,
    identity: Mapping[str, Any],
    lineage: str,
    use: str,
) -> ModelCard:
    """Return the card of a model that has passed the gate.

    identity: entries that describe its input and task. lineage: result of `lineage_text`. use: Markdown that
    says how to use it.
    """
    network, known = model.network, model.network.card
    results = known.get("results", {})
    sections = {
        "Why it is champion": "\n".join(f"- {reason}" for reason in ruling.reasons),
        "Results": markdown_table(ruling.figures),
        "Network": markdown_table(
            {
                **identity,
                **network.config.to_dict(),
                "parameters": f"{network.n_parameters:,}",
                "weights": model.weights,
            }
        ),
        "Training": markdown_table(
            {
                **{key: known[key] for key in ("device", "precision", "threads") if key in known},
                **{key: results[key] for key in ("rows", "step", "seconds", "cpu_seconds") if key in results},
                **known.get("train", {}).get("recipe", {}),
                **known.get("versions", {}),
            }
        ),
        "Lineage": f"```\n{lineage}\n```",
        "Usage": f"{use} The files are safetensors and JSON, which cannot run code.",
    }
    body = "\n\n".join(f"## {title}\n{text}" for title, text in sections.items())
    return ModelCard(name, f"# {name}\n\n{body}\n")


def markdown_table(entries: Mapping[str, Any]) -> str:
    """Return a Markdown table with two columns and floats to six significant digits."""
    cells = {key: f"{value:.6g}" if isinstance(value, float) else value for key, value in entries.items()}
    return "\n".join(["| | |", "|-|-|", *(f"| {key} | {value} |" for key, value in cells.items())])
