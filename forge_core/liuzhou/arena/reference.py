"""The search in plain Python: the slow readable implementation that all others are compared with.

A tree is made of nodes that hold a position of `rules` and a number per legal action. The arithmetic is in
float32, in the same order as in the other implementations. All values are in BLACK's frame: the value of a
leaf is added unchanged along the path, even where a player moves twice in a row; only the choice of an action
applies the mover's sign.
"""

from __future__ import annotations

import math

import numpy as np

from forge_core.game import Array
from forge_core.liuzhou import rules
from forge_core.liuzhou.arena.gumbel import (
    CONSIDERED,
    improved_policy,
    log_priors,
    plan_of_halving,
    scaled_values,
)
from forge_core.liuzhou.arena.noise import mix_noise
from forge_core.liuzhou.arena.result import RootStatistics
from forge_core.liuzhou.evaluators import Evaluator, evaluate
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.state.layout import EMPTY_SLOT, SLOTS, pack, unpack

F = np.float32


class Node:
    """A position of the tree, evaluated. Lists have an entry per legal action, in ascending order."""

    def __init__(self, state: rules.State, evaluator: Evaluator) -> None:
        self.state = state
        self.row = pack(state)
        self.outcome = rules.outcome(state)
        """None while the game goes on, else 1, -1 or 0 for a draw"""
        self.actions = rules.legal(state)
        self.slots = np.full(SLOTS, EMPTY_SLOT, np.uint8)
        """the actions as evaluators take them"""
        self.slots[: len(self.actions)] = self.actions
        prior, value = evaluate(evaluator, self.row[None], self.slots[None])
        self.prior: list[F] = list(prior[0, : len(self.actions)])
        self.value: F = value[0]
        self.children: dict[int, Node] = {}
        """by the index of the action"""
        self.visits = [0] * len(self.actions)
        self.sums = [F(0)] * len(self.actions)
        self.row_visits = 0
        """visits of the position itself: once more than its actions have, for its own evaluation"""
        self.seen = F(0)
        """priors of the visited actions, added in the order of their first visits"""

    @property
    def sign(self) -> F:
        """1 if black is to move, -1 if white is."""
        return F(self.state.player)

    def count_rows(self) -> int:
        """Return the number of positions in this subtree."""
        return 1 + sum(child.count_rows() for child in self.children.values())

    def depth(self) -> int:
        """Return the number of positions on the longest line in this subtree."""
        return 1 + max((child.depth() for child in self.children.values()), default=0)


