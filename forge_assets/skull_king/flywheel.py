"""The flywheel of Skull King: a network that learns from the champion on, its evaluation, a gate.

Nothing here imports Dagster when it is loaded: the options of a verb are made from the settings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from forge_assets.flywheel.champions import curve, end_at_gate, of_challenger, start_from_champion
from forge_assets.flywheel.flywheel import Flywheel, Words
from forge_assets.flywheel.state import Begin, CommonSettings, Iteration, State, check_common
from forge_assets.flywheel.steps import Reports, Step, one_partition
from forge_assets.skull_king.names import REGISTERED, objective_of
from forge_core.errors import BadInput
from forge_core.ranges import ranges_text
from forge_core.settings import like, setting
from forge_core.skull_king.settings.evaluation import EvaluationSettings
from forge_core.skull_king.settings.gate import GateSettings
from forge_core.skull_king.settings.learning import (
    DEFAULT_RECIPE,
    PAST,
    RECIPES,
    LearningSettings,
    parse_opponents,
    read_recipe,
)

if TYPE_CHECKING:
    from forge_assets.tracking.tracker import Tracker

TEACH, EVALUATE, GATE = "teach", "evaluate", "gate"
N_SEEDS = 10_000
"""number of seeds of learning, one per iteration: enough for years"""


@dataclass(frozen=True, slots=True)
class FlywheelSettings:
    """Settings of the flywheel, which hold for every iteration. Raises BadInput for contradictions."""

    group: str = setting("skull-king", "Names its runs in Dagster and MLflow.")
    start: int = setting(0, "Seed of learning of the first iteration; each one takes the next seed.")
    recipe: str = setting(
        DEFAULT_RECIPE,
        f"Settings of learning by name: {', '.join(RECIPES)}.",
        metavar="NAME",
        read=read_recipe,
    )
    opponents: str | None = like(
        LearningSettings, "opponents", default=None, default_text="those of the recipe, and past"
    )
    decisions: int = like(
        LearningSettings, "decisions", default=5_000_000, help="Decisions of the learner in each iteration."
    )
    lr: float = like(LearningSettings, "lr", default=3e-4)
    deals: int = like(EvaluationSettings, "deals", help="Number of deals of each evaluation.")
    gate_deals: int = like(GateSettings, "deals")
    begin: Begin = like(CommonSettings, "begin")

    def __post_init__(self) -> None:
        check_common(self)
        if not 0 <= self.start < N_SEEDS:
            raise BadInput(f"seed {self.start} is not used here: start from 0..{N_SEEDS - 1}")
        read_recipe(self.recipe)
        self.learning()  # raises BadInput for settings that learning would refuse
        if min(self.deals, self.gate_deals) < 2:
            raise BadInput("deals and gate deals: use at least 2, since one deal gives no interval")

    def learning(self) -> LearningSettings:
        """Return the settings of learning, except the seed. Raises BadInput for values out of range."""
        recipe = RECIPES[self.recipe]
        return replace(
            recipe,
            opponents=self.opponents or with_past(recipe.opponents),
            decisions=self.decisions,
            lr=self.lr,
            teacher=0.0,  # a champion plays better than the search that would teach it
        )

    @property
    def first_unit(self) -> int:
        """See `forge_assets.flywheel.state.FlywheelSettings`."""
        return self.start

    def units_from(self, start: int) -> list[int]:
        """Return the seed of an iteration: `start`, as long as there are seeds."""
        return list(range(start, min(start + 1, N_SEEDS)))


def with_past(opponents: str) -> str:
    """Return opponents of learning with `past` among them: `self` -> `self,past`."""
    return opponents if PAST in parse_opponents(opponents) else f"{opponents},{PAST}"


def evaluation_version() -> str:
    """Return the version of the algorithms by which networks are evaluated."""
    from forge_assets.skull_king.versions import EVALUATION

    return EVALUATION


def check_settings(settings: FlywheelSettings, tracker: Tracker) -> None:
    """Raise BadInput if the recipe cannot start from the champion, which may be a network of another one."""
    from forge_assets.tracking.registry import CHAMPION, ModelRegistry
    from forge_core.skull_king.train import load_parent

    champion = ModelRegistry(tracker).fetch(objective_of(settings.recipe), CHAMPION)
    if not champion:
        return
    try:
        load_parent(champion.folder, RECIPES[settings.recipe])
    except BadInput as error:
        name = f"{REGISTERED}/{champion.number}"
        raise BadInput(f"recipe {settings.recipe} cannot start from the champion, {name}: {error}") from error


def steps_of(state: State) -> list[Step]:
    """Return the steps of the current iteration."""
    settings, recipe, (seed,) = state.settings, one_partition(state.settings.recipe), state.units()
    objective, challenger = objective_of(settings.recipe), of_challenger(TEACH)
    learning = settings.learning()
    taught = {name: getattr(learning, name) for name in ("opponents", "decisions", "lr", "teacher")}
    return [
        Step(
            TEACH,
            "skull_king_policy",
            recipe,
            {**taught, "seed": seed},
            lambda _, registry: start_from_champion(registry, objective, {}),
            reports=True,
            needs_tracker=True,
        ),
        Step(
            EVALUATE,
            "skull_king_evaluation",
            recipe,
            {"deals": settings.deals},
            challenger,
            reports=True,
            needs_tracker=True,
        ),
        Step(
            GATE,
            "skull_king_champion",
            recipe,
            {"deals": settings.gate_deals},
            challenger,
            reports=True,
            needs_tracker=True,
        ),
    ]


def result_of(state: State, reports: Reports) -> Iteration:
    """Return the record of the current iteration, after its gate. Its examples are all decisions so far."""
    gate, before = reports[GATE], state.history[-1].examples if state.history else 0
    decisions = before + int(reports[TEACH]["decisions"])
    score = float(reports[EVALUATE]["score"])
    return end_at_gate(state, gate, decisions, score, gate.get("champion_hard_score"))


FLYWHEEL = Flywheel(
    name="skull_king_flywheel",
    summary="A network that learns from the champion on, its evaluation, a gate; and again.",
    settings=FlywheelSettings,
    words=Words(
        unit="seed",
        examples="decisions",
        figure="score",
        figure_unit="points",
        explanation="challenger, champion: score of a game against three hards",
    ),
    assets=("skull_king_policy", "skull_king_evaluation", "skull_king_champion"),
    first_job="skull_king_flywheel_teach",
    exhausted="raise N_SEEDS in forge_assets/skull_king/flywheel.py",
    objective=lambda settings: objective_of(settings.recipe),
    version=evaluation_version,
    check=check_settings,
    units_text=ranges_text,
    steps=steps_of,
    result=result_of,
    draw=curve("Score against 3 hard", "decisions learnt from so far", decimals=0),
)
