"""A transformer over tokens: what each action is worth, or which to take, and what the position is worth.

Rows differ in how many of their tokens count, and a token that does not count should cost
nothing. So the tokens of a batch are packed one behind the other, and only attention knows
where a row ends: rows with equally many tokens attend together, without padding or mask.
Tokens carry no position of their own: permuting the actions permutes the answers.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from forge_core.errors import BadInput
from forge_core.learning.spec import TokenSpec

OBJECTIVES = ("qvalue", "policy", "eq")
"""What a network says of an action: its points to the mover; a logit of taking it; or, where the mover
does not see all, its points on average over the worlds there may be, and their variance."""

Groups = list[tuple[int, int]]
"""(rows, tokens a row): the batch, in order, cut where the number of tokens changes; then its filler"""

ATTENTION = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""on a GPU: all but cuDNN's, which makes a plan, a good part of a second, for each new number of rows"""

FINENESS = 32
"""how many lengths a packed batch may have from one power of two to the next (see `filler`)"""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The size of a network, and what it says."""

    width: int
    """of a token inside"""
    layers: int
    heads: int
    hidden: int
    """width inside the feed-forward part"""
    objective: str = "qvalue"
    """one of OBJECTIVES"""

    def __post_init__(self) -> None:
        sizes = (self.width, self.layers, self.heads, self.hidden)
        if not all(isinstance(size, int) and size > 0 for size in sizes) or self.width % self.heads:
            raise BadInput(f"a network of {self}: sizes are positive and the heads divide the width")
        if self.objective not in OBJECTIVES:
            raise BadInput(f"objective {self.objective!r}: use {' or '.join(OBJECTIVES)}")

    @property
    def in_points(self) -> bool:
        """Whether what is said of an action is points; else logits."""
        return self.objective != "policy"

    @property
    def says_variance(self) -> bool:
        """Whether there is an `estimate`."""
        return self.objective == "eq"

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> ModelConfig:
        """A configuration from `to_dict`'s record. Raises BadInput for another set of keys."""
        names = {field.name for field in fields(cls)}
        if set(record) != names:
            raise BadInput(f"a network's configuration has the keys {sorted(names)}, not {sorted(record)}")
        return cls(**record)

    def to_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return asdict(self)

    def __str__(self) -> str:
        size = f"width {self.width}, {self.layers} layers, {self.heads} heads, hidden {self.hidden}"
        return f"{size}, {self.objective}"


SIZES = {
    "73k": ModelConfig(width=64, layers=2, heads=4, hidden=128),
    "817k": ModelConfig(width=128, layers=4, heads=8, hidden=512),
    "3.3m": ModelConfig(width=256, layers=6, heads=8, hidden=512),
}
"""Networks that have a name"""


