"""Settings of learning by playing rounds, and the recipes that name combinations of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from forge_core.errors import BadInput
from forge_core.learning.precision import UNSCALED, check_precision
from forge_core.ranges import check_numbers, list_parts, read_seed
from forge_core.settings import like, setting
from forge_core.skull_king.settings.network import (
    DEFAULT_SIZE,
    LARGE_SIZE,
    BidAndPlayConfig,
    TableSpec,
    parse_size,
)
from forge_core.skull_king.settings.table import TableSettings

EVALUATIONS = 20
"""evaluations of a run, each with a checkpoint"""

SELF, PAST = "self", "past"
"""opponents that are the network itself, and the network as it was at the last evaluation"""
RULE_OPPONENTS = ("random", "easy", "medium", "hard", "captain")
"""opponents that follow rules: `forge_core.skull_king.bots.BOT_NAMES`, which takes long to import"""
LOWEST_SHARE = 0.05
"""the learning rate falls to this share of its peak, so that the last batches still teach something"""
MOST_TEACHER_WORLDS = 10_000
"""more is a typing error"""
LAST_ENTROPY_SHARE = 0.2
"""the weight of the entropy falls to this share"""

_GAME, _NETWORK, _PACE, _LOSS = "Game", "Network", "Decisions and learning rate", "Losses"
_MACHINE, _RUN = "Machine", "Run"


def read_size(text: str) -> str:
    """Return the name of a network size. Raises BadInput."""
    width, layers = parse_size(text)
    return f"{width}x{layers}"


def parse_opponents(text: str) -> dict[str, float]:
    """Return the share of tables of each opponent in a text such as `hard:2,captain:1`. Raises BadInput."""
    shares: dict[str, float] = {}
    for part in list_parts(text.lower(), signs=":"):
        name, _, weight = part.partition(":")
        try:
            share = float(weight or 1)
        except ValueError:
            share = math.nan
        if name not in (*RULE_OPPONENTS, SELF, PAST) or name in shares or not 0 < share < math.inf:
            names = ", ".join((*RULE_OPPONENTS, SELF))
            raise BadInput(f"opponents {text!r}: write shares such as hard:2,captain:1, of {names} or {PAST}")
        shares[name] = share
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()}


def read_opponents(text: str) -> str:
    """Return the text of opponents. Raises BadInput."""
    parse_opponents(text)
    return ",".join(list_parts(text.lower(), signs=":"))


@dataclass(frozen=True, slots=True)
class LearningSettings:
    """Settings of learning by playing rounds. Raises BadInput for values out of range."""

    seats: int = like(TableSettings, "seats", panel=_GAME)
    rules: Literal["printed", "print_2021", "engine"] = like(TableSettings, "rules", panel=_GAME)
    scoring: Literal["skull_king", "rascal"] = like(TableSettings, "scoring", panel=_GAME)
    opponents: str = setting(
        "hard:2,captain:1,self:0.25",
        "Opponents of the learner, with shares of the tables: random, easy, medium, hard, captain; self (all "
        "seats learn); past (the network as it was at the last evaluation).",
        metavar="NAME:SHARE,...",
        read=read_opponents,
        panel=_GAME,
    )
    round_weights: Literal["plan", "flat"] = setting(
        "plan", "How often each round is dealt: plan, late rounds more often; or flat.", panel=_GAME
    )
    curriculum: Literal["none", "late_first"] = setting(
        "none", "late_first: the first 40 % of the run deal late rounds only.", panel=_GAME
    )
    size: str = setting(
        DEFAULT_SIZE,
        f"Width and hidden layers of the network, such as {DEFAULT_SIZE} or {LARGE_SIZE}.",
        metavar="WxL",
        read=read_size,
        panel=_NETWORK,
    )
    bid_head: Literal["tricks", "policy"] = setting(
        "tricks",
        "tricks: for each bid, the network predicts the tricks that it would win; it bids by expected "
        "points. policy: bids are learnt by policy gradient.",
        panel=_NETWORK,
    )
    hidden_critic: bool = setting(
        False, "While it learns, values come from a network that sees all hands.", panel=_NETWORK
    )
    decisions: int = setting(
        32_000_000,
        "Decisions of the learner in the whole run: bids, and plays with more than one legal action.",
        panel=_PACE,
    )
    tables: int = setting(512, "Tables that play at once.", panel=_PACE)
    batch: int = setting(8_192, "Plays that are collected before the network learns from them.", panel=_PACE)
    minibatch: int = setting(1_024, "Plays per step.", panel=_PACE)
    epochs: int = setting(2, "Number of times that each play is used.", panel=_PACE)
    lr: float = setting(
        2e-3,
        "First learning rate; it falls linearly over the whole run, to a twentieth.",
        metavar="RATE",
        panel=_PACE,
    )
    clip: float = setting(0.2, "Largest change of a play's probability that is rewarded.", panel=_LOSS)
    trace: float = setting(
        0.95, "Decay per decision of the weight of later values in an advantage (lambda).", panel=_LOSS
    )
    entropy: float = setting(
        0.01, "Weight of the entropy of plays; it falls linearly to a fifth.", panel=_LOSS
    )
    value_weight: float = setting(0.5, "Weight of the loss of values.", panel=_LOSS)
    tricks_weight: float = setting(
        0.0, "Weight of the loss of the tricks that the playing part predicts; 0: not learnt.", panel=_LOSS
    )
    hindsight: float = setting(
        0.0,
        "Weight of imitating plays of missed bids as if the tricks won had been bid; 0: none.",
        panel=_LOSS,
    )
    teacher: float = setting(
        0.1,
        "Share of the learner's decisions that a search also answers at the start, for the network to learn; "
        "it falls linearly to 0, and so does the weight of what is learnt.",
        metavar="SHARE",
        panel=_LOSS,
    )
    teacher_worlds: int = setting(10, "Number of worlds of that search.", panel=_LOSS)
    teacher_weight: float = setting(0.5, "Weight of the loss of its answers at the start.", panel=_LOSS)
    first_temperature: float = setting(
        6.0, "Temperature of bids in points at the start; it falls linearly.", metavar="POINTS", panel=_LOSS
    )
    last_temperature: float = setting(
        2.0, "Temperature of bids in points at the end.", metavar="POINTS", panel=_LOSS
    )
    random_bids: float = setting(0.02, "Share of bids that are random.", metavar="SHARE", panel=_LOSS)
    calibration: float = setting(
        0.03,
        "Last share of the run, in which the network plays without exploring, only against opponents that "
        "follow rules, and learns only bids: the chances that it states for them then fit (bid head tricks).",
        metavar="SHARE",
        panel=_LOSS,
    )
    parts: int = setting(
        2,
        "Parts into which tables and minibatches are divided on a CPU; each is processed by its own thread.",
        panel=_MACHINE,
    )
    precision: str = setting(
        "32",
        "Number format: 32, bf16-mixed, or auto (bf16-mixed where the device computes in bfloat16).",
        panel=_MACHINE,
    )
    seed: int = setting(0, "Seed of the first weights and of all draws.", read=read_seed, panel=_RUN)

    def __post_init__(self) -> None:
        check_numbers(self)
        parse_size(self.size)
        check_precision(self.precision, UNSCALED)
        parse_opponents(self.opponents)
        self.spec()
        if not 1 <= self.teacher_worlds <= MOST_TEACHER_WORLDS:
            raise BadInput(f"teacher worlds {self.teacher_worlds}: use 1..{MOST_TEACHER_WORLDS:,}")
        if min(self.decisions, self.tables, self.batch, self.minibatch, self.epochs, self.parts) < 1:
            raise BadInput(
                "decisions, tables, batch, minibatch, epochs and parts must be at least 1: use larger ones"
            )
        if self.parts > min(self.tables, self.minibatch) or self.minibatch > self.batch:
            raise BadInput(
                f"{self.parts} parts, {self.tables} tables, minibatches of {self.minibatch} in batches of "
                f"{self.batch}: use at most one part per table, and minibatches no larger than a batch"
            )
        weights = (
            self.entropy,
            self.value_weight,
            self.tricks_weight,
            self.hindsight,
            self.teacher_weight,
        )
        if not (0 < self.lr < math.inf and all(0 <= weight < math.inf for weight in weights)):
            raise BadInput("lr must be above 0, and weights of losses at least 0")
        shares = ("clip", "trace", "random_bids", "calibration", "teacher")
        for name in shares:
            share = getattr(self, name)
            if not 0 <= share <= 1 or (name == "clip" and share in (0, 1)):
                raise BadInput(f"{name.replace('_', '-')} {share}: use a number from 0 to 1")
        if min(self.first_temperature, self.last_temperature) <= 0:
            raise BadInput("temperatures of bids must be above 0: use 6 and 2 points, for example")

    def spec(self) -> TableSpec:
        """Return the input of the network: the seats and the rules of the table."""
        rules = TableSettings(self.seats, self.rules, self.scoring).chosen
        return TableSpec(seats=self.seats, rules=rules)

    def config(self) -> BidAndPlayConfig:
        """Return the size of the network."""
        return BidAndPlayConfig(*parse_size(self.size), self.bid_head, self.hidden_critic)

    def share_at(self, decisions: int) -> float:
        """Return the share of the run that is over, 0..1."""
        return min(1.0, decisions / self.decisions)

    def learns_only_bids_at(self, decisions: int) -> bool:
        """Return True after this many decisions if plays are no longer explored and learnt: `calibration`."""
        has_begun = self.calibration > 0 and self.share_at(decisions) >= 1 - self.calibration
        return self.bid_head == "tricks" and has_begun

    def opponents_at(self, decisions: int) -> dict[str, float]:
        """Return the share of tables of each opponent after this many decisions.

        While only bids are learnt, opponents that are networks stay away, unless there are no others.
        """
        shares = parse_opponents(self.opponents)
        by_rules = {name: share for name, share in shares.items() if name in RULE_OPPONENTS}
        if not (by_rules and self.learns_only_bids_at(decisions)):
            return shares
        return {name: share / sum(by_rules.values()) for name, share in by_rules.items()}

    def rate_at(self, decisions: int) -> float:
        """Return the learning rate after this many decisions."""
        return self.lr * max(LOWEST_SHARE, 1 - self.share_at(decisions))

    def entropy_at(self, decisions: int) -> float:
        """Return the weight of the entropy after this many decisions."""
        return self.entropy * max(LAST_ENTROPY_SHARE, 1 - self.share_at(decisions))

    def teacher_at(self, decisions: int) -> tuple[float, float]:
        """Return the share of decisions that a search answers, and the weight of what is learnt from it."""
        left = 0.0 if self.learns_only_bids_at(decisions) else 1 - self.share_at(decisions)
        return self.teacher * left, self.teacher_weight * left

    def temperature_at(self, decisions: int) -> float:
        """Return the temperature of bids, in points, after this many decisions."""
        fallen = (self.first_temperature - self.last_temperature) * self.share_at(decisions)
        return self.first_temperature - fallen

    def chances_at(self, decisions: int) -> Sequence[float]:
        """Return the probabilities of rounds 1..10 after this many decisions."""
        from forge_core.skull_king.sampler import LATE_FIRST, PLAN_WEIGHTS, Rounds

        rounds = Rounds() if self.round_weights == "flat" else Rounds(PLAN_WEIGHTS)
        if self.curriculum == "late_first":
            rounds = replace(rounds, schedule=LATE_FIRST)
        return rounds.chances(self.share_at(decisions)).tolist()


DEFAULT_RECIPE = "hierarchical"
_BEST = LearningSettings()
RECIPES: dict[str, LearningSettings] = {
    DEFAULT_RECIPE: _BEST,
    "flat": replace(_BEST, bid_head="policy"),
    "large_net": replace(_BEST, size=LARGE_SIZE),
    "self_play": replace(_BEST, opponents=SELF, teacher=0.0),
    "seed_v9": replace(
        _BEST,
        bid_head="policy",
        curriculum="late_first",
        batch=32_768,
        minibatch=2_048,
        epochs=15,
        hindsight=0.05,
        teacher=0.0,
    ),
}
"""Settings by name. hierarchical: the best that was measured. flat: bids are actions of a policy, like plays.
self_play: nothing but the own play to learn from. seed_v9: the published plan, for comparison."""


def read_recipe(text: str) -> str:
    """Return the name of a recipe. Raises BadInput."""
    name = text.strip().lower().replace("-", "_")
    if name not in RECIPES:
        raise BadInput(f"recipe {text!r}: use {', '.join(RECIPES)}")
    return name
