"""One record per game: its assets, registered models, versions and hooks.

`gaps`, `lineage`, `retention`, `tracking`, `flywheel` and `definitions` depend on no game: they read these
records. Hooks import what they need when they are called, so loading a record is cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from forge_core.errors import BadInput

if TYPE_CHECKING:
    import dagster as dg

    from forge_assets.flywheel.flywheel import Flywheel
    from forge_assets.gaps.partitioned import PartitionedAsset
    from forge_assets.gaps.report import GapQuery
    from forge_assets.lineage.records import Rows
    from forge_assets.lineage.search import Card, Search
    from forge_assets.quickstart import Quickstart
    from forge_assets.renaming import Renaming
    from forge_core.files import Store


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A kind of network that a game trains, and its name in MLflow's registry."""

    objective: str
    """`qvalue`: name of this kind in commands and settings; unique across games"""
    name: str
    """`texas42-oracle-qvalue`; kinds that share a name also share the champion"""
    asset: str
    """key of the asset that trains it; its materializations give the folder as `model`"""
    partition: str | None = None
    """partition of that asset; None if it has none"""
    reference: str | None = None
    """folder of a network of this kind that comes with the project; None if there is none"""
    headline: str = ""
    """the figure in the results of training by which a person compares networks; empty if there is none"""
    unit: str = ""
    """the unit of the headline: `points lost per decision`"""
    curves: tuple[str, ...] = ()
    """the figures of an evaluation during training that MLflow shows; all if empty. `metrics.csv` has all"""
    evaluate: str = ""
    """the command that evaluates a network in the folder {model}"""
    has_evaluation: bool = False
    """True if an evaluation decides which network is the challenger; otherwise it is the one trained last"""
    other_assets: tuple[str, ...] = ()
    """keys of unpartitioned assets that also train networks of this kind; `latest` does not mean these"""


@dataclass(frozen=True, slots=True)
class GameDefinitions:
    """The Dagster definitions of a game."""

    assets: Sequence[dg.AssetsDefinition | dg.AssetSpec]
    jobs: Sequence[Any] = ()
    schedules: Sequence[dg.ScheduleDefinition] = ()
    sensors: Sequence[dg.SensorDefinition] = ()


def _rows_of_card(search: Search, card: Card) -> Rows:
    from forge_assets.lineage.rows import rows_of_card

    return rows_of_card(card)


@dataclass(frozen=True, slots=True)
class Game:
    """One game, as the rest of `forge_assets` sees it. Asset keys are written `name` or `prefix/name`."""

    name: str
    """`texas42`: name of its package"""
    experiment: str
    """MLflow experiment of its training runs"""
    model_prefix: str
    """`texas42-`: prefix of the names of all its registered models"""
    models: tuple[RegisteredModel, ...]
    definitions: Callable[[], GameDefinitions]
    network_version: Callable[[str], str]
    """kind of rows (`kind` in a card's data) -> code version of a network trained on them"""
    partitioned: tuple[str, ...] = ()
    """keys of its assets with many partitions, whose files `gaps` inspects one by one"""
    inspection: Callable[[GapQuery, Store], Sequence[PartitionedAsset]] = lambda query, store: ()
    """describes how the partitions of each of these assets are filled; raises BadInput for a query that the
    game cannot answer"""
    read_rows: Callable[[Search, Card], Rows] = _rows_of_card
    """card of a network -> the rows that it was trained on; raises KeyError, TypeError or ValueError for a
    bad card. A card belongs to the game that its data names as `game`, by default to the first game"""
    register: Callable[[dg.DagsterInstance, Sequence[str]], None] = lambda instance, partitions: None
    """makes an instance know partitions of its assets, and those that settings ask for"""
    renamed: Renaming | None = None
    """rule for the names that earlier versions gave to partitions"""
    results: Mapping[str, str] = field(default_factory=dict)
    """figures in a card that lineage reports, by name -> format of the text; if empty, only in JSON"""
    flywheel: Flywheel | None = None
    quickstart: Callable[[Quickstart], None] | None = None
    """runs the game's steps of `make run`; raises RunFailed"""


RECORDS = (
    "forge_assets.texas42.game:TEXAS42",
    "forge_assets.liuzhou.game:LIUZHOU",
    "forge_assets.skull_king.game:SKULL_KING",
)
"""Location of each game's record. These are names, not imports, because the games import this module."""


def all_games() -> tuple[Game, ...]:
    """Return the record of every game; the first one is the default where no game is named."""
    return tuple(resolve_name(name) for name in RECORDS)


def all_models(games: Sequence[Game] | None = None) -> Iterator[tuple[Game, RegisteredModel]]:
    """Yield each kind of network with its game. games: all by default."""
    for game in all_games() if games is None else games:
        for model in game.models:
            yield game, model


def find_model(objective: str, games: Sequence[Game] | None = None) -> tuple[Game, RegisteredModel]:
    """Return the kind of network that `objective` names, with its game. Raise BadInput if there is none."""
    known: Mapping[str, tuple[Game, RegisteredModel]] = {
        model.objective: (game, model) for game, model in all_models(games)
    }
    if objective not in known:
        raise BadInput(f"there is no objective {objective!r}: use {', '.join(known)}")
    return known[objective]
