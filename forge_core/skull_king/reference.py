"""The network that ships with the project, of the default recipe: see docs/log.md."""

from __future__ import annotations

REFERENCE = "models/skull-king-256x2"
"""path relative to the project root"""
