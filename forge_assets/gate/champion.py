"""The gate: a game judges a challenger against the champion, and the registry is changed accordingly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg

from forge_assets.gate.cards import ModelCard
from forge_assets.gate.networks import LoadedNetwork
from forge_assets.tracking.links import link_run
from forge_assets.tracking.registry import CHAMPION, ModelRegistry
from forge_assets.tracking.tracker import Tracker
from forge_core.errors import BadInput

if TYPE_CHECKING:
    from forge_core.gate import Ruling

IS_CHAMPION = "it is the champion"
"""reason given when the challenger is already the champion"""

L = TypeVar("L", bound=LoadedNetwork[Any])


def hold_gate(
    context: dg.AssetExecutionContext,
    objective: str,
    challenger: L,
    tracker: Tracker,
    *,
    load: Callable[[str], L],
    judge: Callable[[L, L | None], Ruling],
    describe: Callable[[L, Ruling, str], ModelCard],
) -> dg.MaterializeResult:
    """Judge a challenger, promote it if it passes, and return the materialization of the gate.

    Its data version is the digest of the champion's weights. load: loads the network in a folder. judge:
    rules on the challenger and the champion (None if there is none). describe: makes the card of a challenger
    that has passed, from the ruling and the text of its lineage. Raise BadInput if another network becomes
    champion in the meantime, TrackerUnusable if MLflow fails.
    """
    from forge_assets.lineage import lineage_text, trace

    registry = ModelRegistry(tracker)
    found = registry.fetch(objective, CHAMPION)
    holder = load(found.folder) if found else None
    ruling = judge(challenger, holder)
    promotion: Mapping[str, Any] = {}
    if ruling.promoted:
        if registry.fetch(objective, CHAMPION) != found:
            raise BadInput("another network became champion in the meantime: materialize this asset again")
        run, version = registry.register_folder(challenger.path, objective, challenger.weights)
        lineage = trace(challenger.path, objective, tracker, look=False)
        card = describe(challenger, ruling, lineage_text(lineage))
        run.file("card.md", card.text.encode())
        tags = {"forge.name": card.name, "forge.replaced": holder.weights if holder else "none"}
        registry.promote(objective, version, card.text, tags)
        promotion = {"name": card.name, "card": dg.MetadataValue.md(card.text)} | link_run(context, run)
    now = challenger if ruling.promoted else holder
    return dg.MaterializeResult(
        data_version=dg.DataVersion(now.weights if now else "none"),
        metadata={
            "promoted": ruling.promoted,
            "is_champion": now is not None and now.weights == challenger.weights,
            "reasons": dg.MetadataValue.md("\n".join(f"- {reason}" for reason in ruling.reasons)),
            "challenger": challenger.path,
            "champion": now.path if now else "none",
            **{name: round(value, 4) for name, value in ruling.figures.items()},
            **promotion,
        },
    )
