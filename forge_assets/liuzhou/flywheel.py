"""The flywheel of Liuzhou: a generation of self-play by the champion, a network that learns from the last
generations, the ladder, a gate.

Nothing here imports Dagster when it is loaded: the options of a verb are made from the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from forge_assets.flywheel.champions import curve, end_at_gate, of_challenger, start_from_champion
from forge_assets.flywheel.flywheel import Flywheel, Words
from forge_assets.flywheel.state import Begin, CommonSettings, Iteration, State, check_common
from forge_assets.flywheel.steps import Reports, Step, one_partition
from forge_assets.liuzhou.names import N_GENERATIONS, PLAYOUTS, SIZES, objective_of
from forge_core.errors import BadInput
from forge_core.liuzhou.settings.gate import GateSettings
from forge_core.liuzhou.settings.generation import GenerationSettings, generation_name
from forge_core.liuzhou.settings.learning import LearningSettings
from forge_core.liuzhou.settings.matches import LadderSettings
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings
from forge_core.settings import like, setting

if TYPE_CHECKING:
    from forge_assets.tracking.registry import ModelRegistry
    from forge_assets.tracking.tracker import Tracker

SELF_PLAY, TEACH, EVALUATE, GATE = "self-play", "teach", "evaluate", "gate"


@dataclass(frozen=True, slots=True)
class FlywheelSettings:
    """Settings of the flywheel, which hold for every iteration. Raises BadInput for contradictions."""

    group: str = setting("liuzhou", "Names its runs in Dagster and MLflow.")
    start: int = setting(0, "Number of the first generation to play.")
    size: Literal["32x3", "128x10"] = setting(
        "32x3", "Width and blocks of the networks: 32x3 for a CPU, 128x10 for a GPU."
    )
    games: int = like(GenerationSettings, "count", help="Games of each generation, in whole files of 32.")
    sims: int = like(SelfPlaySettings, "sims")
    fast_sims: int = like(SelfPlaySettings, "fast_sims")
    playouts: int = like(SelfPlaySettings, "playouts")
    film: bool = setting(True, "Draw a film of a game of each generation, which takes about ten seconds.")
    window: int = like(LearningSettings, "window")
    reuse: float = like(LearningSettings, "reuse", default=2.0)
    batch_size: int = like(LearningSettings, "batch_size")
    lr: float = like(LearningSettings, "lr", default=1e-3)
    opponents: str = like(LadderSettings, "opponents")
    pairs: int = like(LadderSettings, "pairs", help="Pairs of games against each opponent of the ladder.")
    match_sims: int = like(
        LadderSettings, "sims", help="Simulations per action, on the ladder and at the gate."
    )
    gate_pairs: int = like(GateSettings, "pairs", help="Most pairs of games against the champion.")
    begin: Begin = like(CommonSettings, "begin")

    def __post_init__(self) -> None:
        check_common(self)
        if not 0 <= self.start < N_GENERATIONS:
            raise BadInput(f"generation {self.start} does not exist: start from 0..{N_GENERATIONS - 1}")
        GenerationSettings(self.games)
        SelfPlaySettings(sims=self.sims, fast_sims=self.fast_sims, playouts=self.playouts)
        LearningSettings(
            size=self.size, window=self.window, reuse=self.reuse, batch_size=self.batch_size, lr=self.lr
        )
        _ = self.ladder.names
        if min(self.pairs, self.gate_pairs) < 2 or self.match_sims < 0:
            raise BadInput("pairs: use at least 2, since one pair gives no interval; match sims: at least 0")
        if self.size not in SIZES:
            raise BadInput(f"networks of size {self.size}: use {' or '.join(SIZES)}")

    @property
    def ladder(self) -> LadderSettings:
        """The ladder that every network climbs."""
        return LadderSettings(pairs=self.pairs, opponents=self.opponents, sims=self.match_sims)

    @property
    def first_unit(self) -> int:
        """See `forge_assets.flywheel.state.FlywheelSettings`."""
        return self.start

    def units_from(self, start: int) -> list[int]:
        """Return the generation of an iteration: number `start`, as long as it exists."""
        return list(range(start, min(start + 1, N_GENERATIONS)))


def ladder_version() -> str:
    """Return the version of the algorithms by which networks are evaluated."""
    from forge_assets.liuzhou.versions import EVALUATION

    return EVALUATION


def check_settings(settings: FlywheelSettings, tracker: Tracker) -> None:
    """Raise BadInput for opponents that do not exist."""
    from forge_core.liuzhou.players import make_player

    for name in settings.ladder.names:
        make_player(name, "cpu")


def steps_of(state: State) -> list[Step]:
    """Return the steps of the current iteration."""
    settings, size, (generation,) = state.settings, one_partition(state.settings.size), state.units()
    play = {"count": settings.games, "sims": settings.sims, "fast_sims": settings.fast_sims}
    learning = {"window": settings.window, "reuse": settings.reuse, "batch_size": settings.batch_size}
    ladder = {"pairs": settings.pairs, "opponents": settings.opponents, "sims": settings.match_sims}
    challenger, objective = of_challenger(TEACH), objective_of(settings.size)
    return [
        Step(
            SELF_PLAY,
            "liuzhou_self_play",
            one_partition(generation_name(generation)),
            {**play, "playouts": settings.playouts, "size": settings.size, "film": settings.film},
            lambda _, registry: _player(registry, objective),
            reports=True,
            needs_tracker=True,
        ),
        Step(
            TEACH,
            "liuzhou_model",
            size,
            {"source": "stored", "last": generation, "lr": settings.lr, **learning},
            lambda _, registry: start_from_champion(registry, objective, {}),
            reports=True,
            needs_tracker=True,
        ),
        Step(EVALUATE, "liuzhou_evaluation", size, ladder, challenger, reports=True, needs_tracker=True),
        Step(
            GATE,
            "liuzhou_champion",
            size,
            {"pairs": settings.gate_pairs, "sims": settings.match_sims},
            challenger,
            reports=True,
            needs_tracker=True,
        ),
    ]


def _player(registry: ModelRegistry, objective: str) -> Mapping[str, Any]:
    """Return the setting that names the player of a generation: the champion, or playouts without one."""
    from forge_assets.tracking.registry import CHAMPION

    return {"model": CHAMPION if registry.fetch(objective, CHAMPION) else PLAYOUTS}


def result_of(state: State, reports: Reports) -> Iteration:
    """Return the record of the current iteration, after its gate. Its examples are all games so far."""
    gate, before = reports[GATE], state.history[-1].examples if state.history else 0
    games = before + int(reports[SELF_PLAY]["games"])
    return end_at_gate(state, gate, games, float(reports[EVALUATE]["elo"]), gate.get("champion_elo"))


FLYWHEEL = Flywheel(
    name="liuzhou_flywheel",
    summary="Self-play by the champion, a network that learns from it, the ladder, a gate; and again.",
    settings=FlywheelSettings,
    words=Words(
        unit="generation",
        examples="games",
        figure="elo",
        figure_unit="points",
        explanation="challenger, champion: Elo on the ladder, where random play has 0",
    ),
    assets=("liuzhou_self_play", "liuzhou_model", "liuzhou_evaluation", "liuzhou_champion"),
    first_job="liuzhou_flywheel_self_play",
    exhausted="raise N_GENERATIONS in forge_assets/liuzhou/names.py",
    objective=lambda settings: objective_of(settings.size),
    version=ladder_version,
    check=check_settings,
    units_text=lambda units: ", ".join(map(generation_name, units)),
    steps=steps_of,
    result=result_of,
    draw=curve("Elo on the ladder, random play 0", "self-play games so far", decimals=0),
)
