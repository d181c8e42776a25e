"""The network that all designs use."""

from __future__ import annotations

import torch

from forge_core.liuzhou.network import LiuzhouNet
from forge_core.liuzhou.settings.network import parse_size
from forge_core.liuzhou.settings.validation import ValidationSettings


def network_of(settings: ValidationSettings) -> LiuzhouNet:
    """Return the network of `settings.model`, or one of `settings.size` with fresh weights from the seed."""
    if settings.model is not None:
        from forge_core.learning.checkpoints import load_model

        return load_model(settings.model, kind=LiuzhouNet)
    torch.manual_seed(settings.seed)
    network = LiuzhouNet.of_size(parse_size(settings.size))
    with torch.no_grad():
        for block in network.blocks:
            block.gain.fill_(0.5)  # pyright: ignore[reportCallIssue]  (at 0, values would be nearly equal)
    return network