class TokenTransformer(nn.Module):
    """Pre-norm encoder. The answer for an action is read off its token, the value off the value token."""

    feature_start: Tensor
    """[F] where the values of each feature begin in the embedding"""
    action_positions: Tensor
    """[A]"""

    def __init__(self, spec: TokenSpec, config: ModelConfig) -> None:
        super().__init__()
        self.spec, self.config = spec, config
        self.card: dict[str, Any] = {}
        """what is known of the trained network: data version, results (see `checkpoints`)"""
        size = sum(spec.vocabularies)
        self.embedding = nn.Parameter(torch.randn(size, config.width) * 0.3 * spec.n_features**-0.5)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, 3 if config.says_variance else 2)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        starts = torch.tensor((0, *spec.vocabularies[:-1])).cumsum(0)
        self.register_buffer("feature_start", starts, persistent=False)
        self.register_buffer("action_positions", torch.tensor(spec.action_positions), persistent=False)

    @property
    def n_parameters(self) -> int:
        """How many numbers are learnt."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """tokens int8 [N, P, F], mask bool [N, P] -> action answers [N, A], values [N], float32.

        Answers are points to the mover (qvalue, eq) or logits (policy); values are points. What
        is said of an action whose token is masked out means nothing. Fastest where rows come
        sorted by their number of tokens, as the DataModule hands them.
        """
        said, value, *_ = self.answers(tokens, mask)
        return said, value

    def estimate(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `forward` -> E[Q] [N, A] points, variance of Q over worlds [N, A] points squared, values [N].

        Raises BadInput for a network that has not learnt to say a variance.
        """
        if not self.config.says_variance:
            raise BadInput(f"a network of {self.config} says no variance: ask one of objective eq")
        mean, value, variance = self.answers(tokens, mask)
        return mean, variance, value

    def answers(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """All that it says: action answers [N, A], values [N], and of objective eq variances [N, A]."""
        if not len(tokens):
            return self.forward_dense(tokens, mask)
        counts = mask.sum(dim=1).cpu().numpy()  # all that a GPU is waited for
        back = None
        if (counts[1:] < counts[:-1]).any():
            in_order = counts.argsort(kind="stable")
            counts, order = counts[in_order], torch.from_numpy(in_order).to(tokens.device)
            tokens, mask, back = tokens[order], mask[order], order.argsort()
        sizes, rows = np.unique(counts, return_counts=True)
        groups = list(zip(rows.tolist(), sizes.tolist(), strict=True))
        n = int(counts.sum())
        where = torch.nonzero_static(mask.flatten(), size=n).squeeze(1)
        counted = tokens.flatten(0, 1).index_select(0, where)
        if more := filler(n):
            groups.append((more, 1))
        packed = self.embed(F.pad(counted, (0, 0, 0, more)))
        with nullcontext() if packed.device.type == "cpu" else sdpa_kernel(ATTENTION):
            for block in self.blocks:
                packed = block(packed, groups)
        spread = torch.zeros(mask.numel(), self.head.out_features, device=packed.device)
        spread = spread.index_copy(0, where, self.read(packed[:n])).view(*mask.shape, -1)
        said = self.answer(spread)
        return said if back is None else tuple(part[back] for part in said)

    def forward_dense(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """`answers` with every token in its place and masked attention: slower, and traceable."""
        dense = self.embedding[tokens.long() + self.feature_start].sum(dim=-2)
        for block in self.blocks:
            assert isinstance(block, Block)
            dense = block.forward_dense(dense, mask)
        return self.answer(self.read(dense) * mask[..., None])

    def embed(self, tokens: Tensor) -> Tensor:
        """[T, F] int8 -> [T, width]: the sum of the features' vectors, multi-hot times matrix."""
        hot = torch.zeros(len(tokens), len(self.embedding), device=tokens.device, dtype=self.embedding.dtype)
        return hot.scatter_(1, tokens.long() + self.feature_start, 1.0) @ self.embedding

    def read(self, tokens: Tensor) -> Tensor:
        """[..., width] -> [..., 2 or 3] float32 whatever the precision of the rest: what each token says.

        As an action, as a value, and the logarithm of a variance.
        """
        with torch.autocast(tokens.device.type, enabled=False):
            return self.head(self.norm(tokens.float()))

    def answer(self, said: Tensor) -> tuple[Tensor, ...]:
        """[N, P, 2 or 3] what each token says -> see `answers`; from units of the network to points."""
        scale = self.spec.value_scale
        actions = said[:, self.action_positions]
        first = actions[:, :, 0] * scale if self.config.in_points else actions[:, :, 0]
        value = said[:, self.spec.value_position, 1] * scale
        if not self.config.says_variance:
            return first, value
        return first, value, actions[:, :, 2].exp() * scale**2


def filler(n: int) -> int:
    """How many tokens that nobody reads are put behind n that count, at most one in FINENESS.

    bfloat16 products on a CPU are compiled for each shape they meet, and kept; without filler
    nearly every batch brings a length of its own.
    """
    return -n % max(1, (1 << n.bit_length()) // (2 * FINENESS))


class Block(nn.Module):
    """Attention, then a feed-forward part; each normed before and added to what was there."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, hidden = config.width, config.hidden
        self.heads = config.heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.hidden_norm = nn.LayerNorm(width)
        self.hidden_in = nn.Linear(width, hidden)
        self.hidden_out = nn.Linear(hidden, width)
        for last in (self.attention_out, self.hidden_out):  # a deep network begins near the identity
            nn.init.normal_(last.weight, std=0.02 * (2 * config.layers) ** -0.5)
            nn.init.zeros_(last.bias)

    def forward(self, packed: Tensor, groups: Groups) -> Tensor:
        """packed [T, width] tokens of rows one behind the other, cut by `groups` -> the same shape."""
        projected = self.query_key_value(self.attention_norm(packed))
        parts = projected.split([rows * size for rows, size in groups])
        seen = [
            self.attend(part.view(rows, size, -1)).flatten(0, 1)
            for part, (rows, size) in zip(parts, groups, strict=True)
        ]
        packed = packed + self.attention_out(torch.cat(seen))
        return packed + self.feed(packed)

    def forward_dense(self, dense: Tensor, mask: Tensor) -> Tensor:
        """dense [N, P, width], mask bool [N, P] of the tokens that count -> the same shape."""
        dense = dense + self.attention_out(
            self.attend(self.query_key_value(self.attention_norm(dense)), mask)
        )
        return dense + self.feed(dense)

    def attend(self, projected: Tensor, mask: Tensor | None = None) -> Tensor:
        """[n, L, 3 x width] -> [n, L, width]: every token of a row looks at all that count.

        On a CPU by plain products in float32: torch's fused kernel has a slow bfloat16
        backward there, and bfloat16 products are compiled anew for every shape, of which a
        batch brings new ones.
        """
        n, size, width = projected.shape
        each = width // (3 * self.heads)
        query, key, value = projected.view(n, size, 3, self.heads, each).permute(2, 0, 3, 1, 4)
        visible = None if mask is None else mask[:, None, None, :]
        if projected.device.type == "cpu":
            with torch.autocast("cpu", enabled=False):
                scores = query.float() * each**-0.5 @ key.float().transpose(-1, -2)
                if visible is not None:
                    scores = scores.masked_fill(~visible, float("-inf"))
                seen = scores.softmax(-1) @ value.float()
        else:
            seen = F.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        return seen.transpose(1, 2).flatten(2)

    def feed(self, tokens: Tensor) -> Tensor:
        """The feed-forward part of each token by itself."""
        return self.hidden_out(F.gelu(self.hidden_in(self.hidden_norm(tokens)), approximate="tanh"))
