"""What networks say, as plays."""

from __future__ import annotations

import numpy as np
import torch

from forge_core.errors import ForgeError
from forge_core.learning.choice import choose
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.texas42.players.protocol import Slots
from forge_core.texas42.tokens.encoder import Tokens


def best_play(model: TokenTransformer, seen: Tokens, name: str) -> Slots:
    """[N] the legal slot of the highest answer to N rows (arrays).

    Raises ForgeError, in the name of `name`, if an answer is no number.
    """
    device = next(model.parameters()).device
    with torch.inference_mode():
        answers, _ = model(torch.from_numpy(seen.tokens).to(device), torch.from_numpy(seen.mask).to(device))
    said = answers.float().cpu().numpy()
    if not np.isfinite(said[seen.legal]).all():
        raise ForgeError(f"{name} said what is no number: its network has diverged; use another")
    return choose(said, seen.legal)
