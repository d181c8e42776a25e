"""Versions of the algorithms of Skull King, composed along the asset graph.

Each version is a constant next to its algorithm, and is raised when the results of the algorithm change.
"""

from __future__ import annotations

from forge_assets.skull_king.names import ROUNDS
from forge_assets.versions import constant_of
from forge_core.errors import BadInput

RULES = constant_of("forge_core.skull_king.rules", "RULES_VERSION")
OBSERVATIONS = constant_of("forge_core.skull_king.state.inputs", "OBSERVATION_VERSION")
POLICY = f"{constant_of('forge_core.skull_king.train', 'MODEL_VERSION')}/o{OBSERVATIONS}/g{RULES}"
EVALUATION = f"{constant_of('forge_core.skull_king.evaluation', 'EVALUATION_VERSION')}/{POLICY}"
CHAMPION = f"{constant_of('forge_core.gate', 'GATE_VERSION')}/{EVALUATION}"


def of_network(kind: str) -> str:
    """Return the version of a network that learnt from rows of a kind. Raise BadInput for others."""
    if kind != ROUNDS:
        raise BadInput(f"rows of the kind {kind!r}: networks of Skull King learn from {ROUNDS}")
    return POLICY
