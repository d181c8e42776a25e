"""Pictures in the metadata of assets: a PNG inside Markdown, which Dagster's UI shows on a click."""

from __future__ import annotations

import base64

import dagster as dg


def picture(png: bytes) -> dg.MarkdownMetadataValue:
    """Return the bytes of a PNG file as metadata that the UI shows as a picture."""
    return dg.MetadataValue.md(f"![](data:image/png;base64,{base64.b64encode(png).decode()})")
