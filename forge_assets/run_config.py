"""Run configuration for assets, under the names that Dagster expects.

Dagster reads the settings of an asset under the name of its op, which differs from a key that has a prefix:
the op of `liuzhou/model` is `liuzhou__model`. It silently ignores settings under any other name. Therefore
every run configuration is built here, with names taken from the definitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from dagster import Definitions


def asset_key(asset: str) -> dg.AssetKey:
    """Return the key of an asset, given as `name` or `prefix/name`."""
    return dg.AssetKey.from_user_string(asset)


def op_name(asset: str, definitions: Definitions | None = None) -> str:
    """Return the name of the op that makes an asset. definitions: the project's by default."""
    return default_definitions(definitions).resolve_assets_def(asset_key(asset)).node_def.name


def run_config(
    asset: str,
    settings: Mapping[str, Any] | None = None,
    resources: Mapping[str, Mapping[str, Any]] | None = None,
    definitions: Definitions | None = None,
) -> dict[str, Any]:
    """Return the configuration of a run of one asset.

    settings: settings of the asset. resources: settings by resource name. definitions: the project's by
    default.
    """
    config: dict[str, Any] = {}
    if settings:
        config["ops"] = {op_name(asset, definitions): {"config": dict(settings)}}
    if resources:
        config["resources"] = {name: {"config": dict(value)} for name, value in resources.items()}
    return config


def default_definitions(definitions: Definitions | None) -> Definitions:
    """Return `definitions`, or the project's if it is None."""
    if definitions is not None:
        return definitions
    from forge_assets.definitions import defs

    return defs
