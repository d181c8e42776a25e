"""The token transformer: predicts an answer for every action, and a value, from a row of tokens.

Rows have different numbers of unmasked tokens, and masked tokens should cost nothing. Therefore the
unmasked tokens of a batch are packed one after another, and only attention treats rows separately:
rows with the same number of tokens attend in one call, without padding or mask; on CUDA, all rows do, by the
kernels of kernels.py if Triton is installed. There is no position embedding: permuting the actions permutes
the answers.

Letters: N rows, P positions, F features, A actions, T packed tokens, L tokens of a row.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from forge_core.device import takes_kernels, to_device
from forge_core.errors import BadInput
from forge_core.learning.choice import choose
from forge_core.learning.networks import TOKEN_TRANSFORMER
from forge_core.learning.networks.network import Arrays, Network
from forge_core.learning.networks.sizes import ModelConfig
from forge_core.learning.spec import TokenSpec
from forge_core.streams import stream

if TYPE_CHECKING:
    from forge_core.learning.networks.kernels import PackedRows

Groups = list[tuple[int, int]]
"""(rows, tokens per row) of each run of rows with equally many tokens, in batch order; then the padding"""

ATTENTION = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""attention implementations used on a GPU: all except cuDNN's, which takes a large part of a second to plan
for each new number of rows"""

FINENESS = 32
"""number of lengths that a packed batch can have between one power of two and the next (see `padding_for`);
at most 1/32 of the tokens is padding"""


