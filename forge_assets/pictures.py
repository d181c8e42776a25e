"""Pictures in the metadata of assets: a PNG inside Markdown, which Dagster's UI shows after a click."""

from __future__ import annotations

import base64

import dagster as dg


def picture(png: bytes) -> dg.MarkdownMetadataValue:
    """Return metadata that the UI shows as a picture. png: the bytes of a PNG file."""
    return dg.MetadataValue.md(f"![](data:image/png;base64,{base64.b64encode(png).decode()})")
