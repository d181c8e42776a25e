"""Liuzhou's network, and the evaluator that a tree search uses."""

from forge_core.liuzhou.network.evaluator import NetworkEvaluator
from forge_core.liuzhou.network.residual import LiuzhouNet
from forge_core.liuzhou.settings.network import PlaneSpec, ResidualConfig, parse_size

__all__ = ["LiuzhouNet", "NetworkEvaluator", "PlaneSpec", "ResidualConfig", "parse_size"]