class TokenTransformer(Network):
    """A pre-norm encoder; an action's answer is read from its token, and the value from the value token."""

    architecture = TOKEN_TRANSFORMER
    input_names = ("tokens", "mask")

    spec: TokenSpec
    config: ModelConfig
    feature_start: Tensor
    """[F] first row of each feature in the embedding"""
    action_positions: Tensor
    """[A] position of each action's token"""

    def __init__(self, spec: TokenSpec, config: ModelConfig) -> None:
        super().__init__(spec, config)
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

    @classmethod
    def least_size(cls, spec: TokenSpec, config: ModelConfig) -> tuple[int, int]:
        """Return lower bounds on the number of tensors and the number of weights of such a network."""
        of_block = 4 * config.width**2 + 2 * config.width * config.hidden
        return config.layers, config.layers * of_block + config.width * sum(spec.vocabularies)

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the answers for actions [N, A] and the values [N], float32.

        tokens int8 [N, P, F]; mask bool [N, P], False for tokens to ignore. Answers are the mover's
        points (qvalue, eq) or logits (policy, regret); values are points. The answer for an action whose
        token is masked is meaningless. Batches run fastest when rows are sorted by their number of tokens
        (see `labelled.data.sort_rows`).
        """
        predicted, value, *_ = self.answers(tokens, mask)
        return predicted, value

    def estimate(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return E[Q] [N, A] points, the variance of Q over worlds [N, A] points squared, and values [N].

        The arguments are those of `forward`. Raises BadInput if the network predicts no variance.
        """
        if not self.config.says_variance:
            raise BadInput(f"this network ({self.config}) predicts no variance: use one with objective eq")
        mean, value, variance = self.answers(tokens, mask)
        return mean, variance, value

    def answers(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """Return answers for actions [N, A], values [N] and, with objective eq, variances [N, A]."""
        if not len(tokens):
            return self.forward_dense(tokens, mask)
        counts = mask.sum(dim=1).cpu().numpy()  # the only synchronization with a GPU
        back = None
        if (counts[1:] < counts[:-1]).any():
            in_order = counts.argsort(kind="stable")
            counts, order = counts[in_order], to_device(in_order, tokens.device)
            tokens, mask, back = tokens[order], mask[order], order.argsort()
        sizes, rows = np.unique(counts, return_counts=True)
        groups = list(zip(rows.tolist(), sizes.tolist(), strict=True))
        n = int(counts.sum())
        where = torch.nonzero_static(mask.flatten(), size=n).squeeze(1)
        counted = tokens.flatten(0, 1).index_select(0, where)
        if padding := padding_for(n) if tokens.device.type == "cpu" else 0:
            groups.append((padding, 1))
        packed = self.embed(F.pad(counted, (0, 0, 0, padding)))
        placed = packed_rows(counts, packed) if takes_kernels(packed) else groups
        with nullcontext() if packed.device.type == "cpu" else sdpa_kernel(ATTENTION):
            for block in self.blocks:
                packed = block(packed, placed)
        spread = torch.zeros(mask.numel(), self.head.out_features, device=packed.device)
        spread = spread.index_copy(0, where, self.read(packed[:n])).view(*mask.shape, -1)
        found = self.answer(spread)
        return found if back is None else tuple(part[back] for part in found)

    def forward_dense(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """Compute `answers` without packing, using masked attention: slower, but traceable."""
        # feature by feature, since onnxruntime gives a sum over an axis of no rows a wrong shape
        features = (tokens.long() + self.feature_start).unbind(-1)
        dense = self.embedding[features[0]]
        for feature in features[1:]:
            dense = dense + self.embedding[feature]
        for block in self.blocks:
            assert isinstance(block, Block)
            dense = block.forward_dense(dense, mask)
        return self.answer(self.read(dense) * mask[..., None])

    def embed(self, tokens: Tensor) -> Tensor:
        """Embed tokens, int8 [T, F]: return the sum of their feature vectors, [T, width].

        The sum is computed as a multi-hot matrix times the embedding.
        """
        hot = torch.zeros(len(tokens), len(self.embedding), device=tokens.device, dtype=self.embedding.dtype)
        return hot.scatter_(1, tokens.long() + self.feature_start, 1.0) @ self.embedding

    def read(self, tokens: Tensor) -> Tensor:
        """Apply the output head to tokens [..., width]: return [..., 2 or 3], float32 at every precision.

        The outputs are the answer for an action, the value, and the logarithm of the variance.
        """
        with torch.autocast(tokens.device.type, enabled=False):
            return self.head(self.norm(tokens.float()))

    def answer(self, of_tokens: Tensor) -> tuple[Tensor, ...]:
        """Return `answers` from the head's outputs for all tokens, [N, P, 2 or 3], converted to points."""
        scale = self.spec.value_scale
        actions = of_tokens[:, self.action_positions]
        first = actions[:, :, 0] * scale if self.config.in_points else actions[:, :, 0]
        value = of_tokens[:, self.spec.value_position, 1] * scale
        if not self.config.says_variance:
            return first, value
        return first, value, actions[:, :, 2].exp() * scale**2

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the outputs in `answers`, in order."""
        return ("action", "value", "variance") if self.config.says_variance else ("action", "value")

    def traceable(self) -> nn.Module:
        """Return a module that computes `forward_dense`."""
        return _Dense(self)

    def random_inputs(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw tokens int8 [n, P, F] and a mask bool [n, P] from `stream(0, "parity", n)`."""
        draw, spec = stream(0, "parity", n), self.spec
        columns = [draw.integers(size, size=(n, spec.n_positions)) for size in spec.vocabularies]
        mask = draw.random((n, spec.n_positions)) < draw.random((n, 1))
        mask[:, spec.value_position] = True
        mask[:, spec.action_positions[0]] = True
        return np.stack(columns, axis=-1).astype(np.int8), mask

    def compared(self, answers: Arrays) -> dict[str, np.ndarray]:
        """Return answers for actions, values and the square roots of variances, all in points (or logits)."""
        action, value, *variance = answers
        return {"action": action, "value": value, **({"spread": np.sqrt(variance[0])} if variance else {})}

    def choices(self, inputs: Arrays, answers: Arrays) -> np.ndarray:
        """Return the action [n] that is chosen in each row among those whose tokens are unmasked."""
        _, mask = inputs
        return choose(answers[0], mask[:, list(self.spec.action_positions)])


class _Dense(nn.Module):
    """A module that computes `forward_dense` of a network, for tracing."""

    def __init__(self, model: TokenTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        return self.model.forward_dense(tokens, mask)


def packed_rows(counts: np.ndarray, packed: Tensor) -> PackedRows:
    """Return the places of rows with these numbers of tokens [N], ascending, for kernels.py."""
    from forge_core.learning.networks.kernels import PackedRows

    return PackedRows.of(counts, packed.device)


def padding_for(n: int) -> int:
    """Return the number of padding tokens to add to n packed ones on a CPU, at most one in FINENESS.

    On a CPU, bfloat16 products are compiled and cached for each new shape, and without padding nearly
    every batch would have a different length.
    """
    return -n % max(1, (1 << n.bit_length()) // (2 * FINENESS))


class Block(nn.Module):
    """A pre-norm transformer block: attention, then a feed-forward part, each with a residual connection."""

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
        for last in (self.attention_out, self.hidden_out):  # a deep network then starts near the identity
            nn.init.normal_(last.weight, std=0.02 * (2 * config.layers) ** -0.5)
            nn.init.zeros_(last.bias)

    def forward(self, packed: Tensor, rows: Groups | PackedRows) -> Tensor:
        """Transform packed tokens [T, width]. rows: where each row is; PackedRows for the kernels."""
        if not isinstance(rows, list):
            return self.forward_by_kernels(packed, rows)
        projected = self.query_key_value(self.attention_norm(packed))
        parts = projected.split([n * size for n, size in rows])
        seen = [
            self.attend(part.view(n, size, -1)).flatten(0, 1)
            for part, (n, size) in zip(parts, rows, strict=True)
        ]
        packed = packed + self.attention_out(torch.cat(seen))
        return packed + self.feed(self.hidden_norm(packed))

    def forward_by_kernels(self, packed: Tensor, rows: PackedRows) -> Tensor:
        """Compute `forward` with the norms and the attention of kernels.py."""
        from forge_core.learning.networks.kernels import attend, layer_norm, precision_of

        dtype = precision_of(packed)
        projected = self.query_key_value(layer_norm(packed, self.attention_norm, dtype))
        packed = packed + self.attention_out(attend(projected, rows, self.heads))
        return packed + self.feed(layer_norm(packed, self.hidden_norm, dtype))

    def forward_dense(self, dense: Tensor, mask: Tensor) -> Tensor:
        """Transform unpacked tokens [N, P, width]; mask bool [N, P] is False for tokens to ignore."""
        dense = dense + self.attention_out(
            self.attend(self.query_key_value(self.attention_norm(dense)), mask)
        )
        return dense + self.feed(self.hidden_norm(dense))

    def attend(self, projected: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend within each row to its unmasked tokens: [n, L, 3 x width] -> [n, L, width].

        On a CPU this uses plain products in float32, because torch's fused kernel has a slow bfloat16
        backward pass there, and because bfloat16 products are compiled for every new shape, and each
        batch has new shapes.
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

    def feed(self, normed: Tensor) -> Tensor:
        """Apply the feed-forward part to each normalised token separately."""
        return self.hidden_out(F.gelu(self.hidden_in(normed), approximate="tanh"))
