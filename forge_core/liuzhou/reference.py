"""The network that ships with the project: trained from nothing on two CPU cores, see docs/log.md."""

from __future__ import annotations

REFERENCE = "models/liuzhou-32x3"
"""path relative to the project root"""
