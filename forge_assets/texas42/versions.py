"""Code versions of the Texas 42 assets, composed along the asset graph.

Each algorithm has a version constant next to it, which is raised when the results of the algorithm change.
"""

from __future__ import annotations

from forge_assets.versions import constant_of
from forge_core.texas42.settings.self_play import SELF_PLAY
from forge_core.texas42.sources import LiveDecisions, OneHandRows, source_kind

ORACLE = constant_of("forge_core.texas42.oracle.solver", "ORACLE_VERSION")
SHARDS = f"{constant_of('forge_core.texas42.oracle.shards.records', 'SHARDS_VERSION')}/{ORACLE}"
"""A code version contains the versions of all upstream algorithms, so that a change marks every downstream
asset as outdated."""
ENCODER = constant_of("forge_core.texas42.tokens.encoder", "ENCODER_VERSION")
TOKENS = f"{constant_of('forge_core.texas42.tokens.splits', 'TOKENS_VERSION')}/{ENCODER}/{SHARDS}"
LIVE = constant_of("forge_core.texas42.tokens.live", "LIVE_VERSION")
MODEL = f"{constant_of('forge_core.learning.labelled.train', 'MODEL_VERSION')}/{LIVE}/{TOKENS}"
"""Networks are trained on rows of shards, or on live rows if the setting `live` is on."""
GOLDEN = constant_of("forge_core.texas42.tokens.golden", "GOLDEN_VERSION")
EVALUATION = f"{constant_of('forge_core.learning.labelled.metrics', 'EVALUATION_VERSION')}/{GOLDEN}/{MODEL}"
ONNX = f"{constant_of('forge_core.learning.onnx', 'ONNX_VERSION')}/{MODEL}"
EQ = constant_of("forge_core.texas42.eq.generate", "EQ_VERSION")
PLAYOUTS = constant_of("forge_core.texas42.one_hand.playouts", "PLAYOUT_VERSION")
EQ_GAMES = f"{EQ}/{PLAYOUTS}/{MODEL}"
EQ_TOKENS = "/".join(
    (
        constant_of("forge_core.texas42.eq.splits", "GAME_ROWS_VERSION"),
        constant_of("forge_core.texas42.tokens.transcript", "TRANSCRIPT_VERSION"),
        constant_of("forge_core.texas42.tokens.inferences", "INFERENCES_VERSION"),
        EQ_GAMES,
    )
)
EQ_MODEL = f"{constant_of('forge_core.learning.labelled.train', 'MODEL_VERSION')}/{EQ_TOKENS}"
ONE_HAND = constant_of("forge_core.texas42.one_hand_training.train", "MODEL_VERSION")
FEATURES = constant_of("forge_core.texas42.one_hand.features", "FEATURES_VERSION")
ONE_HAND_MODEL = f"{ONE_HAND}/{FEATURES}/{EQ_TOKENS}"
SELF_PLAY_MODEL = "/".join(
    (
        constant_of("forge_core.texas42.one_hand_training.self_play", "MODEL_VERSION"),
        constant_of("forge_core.texas42.one_hand.self_play", "SELF_PLAY_VERSION"),
        constant_of("forge_core.texas42.declaring", "DECLARING_VERSION"),
        FEATURES,
    )
)
LIVE_DECISIONS = "/".join(
    (
        constant_of("forge_core.learning.labelled.train", "MODEL_VERSION"),
        constant_of("forge_core.texas42.tokens.live_decisions", "LIVE_DECISIONS_VERSION"),
        constant_of("forge_core.texas42.one_hand.self_play", "SELF_PLAY_VERSION"),
        constant_of("forge_core.texas42.declaring", "DECLARING_VERSION"),
        FEATURES,
        constant_of("forge_core.texas42.tokens.transcript", "TRANSCRIPT_VERSION"),
        constant_of("forge_core.texas42.tokens.inferences", "INFERENCES_VERSION"),
    )
)
"""Networks of `forge-pipeline train --stage 2 --live`, which no asset trains"""
EQ_ONNX = f"{constant_of('forge_core.learning.onnx', 'ONNX_VERSION')}/{EQ_MODEL}"

HEURISTIC = constant_of("forge_core.texas42.one_hand.heuristic", "HEURISTIC_VERSION")
TABLES = constant_of("forge_core.texas42.bidding.table", "BIDDING_VERSION")
BIDDING = "/".join(
    (
        TABLES,
        HEURISTIC,
        constant_of("forge_core.texas42.bidding.playouts", "POLICY_VERSION"),
        PLAYOUTS,
        EQ,
        ENCODER,
        ORACLE,
    )
)
"""Playouts use rules, the solver, or networks, which read positions through the encoder."""
MATCHES = "/".join(
    (
        constant_of("forge_core.texas42.arena.boards", "MATCH_VERSION"),
        HEURISTIC,
        constant_of("forge_core.texas42.bidding.bidders", "RULE_VERSION"),
        EQ_MODEL,
    )
)
CHAMPION = "/".join(
    (
        constant_of("forge_core.gate", "GATE_VERSION"),
        EVALUATION,
        ONE_HAND,
        SELF_PLAY_MODEL,  # it ends with FEATURES
        MATCHES,
    )
)
PLAY_PAGE = "/".join(
    (
        constant_of("forge_core.texas42.web.folder", "PAGE_VERSION"),
        constant_of("forge_core.learning.onnx", "ONNX_VERSION"),
        CHAMPION,
    )
)


def of_network(kind: str) -> str:
    """Return the version of a network trained on rows of a kind. Raise BadInput if there is no such kind."""
    of_kind = {
        OneHandRows.kind: ONE_HAND_MODEL,
        SELF_PLAY: SELF_PLAY_MODEL,
        LiveDecisions.kind: LIVE_DECISIONS,
    }
    return of_kind.get(kind) or {1: MODEL, 2: EQ_MODEL}[source_kind(kind).stage]