class ReferenceTrees:
    """Trees side by side, searched independently."""

    overflow = 0

    def __init__(self, settings: SearchSettings) -> None:
        self.settings = settings
        self.c, self.beta, self.draw_scale = F(settings.c), F(settings.beta), F(settings.draw_scale)
        self.roots: list[Node] = []
        self.kept: list[Node | None] = []
        """what `advance` kept of each tree"""
        self.scores: np.ndarray | None = None
        self.plan: list[np.ndarray] = []

    def start(self, rows: Array, evaluator: Evaluator, sims: int, draws: Array | None) -> None:
        """Evaluate the roots and mix in their noise. draws: [N, SLOTS], see `Trees`."""
        kept = self.kept + [None] * len(rows)
        self.kept = []
        self.roots = [Node(unpack(row), evaluator) for row in rows]
        for g, root in enumerate(self.roots):
            subtree = kept[g]
            if subtree is not None and np.array_equal(subtree.row, root.row):
                self.roots[g] = subtree
            else:
                root.row_visits = 1
        if self.settings.gumbel:
            plan = plan_of_halving(sims)
            self.plan = [plan[min(len(root.actions), CONSIDERED)] for root in self.roots]
            self.scores = log_priors(np.stack([padded(root.prior, F) for root in self.roots]))
            if draws is not None:
                self.scores += draws
        elif draws is not None:
            for root, parts in zip(self.roots, draws, strict=True):
                mixed = mix_noise(
                    padded(root.prior, F)[None], root.slots[None], parts[None], self.settings.noise
                )
                root.prior = list(mixed[0, : len(root.actions)])

    def simulate(self, evaluator: Evaluator) -> None:
        """Add a leaf to each tree, and add its value along the path to it."""
        for g, root in enumerate(self.roots):
            node, path = root, []
            while node.outcome is None:
                slot = self.choose(g, node)
                path.append((node, slot))
                if slot not in node.children:
                    node.seen = F(node.seen + node.prior[slot])
                    leaf = Node(rules.step(node.state, node.actions[slot]), evaluator)
                    node.children[slot] = leaf
                    node = leaf
                    break
                node = node.children[slot]
            value = node.value if node.outcome is None else self.final_value(node)
            node.row_visits += 1
            for parent, slot in path:
                parent.visits[slot] += 1
                parent.sums[slot] = F(parent.sums[slot] + value)
                parent.row_visits += 1

    def choose(self, g: int, node: Node) -> int:
        """Return the index of the action that the next simulation takes in a position of tree `g`."""
        if not self.settings.gumbel:
            return self.choose_by_puct(node)
        if node is self.roots[g]:
            return self.choose_by_halving(g, node)
        return self.choose_by_policy(node)

    def choose_by_puct(self, node: Node) -> int:
        """Return the first action with the greatest sum of value and exploration bonus."""
        root = np.sqrt(F(node.row_visits))
        unvisited = F(0)
        if self.settings.fpu is not None:
            unvisited = node.sign * node.value - F(self.settings.fpu) * np.sqrt(node.seen)
        best, best_score = 0, F(-math.inf)
        for slot, prior in enumerate(node.prior):
            visits = F(node.visits[slot])
            q = node.sign * node.sums[slot] / visits if visits else unvisited
            score = q + self.c * prior * root / (F(1) + visits)
            if score > best_score:
                best, best_score = slot, score
        return best

    def choose_by_halving(self, g: int, node: Node) -> int:
        """Return the best action of a root among those with as many visits as its plan requires."""
        assert self.scores is not None
        wanted = self.plan[g][node.row_visits - 1]
        considered = (padded(node.visits, np.int32) == wanted) & (node.slots != EMPTY_SLOT)
        return int(np.where(considered, self.scores[g] + completed_values(node), -math.inf).argmax())

    def choose_by_policy(self, node: Node) -> int:
        """Return the action whose share of the visits falls behind its improved policy the most."""
        prior, values = padded(node.prior, F), completed_values(node)
        policy = improved_policy(prior[None], values[None], node.slots[None])[0]
        lag = policy - padded(node.visits, np.int32) / (1 + sum(node.visits))
        return int(np.where(node.slots != EMPTY_SLOT, lag, -math.inf).argmax())

    def final_value(self, node: Node) -> F:
        """Return the value of a finished position in black's frame."""
        if node.outcome:
            return F(node.outcome)
        lead = F(len(node.state.black) - len(node.state.white)) / self.draw_scale
        return self.beta * min(F(1), max(F(-1), lead))

    def root(self) -> RootStatistics:
        """Return the statistics of the roots."""
        roots = self.roots
        return RootStatistics(
            rows=np.stack([root.row for root in roots]),
            actions=np.stack([root.slots for root in roots]),
            prior=np.stack([padded(root.prior, F) for root in roots]),
            visits=np.stack([padded(root.visits, np.int32) for root in roots]),
            sums=np.stack([padded(root.sums, F) for root in roots]),
            row_visits=np.array([root.row_visits for root in roots], np.int32),
            value=np.array([root.value for root in roots], F),
            scores=self.scores,
        )

    def advance(self, slots: Array) -> None:
        """Keep one action's subtree in each tree for the next search; see `Arena.advance`."""
        most = self.settings.tree_rows - self.settings.sims
        children = [root.children.get(int(slot)) for root, slot in zip(self.roots, slots, strict=True)]
        self.kept = [child if child and child.count_rows() <= most else None for child in children]


def padded(numbers: list, dtype: type) -> np.ndarray:
    """Return a number per action as [SLOTS], 0 in empty slots."""
    slots = np.zeros(SLOTS, dtype)
    slots[: len(numbers)] = numbers
    return slots


def completed_values(node: Node) -> np.ndarray:
    """Return the completed values [SLOTS] of a position's actions, see `gumbel`."""
    visits, sums, prior = padded(node.visits, np.int32), padded(node.sums, F), padded(node.prior, F)
    value, sign = np.array([node.value]), np.array([node.sign])
    return scaled_values(visits[None], sums[None], prior[None], value, sign)[0]
