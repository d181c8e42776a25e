"""Evaluations of networks by play, in a store: `FOLDER/WEIGHTS.CONDITIONS.json`.

The name of a file holds the digest of the weights, and a fingerprint of settings and version: an evaluation
of the same network under the same conditions replaces the earlier one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from forge_core.files import Store, fingerprint


@dataclass(frozen=True, slots=True)
class StoredEvaluation:
    """The results of a network."""

    weights: str
    """digest of the network's weights"""
    model: str
    """folder of the network when it was evaluated"""
    version: str
    """version of the evaluation and of what it depends on"""
    settings: dict[str, Any]
    results: dict[str, Any]
    """JSON types"""

    @property
    def filename(self) -> str:
        """The file name, made from weights, settings and version."""
        conditions = fingerprint({"settings": self.settings, "version": self.version})
        return f"{self.weights}.{conditions}.json"

    def keep(self, folder: Store) -> None:
        """Write the evaluation to its folder in a store. Raises StoreUnusable."""
        folder.write(self.filename, json.dumps(asdict(self)).encode())

    @classmethod
    def parse(cls, record: Mapping[str, Any], filename: str) -> Self:
        """Return the evaluation in a file. Raises ValueError or TypeError for a damaged one."""
        found = cls(**record)
        if found.filename != filename:
            raise ValueError("its contents do not match its name")
        return found
