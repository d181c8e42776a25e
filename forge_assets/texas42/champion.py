"""The champion of each objective: a challenger that passes the gate replaces it.

Networks are compared on the golden deals of val, with a test that is paired by deal. The Stage-2 network and
the one-hand network are players: they play duplicate deals against the champion until a sequential test
decides or the deals run out.
"""

from typing import TYPE_CHECKING

import dagster as dg

from forge_assets.gate.champion import IS_CHAMPION, hold_gate
from forge_assets.gate.networks import load_network
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, ShardStore, failing_plainly
from forge_assets.settings import config_of
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.cards import card_of, check_objective
from forge_assets.texas42.eq_model import OBJECTIVE as STAGE2
from forge_assets.texas42.eq_model import eq_model
from forge_assets.texas42.one_hand_model import one_hand_model
from forge_assets.texas42.oracle_model import oracle_model_evaluation
from forge_assets.texas42.self_play_model import self_play_model
from forge_assets.tracking.launchpad import ModelLaunchpad
from forge_assets.tracking.registry import CHAMPION
from forge_assets.tracking.tracker import Tracker
from forge_core.arena.settings import DEFAULT_SEEDS, held_out_seeds
from forge_core.texas42.one_hand.architecture import OBJECTIVE as ONE_HAND
from forge_core.texas42.settings.gate import GateSettings

if TYPE_CHECKING:
    from forge_assets.gate.networks import LoadedNetwork
    from forge_assets.texas42.cards import Model
    from forge_core.gate import Ruling
    from forge_core.texas42.players.protocol import Player

NETWORKS, PLAYERS = ("qvalue", "policy"), (STAGE2, ONE_HAND)
champion_partitions = dg.StaticPartitionsDefinition([*NETWORKS, *PLAYERS])


class GateLaunchpad(ModelLaunchpad, config_of(GateSettings)):
    """Settings of the gate: the challenger, and the number of rows or deals to compare."""


@dg.asset(
    group_name=groups.PLAY,
    deps=[
        dg.AssetDep(
            oracle_model_evaluation,
            partition_mapping=dg.StaticPartitionMapping({name: name for name in NETWORKS}),
        ),
        eq_model,
        one_hand_model,
        self_play_model,
    ],
    partitions_def=champion_partitions,
    code_version=versions.CHAMPION,
    pool=COMPUTE_POOL,
    kinds={"mlflow"},
)
def champion(
    context: dg.AssetExecutionContext,
    config: GateLaunchpad,
    store: ShardStore,
    compute: ComputeDevice,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """Compare the challenger with the champion, and promote it in the MLflow registry only if it is better.
    The metadata gives the reasons for the decision; the data version is the digest of the champion's
    weights."""
    from forge_core.device import resolve_device

    with failing_plainly():
        objective, device = context.partition_key, resolve_device(compute.device)
        challenger = load(config.find(context, objective, tracker), objective, device)
        check_objective(challenger, objective)
        judge = judge_player if objective in PLAYERS else judge_network
        return hold_gate(
            context,
            objective,
            challenger,
            tracker,
            load=lambda folder: load(folder, objective, device),
            judge=lambda challenger, holder: judge(challenger, holder, config.settings(), store),
            describe=card_of,
        )


def load(folder: str, objective: str, device: str) -> "LoadedNetwork":
    """Load the network in a folder. Raise BadInput for one of another kind than the objective's."""
    if objective != ONE_HAND:
        return load_network(folder, device)
    from forge_core.texas42.one_hand.network import OneHandNet

    return load_network(folder, "cpu", OneHandNet)


def player_of(name: str, model: "LoadedNetwork") -> "Player":
    """Return the player that follows a network of one of PLAYERS."""
    from forge_core.texas42.one_hand.choose import load_policy
    from forge_core.texas42.players.one_hand import OneHandPlayer
    from forge_core.texas42.players.transcript import TranscriptPlayer

    if model.network.config.objective == ONE_HAND:
        return OneHandPlayer(name, load_policy(model.path))
    return TranscriptPlayer(name, model.network)


def judge_network(
    challenger: "Model", holder: "Model | None", settings: GateSettings, store: ShardStore
) -> "Ruling":
    """Judge a network by points lost per decision on golden val. A first champion must beat random play."""
    from forge_core.gate import Ruling, judge_losses
    from forge_core.texas42.arena.measures import NETWORK_LOSSES
    from forge_core.texas42.tokens.golden import random_gaps, score

    root = store.root()
    mine = score(challenger.network, challenger.weights, root, settings.rows)
    figures = {"by_deal_points": mine.by_deal, "decision_q_gap_points": mine.decision_q_gap}
    figures["q_gap_points"] = mine.q_gap
    if mine.q_mae is not None:
        figures["q_mae_points"] = mine.q_mae
    if not holder:
        gaps = random_gaps(root, settings.rows)
        ruling = judge_losses(mine.gap, gaps, mine.group, NETWORK_LOSSES, "random play")
    elif holder.weights == challenger.weights:
        ruling = Ruling(False, (IS_CHAMPION,))
    else:
        theirs = score(holder.network, holder.weights, root, settings.rows)
        ruling = judge_losses(mine.gap, theirs.gap, mine.group, NETWORK_LOSSES)
        figures["champion_by_deal_points"] = theirs.by_deal
    return Ruling(ruling.promoted, ruling.reasons, figures | ruling.figures)


def judge_player(
    challenger: "LoadedNetwork", holder: "LoadedNetwork | None", settings: GateSettings, store: ShardStore
) -> "Ruling":
    """Judge a player by duplicate deals against the champion. A first champion must beat random play."""
    from forge_core.gate import Ruling, judge_match
    from forge_core.stats import Sprt
    from forge_core.texas42.arena import Conditions, play_match
    from forge_core.texas42.arena.measures import SWING
    from forge_core.texas42.players.random import RandomPlayer

    if holder and holder.weights == challenger.weights:
        return Ruling(False, (IS_CHAMPION,))
    mine = player_of("challenger", challenger)
    theirs = player_of(CHAMPION, holder) if holder else RandomPlayer()
    test = Sprt(0.0, settings.margin)
    seeds = held_out_seeds(settings.deals or DEFAULT_SEEDS)
    match = play_match(mine, theirs, seeds, Conditions(), store.root(), test)
    assert match.sprt
    return judge_match(match.sprt, SWING, "the champion" if holder else "random play")
