"""Challengers of Texas 42: the check of their objective, and the model card of a new champion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_assets.games import find_model
from forge_assets.gate.cards import ModelCard, write_card
from forge_assets.gate.networks import LoadedNetwork
from forge_core.errors import BadInput
from forge_core.texas42.one_hand.architecture import OBJECTIVE as ONE_HAND

if TYPE_CHECKING:
    from forge_core.gate import Ruling
    from forge_core.learning.networks.network import Network
    from forge_core.learning.networks.transformer import TokenTransformer

    Model = LoadedNetwork[TokenTransformer]


def check_objective(model: LoadedNetwork[Any], objective: str) -> None:
    """Raise BadInput unless a network was trained for `objective`."""
    learnt = model.network.config.objective
    if learnt != objective:
        raise BadInput(
            f"{model.path} was trained for {learnt} and cannot be the champion of {objective}: use a network "
            f"trained for {objective}"
        )


def card_of(model: LoadedNetwork[Any], ruling: Ruling, lineage: str) -> ModelCard:
    """Return the card of a model that has passed the gate. lineage: result of `lineage_text`.

    Its name contains the objective, the size, the number of parameters, and two figures on golden val: points
    lost per decision and mean error of Q. For a Stage-2 network, the figures are those on the validation
    games of its training.
    """
    network = model.network
    objective, results = network.config.objective, network.card.get("results", {})
    gap = ruling.figures.get("decision_q_gap_points", results.get("decision_q_gap"))
    error = ruling.figures.get("q_mae_points", results.get("q_mae"))
    parts = [f"texas42-{objective}", *_size(network), f"{network.n_parameters / 1000:.0f}k"]
    parts += [f"qgap{gap:.3f}"] if gap is not None else []
    parts += [f"qmae{error:.2f}"] if error is not None else []
    entry = "features" if objective == ONE_HAND else "tokens"
    identity = {"objective": objective, entry: f"{network.spec.name} {network.spec.version}"}
    _, kind = find_model(objective)
    use = (
        f'`{kind.evaluate.format(model=model.path)}`; in Python `load_model("{model.path}")` from '
        "forge_core.learning.checkpoints."
    )
    return write_card("-".join(parts), model, ruling, identity, lineage, use)


def _size(network: Network) -> list[str]:
    """Return the name of a transformer's size in a list; an empty list for other networks."""
    from forge_core.learning.labelled.teaching import size_name
    from forge_core.learning.networks.sizes import ModelConfig

    return [size_name(network.config)] if isinstance(network.config, ModelConfig) else []
