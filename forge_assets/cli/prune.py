"""`forge-pipeline prune`: list items that are old and no longer needed; with --yes, remove them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forge_assets.retention.settings import PruneSettings
from forge_core.cli.options import Json, expand_settings

if TYPE_CHECKING:
    from forge_assets.retention.items import Item

MOST_SHOWN = 10
"""number of items listed per kind; --json lists all"""


@expand_settings
def prune(
    *,
    settings: PruneSettings,
    yes: Annotated[
        bool, typer.Option("--yes", help="Remove the items; by default they are only listed.")
    ] = False,
    json: Json = False,
) -> None:
    """List runs, events, artefacts and checkpoints that are old and not needed; with --yes, remove them."""
    from forge_assets.folders import runs_folder
    from forge_assets.resources import ShardStore, find_instance
    from forge_assets.retention.items import Places, by_kind
    from forge_assets.retention.prune import find_items, remove
    from forge_assets.tracking.tracker import Tracker
    from forge_core.cli.screen import notes, print_json, screen

    days = settings.days
    out = screen()
    with find_instance() as instance:
        places = Places(instance, Tracker(), ShardStore().root(), runs_folder(settings.runs))
        with notes().status("looking for items that are no longer needed"):
            items = find_items(places, days)
        if yes:
            with notes().status(f"removing {len(items):,} items"):
                items = list(remove(places, items))
    if json:
        total = sum(item.nbytes for item in items)
        print_json({"removed": yes, "days": days, "bytes": total, "items": [i.to_dict() for i in items]})
        return
    for kind, of_kind in by_kind(items).items():
        out.print(f"{kind}: {len(of_kind):,}, {size_text(of_kind)}")
        for item in of_kind[:MOST_SHOWN]:
            out.print(f"  {item.to_dict()['last'][:10]}  {item.name}  {item.of}", soft_wrap=True)
        if len(of_kind) > MOST_SHOWN:
            out.print(f"  and {len(of_kind) - MOST_SHOWN:,} more: --json lists all")
    if not items:
        out.print(f"nothing older than {days} days can be removed")
    elif yes:
        out.print(f"removed, {size_text(items)} freed")
    else:
        out.print(f"{size_text(items)} in total: remove it with --yes")


def size_text(items: list[Item]) -> str:
    """Return the total size of items: `1.25 MB`."""
    return f"{sum(item.nbytes for item in items) / 1e6:,.2f} MB"
