"""The champion of Skull King: a challenger that scores more than it on the final deals replaces it."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from forge_assets.gate.cards import ModelCard, write_card
from forge_assets.gate.figures import gate_by_play
from forge_assets.gate.networks import LoadedNetwork, load_network
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, failing_plainly
from forge_assets.settings import config_of
from forge_assets.skull_king import versions
from forge_assets.skull_king.evaluation import SCORE, skull_king_evaluation
from forge_assets.skull_king.names import GROUP, REGISTERED, objective_of
from forge_assets.skull_king.partitions import recipes
from forge_assets.tracking.launchpad import ModelLaunchpad
from forge_assets.tracking.tracker import Tracker
from forge_core.skull_king.settings.gate import GateSettings

if TYPE_CHECKING:
    from forge_core.gate import Ruling
    from forge_core.skull_king.network import BidAndPlayNet

    Model = LoadedNetwork[BidAndPlayNet]


class GateLaunchpad(ModelLaunchpad, config_of(GateSettings)):
    """Settings of the gate: the challenger, and the deals that decide."""


@dg.asset(
    group_name=GROUP,
    deps=[skull_king_evaluation],
    partitions_def=recipes,
    code_version=versions.CHAMPION,
    pool=COMPUTE_POOL,
    kinds={"mlflow"},
)
def skull_king_champion(
    context: dg.AssetExecutionContext, config: GateLaunchpad, compute: ComputeDevice, tracker: Tracker
) -> dg.MaterializeResult:
    """Let the challenger of a recipe and the champion of all recipes play the final deals against the same
    opponents, and promote the challenger in the MLflow registry only if it scores more. The first champion
    must score more than hard. The metadata give the reasons of either decision."""
    from forge_core.device import resolve_device
    from forge_core.skull_king.gate import judge
    from forge_core.skull_king.network import BidAndPlayNet

    with failing_plainly():
        objective, device = objective_of(context.partition_key), resolve_device(compute.device)
        challenger = load_network(config.find(context, objective, tracker), "cpu", BidAndPlayNet)
        return gate_by_play(
            context,
            objective,
            challenger,
            tracker,
            judge=lambda own, holder: judge(own, holder, config.settings(), device),
            figure=SCORE,
            name="hard_score",
            describe=card_of,
        )


def card_of(model: "Model", ruling: "Ruling", lineage: str) -> ModelCard:
    """Return the card of a network that has passed the gate. lineage: text of `lineage_text`."""
    network = model.network
    recipe, spec = network.card.get("recipe") or "network", network.spec
    parts = [REGISTERED, recipe, f"{network.n_parameters / 1000:.0f}k"]
    score = ruling.figures.get("hard_score")
    parts += [f"score{score:.0f}"] if score is not None else []
    identity: dict[str, Any] = {
        "observations": f"{spec.name} {spec.version}",
        "seats": spec.seats,
        "recipe": recipe,
        "final deals": f"{ruling.figures.get('deals', 0):.0f}",
    }
    use = f"`forge skull-king evaluate {model.path}`; `forge skull-king film --player {model.path}`."
    return write_card("-".join(parts), model, ruling, identity, lineage, use)
