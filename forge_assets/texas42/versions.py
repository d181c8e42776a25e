"""The versions of the algorithms of Texas 42, composed along the asset graph.

A version stands beside its algorithm and is raised when its results change.
"""

from __future__ import annotations

from forge_assets.versions import version_of

ORACLE = version_of("forge_core.texas42.oracle.solver", "ORACLE_VERSION")
SHARDS = f"{version_of('forge_core.texas42.oracle.shards.records', 'SHARDS_VERSION')}/{ORACLE}"
"""Composed of those of all algorithms above, so that a change shows at once on all that follows."""
ENCODER = version_of("forge_core.texas42.tokens.encoder", "ENCODER_VERSION")
TOKENS = f"{version_of('forge_core.texas42.tokens.splits', 'TOKENS_VERSION')}/{ENCODER}/{SHARDS}"
LIVE = version_of("forge_core.texas42.tokens.live", "LIVE_VERSION")
MODEL = f"{version_of('forge_core.learning.labelled.train', 'MODEL_VERSION')}/{LIVE}/{TOKENS}"
"""Networks learn from rows of shards, or from live ones if they are told to."""
GOLDEN = version_of("forge_core.texas42.tokens.golden", "GOLDEN_VERSION")
EVALUATION = f"{version_of('forge_core.learning.labelled.metrics', 'EVALUATION_VERSION')}/{GOLDEN}/{MODEL}"
ONNX = f"{version_of('forge_core.learning.onnx', 'ONNX_VERSION')}/{MODEL}"
EQ = version_of("forge_core.texas42.eq.generate", "EQ_VERSION")
EQ_GAMES = f"{EQ}/{MODEL}"
EQ_TOKENS = "/".join(
    (
        version_of("forge_core.texas42.eq.splits", "GAME_ROWS_VERSION"),
        version_of("forge_core.texas42.tokens.transcript", "TRANSCRIPT_VERSION"),
        EQ_GAMES,
    )
)
EQ_MODEL = f"{version_of('forge_core.learning.labelled.train', 'MODEL_VERSION')}/{EQ_TOKENS}"
EQ_ONNX = f"{version_of('forge_core.learning.onnx', 'ONNX_VERSION')}/{EQ_MODEL}"

BIDDING = "/".join(
    (
        version_of("forge_core.texas42.bidding.table", "BIDDING_VERSION"),
        version_of("forge_core.texas42.bidding.playouts", "POLICY_VERSION"),
        EQ,
        ENCODER,
        ORACLE,
    )
)
"""Playouts ask the solver, or networks, which read positions through the encoder."""
MATCHES = "/".join(
    (
        version_of("forge_core.texas42.arena.boards", "MATCH_VERSION"),
        version_of("forge_core.texas42.players.heuristic", "HEURISTIC_VERSION"),
        version_of("forge_core.texas42.bidding.bidders", "RULE_VERSION"),
        EQ_MODEL,
    )
)
CHAMPION = f"{version_of('forge_core.gate', 'GATE_VERSION')}/{EVALUATION}/{MATCHES}"


def of_network(kind: str) -> str:
    """Of a network that learnt from rows of a kind: see `describe_data` of forge train."""
    return EQ_MODEL if kind == "games" else MODEL
