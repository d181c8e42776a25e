"""Rounds played by a network that learns: tables, decisions that wait, and the buffers of finished rounds."""

from forge_core.skull_king.rollouts.collector import Collector
from forge_core.skull_king.rollouts.records import Collected
from forge_core.skull_king.rollouts.teacher import Taught

__all__ = ["Collected", "Collector", "Taught"]
