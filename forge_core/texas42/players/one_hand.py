"""The player whose network reads features of one hand: one pass of a small network per play."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from forge_core.texas42.one_hand.choose import Policy, choose_slots
from forge_core.texas42.players.protocol import Keys, Slots
from forge_core.texas42.views import Views


@dataclass(frozen=True, slots=True, eq=False)
class OneHandPlayer:
    """A player that follows a fast policy, without sampling worlds or random draws."""

    name: str
    policy: Policy

    def describe(self) -> dict[str, Any]:
        """Return everything its plays depend on; see Player."""
        return {"player": "one-hand", **self.policy.describe()}

    def slots(self, views: Views, keys: Keys) -> Slots:
        """Return a legal play in each of N games; `keys` are not used."""
        return choose_slots(views, self.policy)
