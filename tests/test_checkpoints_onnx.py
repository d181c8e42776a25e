"""Stored networks: torch and onnxruntime read them back exactly, or refuse them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save
from toy_game import SPEC, toy_rows

from forge_core.errors import BadInput, DeviceUnavailable
from forge_core.learning import onnx
from forge_core.learning.checkpoints import digest, fill, load_model, save_model
from forge_core.learning.networks.sizes import ModelConfig
from forge_core.learning.networks.transformer import TokenTransformer

CONFIG = ModelConfig(width=16, layers=2, heads=2, hidden=32)


@pytest.fixture
def model() -> TokenTransformer:
    torch.manual_seed(0)
    model = TokenTransformer(SPEC, CONFIG)
    torch.nn.init.normal_(model.head.weight)
    return model.eval()


@pytest.fixture
def rows():
    return toy_rows(40, "disk").to_tensors()


@pytest.mark.parametrize("where", ["folder", "memory"])
def test_a_model_comes_back_as_it_was(model, rows, where, tmp_path):
    folder = str(tmp_path / "m") if where == "folder" else f"memory://models/{tmp_path.name}"
    save_model(folder, model, {"data": {"version": "d1"}, "results": {"q_gap": 0.5}})
    again = load_model(folder)
    assert (again.spec, again.config) == (SPEC, CONFIG)
    assert again.card == {"data": {"version": "d1"}, "results": {"q_gap": 0.5}}
    assert not again.training
    torch.testing.assert_close(again(rows.tokens, rows.mask), model(rows.tokens, rows.mask), rtol=0, atol=0)
    assert load_model(f"{folder}/model.safetensors").config == CONFIG


def test_weights_in_bf16_are_read_too(model, rows, tmp_path):
    save_model(str(tmp_path), model)
    data = save({name: tensor.bfloat16() for name, tensor in model.state_dict().items()})
    (tmp_path / "model.safetensors").write_bytes(data)
    card = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**card, "dtype": "bf16", "weights": digest(data)}))
    again = load_model(str(tmp_path))
    assert again.embedding.dtype == torch.float32
    said, exact = again(rows.tokens, rows.mask)[0], model(rows.tokens, rows.mask)[0]
    assert (said - exact).abs().max() < 0.02 * exact.abs().max()


def test_names_of_a_compiled_network_are_read(model):
    wrapped = {f"_orig_mod.{name}": tensor for name, tensor in model.state_dict().items()}
    inner = {
        name.replace("blocks.0.", "blocks.0._orig_mod."): tensor
        for name, tensor in model.state_dict().items()
    }
    for weights in (wrapped, inner):
        other = TokenTransformer(SPEC, CONFIG)
        fill(other, weights, "weights")
        assert all(torch.equal(a, b) for a, b in zip(other.parameters(), model.parameters(), strict=True))


def test_a_model_is_loaded_onto_a_device_by_its_usual_names(model, tmp_path, monkeypatch):
    monkeypatch.setattr("forge_core.device.cuda_device_count", lambda: 0)
    save_model(str(tmp_path), model)
    assert load_model(str(tmp_path), "auto").n_parameters == model.n_parameters
    with pytest.raises(BadInput, match="unknown device 'foo'"):
        load_model(str(tmp_path), "foo")
    with pytest.raises(DeviceUnavailable, match="no CUDA device"):
        load_model(str(tmp_path), "cuda")


def test_what_is_no_model_is_refused(model, tmp_path):
    folder = tmp_path / "m"
    with pytest.raises(BadInput, match="contains no model"):
        load_model(str(folder))
    save_model(str(tmp_path / "run" / "model"), model)
    with pytest.raises(BadInput, match=r"run is a training run: name its network, .*run/model"):
        load_model(str(tmp_path / "run"))
    save_model(str(folder), model)
    weights, card = folder / "model.safetensors", folder / "model.json"
    data, text = weights.read_bytes(), card.read_text()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(BadInput, match=r"does not match model\.json"):
        load_model(str(folder))
    weights.write_bytes(data)
    for broken in ("{", "[]", json.dumps(json.loads(text) | {"spec": {"name": "x"}})):
        card.write_text(broken)
        with pytest.raises(BadInput):
            load_model(str(folder))
    card.write_text(json.dumps(json.loads(text) | {"config": {**CONFIG.to_dict(), "width": 32}}))
    with pytest.raises(BadInput, match="a network with"):
        load_model(str(folder))
    with pytest.raises(BadInput, match="JSON"):
        save_model(str(folder), model, {"when": object()})


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    torch.manual_seed(0)
    model = TokenTransformer(SPEC, CONFIG)
    torch.nn.init.normal_(model.head.weight)
    folder = tmp_path_factory.mktemp("onnx")
    return model, folder, onnx.export_onnx(model, str(folder))


def test_onnx_answers_as_torch_for_any_batch(exported):
    import onnxruntime

    model, folder, report = exported
    assert set(report.differences) == {"action", "value"} and report.largest_difference <= onnx.PARITY
    assert report.same_choice > 0.99
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    for n in (0, 1, 5, 300):
        rows = toy_rows(max(n, 1), "onnx", n)
        rows = rows.take(np.arange(n))
        action, value = session.run(["action", "value"], {"tokens": rows.tokens, "mask": rows.mask})
        with torch.inference_mode():
            expected = model(torch.from_numpy(rows.tokens), torch.from_numpy(rows.mask))
        np.testing.assert_allclose(action, expected[0], atol=1e-3)
        np.testing.assert_allclose(value, expected[1], atol=1e-3)
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["spec"]) == SPEC.to_dict()
    assert json.loads(metadata["config"]) == CONFIG.to_dict()


def test_a_file_that_answers_otherwise_is_not_written(exported, tmp_path, monkeypatch):
    _, folder, _ = exported
    other = TokenTransformer(SPEC, CONFIG)
    torch.nn.init.normal_(other.head.weight)
    monkeypatch.setattr(onnx, "to_onnx", lambda model: (folder / "model.onnx").read_bytes())
    with pytest.raises(onnx.ParityLost, match="so it was not written"):
        onnx.export_onnx(other, str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_packages_that_setup_leaves_out_are_named(model, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx, "find_spec", lambda name: None if name == "onnxruntime" else name)
    with pytest.raises(BadInput, match=r"not installed \(onnxruntime\): run pip install -e '.\[onnx\]'"):
        onnx.export_onnx(model, str(tmp_path))
    assert not list(tmp_path.iterdir())
