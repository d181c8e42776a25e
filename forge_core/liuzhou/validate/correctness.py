"""Differences between implementations: of the rules, of searches, and of play with a network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from forge_core.game import Array, to_numpy
from forge_core.liuzhou import rules
from forge_core.liuzhou.arena import Arena
from forge_core.liuzhou.evaluators import FakeNet
from forge_core.liuzhou.match import random_openings
from forge_core.liuzhou.network import LiuzhouNet, NetworkEvaluator
from forge_core.liuzhou.settings.matches import DEFAULT_OPENING
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.settings.validation import ValidationSettings
from forge_core.liuzhou.state import GOING, legal_actions, outcomes, pack, step_rows, unpack
from forge_core.liuzhou.validate.modes import HostEvaluator
from forge_core.liuzhou.validate.positions import Rows

TOP = 4
"""number of most visited actions that are compared"""
WINNERS = 64
"""largest number of games that both trees play out"""


def count_rule_differences(rows: Rows, device: str) -> int:
    """Return the number of positions whose legal actions or successors differ from those of `rules`.

    Kernels on the host and tensors on `device` are both compared.
    """
    listed = [_listed(rows), _listed(torch.as_tensor(rows, device=device))]
    differences = 0
    for n, row in enumerate(rows):
        state = unpack(row)
        legal = rules.legal(state)
        after = np.stack([pack(rules.step(state, action)) for action in legal])
        for actions, counts in listed:
            differences += actions[n, : counts[n]].tolist() != legal
        repeated, taken = np.repeat(row[None], len(legal), 0), np.array(legal)
        on_device = step_rows(*(torch.as_tensor(array, device=device) for array in (repeated, taken)))
        differences += not np.array_equal(step_rows(repeated, taken), after)
        differences += not np.array_equal(on_device.cpu().numpy(), after)
    return differences


def _listed(rows: Rows | torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    actions, counts = legal_actions(rows)
    return to_numpy(actions), to_numpy(counts)


def count_search_differences(rows: Rows, sims: int, device: str) -> int:
    """Return the number of positions at which compiled trees and the device's arena differ.

    The evaluator is exact, so equal searches agree in every digit of visits and values. On a CPU, the tensor
    implementation stands in for the arena.
    """
    settings = SearchSettings(sims=sims)
    on_host = Arena(len(rows), settings, "cpu").search(rows, FakeNet())
    kind = "tensors" if device == "cpu" else "auto"
    there = Arena(len(rows), settings, device, kind).search(torch.as_tensor(rows, device=device), FakeNet())
    differs = np.zeros(len(rows), bool)
    for name in ("visits", "q", "value"):
        one, other = to_numpy(getattr(on_host, name)), to_numpy(getattr(there, name))
        differs |= (one != other).reshape(len(rows), -1).any(1)
    return int(differs.sum())


def policy_overlap(rows: Rows, network: LiuzhouNet, sims: int, device: str) -> float:
    """Return the mean share of each position's TOP most visited actions that both trees have in common.

    One tree is on the host with the network on the device, the other is the arena of the device.
    """
    evaluator, settings = NetworkEvaluator(network, device=device), SearchSettings(sims=sims)
    on_host = Arena(len(rows), settings, "cpu", "cpu").search(rows, HostEvaluator(evaluator))
    there = Arena(len(rows), settings, device).search(_on(rows, device), evaluator)
    tops = [_top(result.actions, result.visits) for result in (on_host, there)]
    return float(np.mean([len(one & other) / len(one) for one, other in zip(*tops, strict=True)]))


def _top(actions: Array, visits: Array) -> list[set[int]]:
    """Return the most visited actions of each position, at most TOP."""
    actions, visits = to_numpy(actions), to_numpy(visits)
    order = np.argsort(-visits, axis=1, kind="stable")[:, :TOP]
    return [{int(actions[n, slot]) for slot in slots if visits[n, slot] > 0} for n, slots in enumerate(order)]


def compare_winners(network: LiuzhouNet, settings: ValidationSettings, device: str) -> float:
    """Return the share of games that have the same result when the host tree and the arena play them out."""
    evaluator, search = NetworkEvaluator(network, device=device), SearchSettings(sims=settings.sims)
    openings = random_openings(range(min(settings.games, WINNERS)), settings.seed, DEFAULT_OPENING)
    on_host = Arena(len(openings), search, "cpu", "cpu")
    there = Arena(len(openings), search, device)
    ends = [
        _play_out(openings, lambda rows: on_host.search(rows, HostEvaluator(evaluator)).chosen),
        _play_out(openings, lambda rows: to_numpy(there.search(_on(rows, device), evaluator).chosen)),
    ]
    return float((outcomes(ends[0]) == outcomes(ends[1])).mean())


def _play_out(rows: Rows, choose: Callable[[Rows], np.ndarray]) -> Rows:
    """Return the finished rows of games in which `choose` takes every action."""
    while (outcomes(rows) == GOING).any():
        rows = step_rows(rows, np.maximum(choose(rows), 0))
    return rows


def _on(rows: Rows, device: str) -> Array:
    """Return rows in the form that the arena of a device takes."""
    return rows if device == "cpu" else torch.from_numpy(rows).to(device)
