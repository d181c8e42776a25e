"""Descriptions of runs and versions in MLflow: what a network is worth, and where to go on."""

from __future__ import annotations

from collections.abc import Mapping

from forge_assets.games import find_model
from forge_assets.uis import dagster_url

NOTE = "mlflow.note.content"
"""tag whose Markdown MLflow shows as the description of a run"""
THIS_NETWORK = "this network"


def describe_network(
    objective: str, folder: str, unit: str, figures: Mapping[str, float], tags: Mapping[str, str]
) -> str:
    """Return the description of a network as Markdown, without tables, which MLflow does not show.

    folder: of the network. unit: `points lost per decision, golden val`. figures: name of a player, such as
    THIS_NETWORK or `random play` -> its figure. tags: of its run; `dagster.run_id` and `dagster.asset` are
    links back to Dagster.
    """
    game, model = find_model(objective)
    parts = [f"A `{objective}` network for the game {game.name}, stored in `{folder}`."]
    if figures:
        found = ", ".join(f"{name} **{figure:.3f}**" for name, figure in figures.items())
        parts.insert(0, f"{unit[0].upper()}{unit[1:]}: {found}.")
    if model.evaluate:
        parts.append(f"Evaluate it: `{model.evaluate.format(model=folder)}`")
    links = []
    if run := tags.get("dagster.run_id"):
        links.append(f"[its run in Dagster]({dagster_url(f'runs/{run}')})")
    if asset := tags.get("dagster.asset"):
        links.append(f"[the asset {asset}]({dagster_url(f'assets/{asset}')})")
    if links:
        parts.append(f"See {' and '.join(links)}.")
    return "\n\n".join(parts)
