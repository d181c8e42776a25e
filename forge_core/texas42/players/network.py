"""Choosing plays with a network."""

from __future__ import annotations

import numpy as np
import torch

from forge_core.errors import ForgeError
from forge_core.learning.choice import choose
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.texas42.players.protocol import Slots
from forge_core.texas42.tokens.encoder import Tokens


def best_play(model: TokenTransformer, seen: Tokens, name: str) -> Slots:
    """Return [N]: the legal slot with the network's highest output in each of N rows (arrays).

    name: the player's name, for messages. Raises ForgeError if an output is not finite.
    """
    device = next(model.parameters()).device
    with torch.inference_mode():
        answers, _ = model(torch.from_numpy(seen.tokens).to(device), torch.from_numpy(seen.mask).to(device))
    predicted = answers.float().cpu().numpy()
    if not np.isfinite(predicted[seen.legal]).all():
        raise ForgeError(f"player {name}: its network's output is not finite; use another network")
    return choose(predicted, seen.legal)
