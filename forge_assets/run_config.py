"""Run configuration for assets, under the names that Dagster knows them by.

Dagster takes the settings of an asset under the name of its op, which is not the key where a key has a
prefix: the op of `liuzhou/model` is `liuzhou__model`. It ignores settings under any other name silently.
So every run configuration is made here, with names asked of the definitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from dagster import Definitions


def asset_key(asset: str) -> dg.AssetKey:
    """Return the key of an asset that is written `name` or `prefix/name`."""
    return dg.AssetKey.from_user_string(asset)


def op_name(asset: str, definitions: Definitions | None = None) -> str:
    """Return the name of the op that makes an asset. definitions: default, those of the project."""
    return default_definitions(definitions).resolve_assets_def(asset_key(asset)).node_def.name


def run_config(
    asset: str,
    settings: Mapping[str, Any] | None = None,
    resources: Mapping[str, Mapping[str, Any]] | None = None,
    definitions: Definitions | None = None,
) -> dict[str, Any]:
    """Return the configuration of a run of one asset.

    settings: of the asset. resources: settings by name of the resource. definitions: default, those of the
    project.
    """
    config: dict[str, Any] = {}
    if settings:
        config["ops"] = {op_name(asset, definitions): {"config": dict(settings)}}
    if resources:
        config["resources"] = {name: {"config": dict(value)} for name, value in resources.items()}
    return config


def default_definitions(definitions: Definitions | None) -> Definitions:
    """Return `definitions`, or those of the project where it is None."""
    if definitions is not None:
        return definitions
    from forge_assets.definitions import defs

    return defs
