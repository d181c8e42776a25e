"""The champion of each size: a challenger that beats it in a match replaces it."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from forge_assets.gate.cards import ModelCard, write_card
from forge_assets.gate.figures import gate_by_play
from forge_assets.gate.networks import LoadedNetwork, load_network
from forge_assets.liuzhou import versions
from forge_assets.liuzhou.evaluation import ELO, liuzhou_evaluation
from forge_assets.liuzhou.names import GROUP, objective_of
from forge_assets.liuzhou.partitions import sizes
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, failing_plainly
from forge_assets.settings import config_of
from forge_assets.tracking.launchpad import ModelLaunchpad
from forge_assets.tracking.tracker import Tracker
from forge_core.errors import BadInput
from forge_core.liuzhou.settings.gate import GateSettings

if TYPE_CHECKING:
    from forge_core.gate import Ruling
    from forge_core.liuzhou.network import LiuzhouNet

    Model = LoadedNetwork[LiuzhouNet]


class GateLaunchpad(ModelLaunchpad, config_of(GateSettings)):
    """Settings of the gate: the challenger, and the match that decides."""


@dg.asset(
    group_name=GROUP,
    deps=[liuzhou_evaluation],
    partitions_def=sizes,
    code_version=versions.CHAMPION,
    pool=COMPUTE_POOL,
    kinds={"mlflow"},
)
def liuzhou_champion(
    context: dg.AssetExecutionContext, config: GateLaunchpad, compute: ComputeDevice, tracker: Tracker
) -> dg.MaterializeResult:
    """Let the challenger play the champion, and promote it in the MLflow registry only if it is better. The
    first champion must beat random play. The metadata give the reasons of either decision."""
    from forge_core.device import resolve_device
    from forge_core.liuzhou.gate import judge
    from forge_core.liuzhou.network import LiuzhouNet

    with failing_plainly():
        objective, device = objective_of(context.partition_key), resolve_device(compute.device)
        challenger = load_network(config.find(context, objective, tracker), "cpu", LiuzhouNet)
        check_size(challenger, context.partition_key)
        return gate_by_play(
            context,
            objective,
            challenger,
            tracker,
            judge=lambda own, holder: judge(own, holder, config.settings(), device),
            figure=ELO,
            name="elo",
            digits=1,
            describe=card_of,
        )


def check_size(model: "Model", size: str) -> None:
    """Raise BadInput unless a network has a size."""
    if str(model.network.config) != size:
        raise BadInput(
            f"{model.path} is a network of {model.network.config}, and cannot be the champion of {size}"
        )


def card_of(model: "Model", ruling: "Ruling", lineage: str) -> ModelCard:
    """Return the card of a network that has passed the gate. lineage: text of `lineage_text`."""
    network = model.network
    rating = ruling.figures.get("elo")
    parts = [objective_of(str(network.config)), f"{network.n_parameters / 1000:.0f}k"]
    parts += [f"elo{rating:.0f}"] if rating is not None else []
    identity: dict[str, Any] = {"planes": f"{network.spec.name} {network.spec.version}"}
    player = f"search:sims=256,model={model.path}"
    use = f"`forge liuzhou play --white {player}`; `forge liuzhou evaluate {model.path}`."
    return write_card("-".join(parts), model, ruling, identity, lineage, use)
