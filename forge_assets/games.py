"""One record per game: its assets, registered models, versions and hooks.

`gaps`, `lineage`, `retention`, `tracking`, `flywheel` and `definitions` know no game: they ask these
records. A hook imports what it needs when it is called, so that a record costs nothing to read.
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
    from forge_core.files import Store


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A kind of network that a game teaches, and its name in MLflow's registry."""

    objective: str
    """`qvalue`: the word by which commands and settings name this kind; no two games share one"""
    name: str
    """`texas42-oracle-qvalue`; several kinds may share a name, and with it the champion"""
    asset: str
    """key of the asset that teaches it; its materializations name the folder as `model`"""
    partition: str | None = None
    """of that asset; None: it has no partitions"""
    reference: str | None = None
    """folder of a network of this kind that comes with the project"""


@dataclass(frozen=True, slots=True)
class GameDefinitions:
    """The definitions of a game in Dagster."""

    assets: Sequence[dg.AssetsDefinition | dg.AssetSpec]
    jobs: Sequence[Any] = ()
    schedules: Sequence[dg.ScheduleDefinition] = ()
    sensors: Sequence[dg.SensorDefinition] = ()


def _rows_of_card(search: Search, card: Card) -> Rows:
    from forge_assets.lineage.rows import rows_of_card

    return rows_of_card(card)


@dataclass(frozen=True, slots=True)
class Game:
    """One game, as the rest of `forge_assets` knows it. Asset keys are written `name` or `prefix/name`."""

    name: str
    """`texas42`: of its package, and of the group of its assets"""
    experiment: str
    """in MLflow, of its training runs"""
    model_prefix: str
    """of the names of all its registered models: `texas42-`"""
    models: tuple[RegisteredModel, ...]
    definitions: Callable[[], GameDefinitions]
    network_version: Callable[[str], str]
    """kind of rows (`kind` of a card's data) -> code version of a network that learnt from them"""
    partitioned: tuple[str, ...] = ()
    """keys of its assets of many partitions, whose files `gaps` inspects one by one"""
    inspection: Callable[[GapQuery, Store], Sequence[PartitionedAsset]] = lambda query, store: ()
    """how the partitions of each of them are filled; raises BadInput for a query that it cannot answer"""
    read_rows: Callable[[Search, Card], Rows] = _rows_of_card
    """card of a network -> the rows that it learnt from; raises KeyError, TypeError, ValueError for a bad
    card. A card belongs to the game that its data name as `game`, to the first game if they name none"""
    results: Mapping[str, str] = field(default_factory=dict)
    """names of figures in a card that lineage reports -> format of the text; empty: in JSON alone"""
    flywheel: Flywheel | None = None
    quickstart: Callable[[Quickstart], None] | None = None
    """the steps of the game in `make run`; raises RunFailed"""


RECORDS = ("forge_assets.texas42.game:TEXAS42",)
"""Where the record of each game stands. Named, not imported: this module lies below the games."""


def all_games() -> tuple[Game, ...]:
    """Return the record of every game; the first is the one that is meant where no game is named."""
    return tuple(resolve_name(name) for name in RECORDS)


def all_models(games: Sequence[Game] | None = None) -> Iterator[tuple[Game, RegisteredModel]]:
    """Yield each kind of network with its game. games: default, all."""
    for game in all_games() if games is None else games:
        for model in game.models:
            yield game, model


def find_model(objective: str, games: Sequence[Game] | None = None) -> tuple[Game, RegisteredModel]:
    """Return the kind of network that `objective` names, with its game. Raises BadInput for another word."""
    known: Mapping[str, tuple[Game, RegisteredModel]] = {
        model.objective: (game, model) for game, model in all_models(games)
    }
    if objective not in known:
        raise BadInput(f"objective {objective!r}: use {', '.join(known)}")
    return known[objective]
