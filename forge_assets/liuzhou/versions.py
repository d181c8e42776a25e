"""Versions of the algorithms of Liuzhou, composed along the asset graph.

Each version is a constant next to its algorithm, and is raised when the results of the algorithm change.
"""

from __future__ import annotations

from forge_assets.versions import constant_of
from forge_core.errors import BadInput
from forge_core.liuzhou.settings.generation import LIVE, STORED

GAMES = constant_of("forge_core.liuzhou.recording", "SELF_PLAY_VERSION")
"""as files of games name it. Games do not depend on the version of the network that plays them: it is
recorded with them"""
MODEL = f"{constant_of('forge_core.liuzhou.train', 'MODEL_VERSION')}/{GAMES}"
EVALUATION = f"{constant_of('forge_core.liuzhou.ladder', 'LADDER_VERSION')}/{MODEL}"
CHAMPION = f"{constant_of('forge_core.gate', 'GATE_VERSION')}/{EVALUATION}"


def of_network(kind: str) -> str:
    """Return the version of a network that learnt from positions of a kind. Raise BadInput for others."""
    if kind not in (LIVE, STORED):
        raise BadInput(f"positions of the kind {kind!r}: networks learn from {LIVE} or {STORED}")
    return MODEL
