"""The token transformer: its answers do not depend on what must not matter."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy_game import SPEC, toy_rows

from forge_core.errors import BadInput
from forge_core.learning.networks.sizes import SIZES, ModelConfig
from forge_core.learning.networks.transformer import FINENESS, TokenTransformer, padding_for
from forge_core.learning.spec import TokenSpec
from forge_core.texas42.tokens.rows import STAGE1_SPEC


def network(spec=SPEC, **changes) -> TokenTransformer:
    torch.manual_seed(0)
    model = TokenTransformer(
        spec, ModelConfig(**{"width": 16, "layers": 2, "heads": 2, "hidden": 32} | changes)
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


@pytest.fixture
def rows():
    return toy_rows(60, "network").to_tensors()


def test_packed_and_dense_ways_agree(rows):
    model = network()
    assert padding_for(int(rows.mask.sum()))  # so that it is seen to change nothing
    packed, dense = model(rows.tokens, rows.mask), model.forward_dense(rows.tokens, rows.mask)
    for one, other in zip(packed, dense, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    packed[0].sum().backward()
    gradient = model.embedding.grad.clone()
    model.zero_grad()
    model.forward_dense(rows.tokens, rows.mask)[0].sum().backward()
    torch.testing.assert_close(gradient, model.embedding.grad, atol=1e-2, rtol=1e-3)


@given(st.integers(0, 10**6))
def test_padding_is_little_and_leaves_few_lengths(n):
    assert 0 <= padding_for(n) <= n / FINENESS
    assert padding_for(n + padding_for(n)) == 0
    assert len({length + padding_for(length) for length in range(1 << 10, 1 << 11)}) == FINENESS + 1


def test_the_order_of_rows_is_kept(rows):
    model, order = network(), torch.randperm(60, generator=torch.Generator().manual_seed(0))
    said, value = model(rows.tokens, rows.mask)
    mixed, mixed_value = model(rows.tokens[order], rows.mask[order])
    torch.testing.assert_close(mixed, said[order], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(mixed_value, value[order], atol=1e-5, rtol=1e-5)
    alone = torch.cat([model(rows.tokens[i : i + 1], rows.mask[i : i + 1])[0] for i in range(60)])
    torch.testing.assert_close(alone, said, atol=1e-4, rtol=1e-4)


def test_tokens_that_do_not_count_change_nothing(rows):
    model = network()
    garbage = torch.from_numpy(toy_rows(60, "garbage").tokens)
    other = torch.where(rows.mask[:, :, None], rows.tokens, garbage)
    for way in (model.forward, model.forward_dense):
        torch.testing.assert_close(way(rows.tokens, rows.mask)[0], way(other, rows.mask)[0])


def test_permuting_actions_permutes_answers(rows):
    model, order = network(), [2, 0, 1, *range(3, 10)]
    said, value = model(rows.tokens, rows.mask)
    shuffled, same = model(rows.tokens[:, order], rows.mask[:, order])
    torch.testing.assert_close(shuffled, said[:, order[:3]], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(same, value, atol=1e-4, rtol=1e-4)


def test_sizes_are_what_their_names_say():
    said = {"73k": 73e3, "817k": 817e3, "3.3m": 3.3e6}
    for name, config in SIZES.items():
        assert TokenTransformer(STAGE1_SPEC, config).n_parameters == pytest.approx(said[name], rel=0.04)


def test_answers_are_float32_in_any_precision(rows):
    with torch.autocast("cpu", torch.bfloat16):
        said, value = network()(rows.tokens, rows.mask)
    assert said.dtype == value.dtype == torch.float32
    exact = network()(rows.tokens, rows.mask)[0]
    assert (said - exact).abs().mean() < 0.05 * exact.abs().mean()


def test_policy_answers_are_not_scaled(rows):
    said, value = network()(rows.tokens, rows.mask)
    logits, same = network(objective="policy")(rows.tokens, rows.mask)
    torch.testing.assert_close(logits * SPEC.value_scale, said)
    torch.testing.assert_close(same, value)


def test_an_empty_batch_has_empty_answers():
    said, value = network()(torch.zeros(0, 10, 3, dtype=torch.int8), torch.zeros(0, 10, dtype=torch.bool))
    assert said.shape == (0, 3)
    assert value.shape == (0,)


@pytest.mark.parametrize(
    "config",
    [{"width": 15, "heads": 2}, {"layers": 0}, {"objective": "fame"}, {"hidden": 1.5}],
)
def test_impossible_networks_are_refused(config):
    with pytest.raises(BadInput):
        ModelConfig(**{"width": 16, "layers": 1, "heads": 2, "hidden": 32} | config)


def test_real_positions_go_either_way():
    draw = np.random.default_rng(0)
    tokens = torch.from_numpy(
        np.stack([draw.integers(v, size=(8, 32)) for v in STAGE1_SPEC.vocabularies], axis=-1).astype(np.int8)
    )
    mask = torch.ones(8, 32, dtype=torch.bool)
    model = network(TokenSpec.from_dict(STAGE1_SPEC.to_dict()))
    torch.testing.assert_close(
        model(tokens, mask)[0], model.forward_dense(tokens, mask)[0], atol=1e-3, rtol=1e-3
    )
