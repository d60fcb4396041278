"""The weights that come with the package: they are what their papers say, and load into their network."""

import hashlib
import json

import pytest
import torch

from chromahint.config.compose import compose
from chromahint.config.instantiate import instantiate_node
from chromahint.models.pretrained import PRETRAINED_DIR, find_pretrained, weights_file
from chromahint.models.state_dict import load_weights, read_state

NAMES = sorted(file.stem for file in PRETRAINED_DIR.glob("*.json"))
SPREADNET = {"_target_": "chromahint.models.spreadnet.SpreadNet", "width": 16, "steps": 4}
UNET = {"_target_": "chromahint.models.unet.UNet", "width": 16}


def about(name):
    return json.loads((PRETRAINED_DIR / f"{name}.json").read_text(encoding="utf-8"))


def test_the_default_network_is_in_the_box():
    assert compose("train", []).choices["model"] in NAMES
    assert compose("evaluate", []).choices["model"] in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_papers_and_weights_agree(name):
    said = about(name)
    assert set(said) == {"format", "model", "options", "blake2b", "trained_on"}
    assert (said["format"], said["model"]) == (1, name)
    content = (PRETRAINED_DIR / f"{name}.safetensors").read_bytes()
    assert said["blake2b"] == hashlib.blake2b(content, digest_size=16).hexdigest()
    assert len(content) <= 6_000_000
    assert said["trained_on"]
    card = (PRETRAINED_DIR / f"{name}.md").read_text(encoding="utf-8")
    assert [line for line in card.splitlines() if line.startswith("## ")] == [
        "## What it is",
        "## Trained on",
        "## Figures",
        "## Limits",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_weights_fit_the_network_that_is_composed_to_the_last_tensor(name, monkeypatch):
    monkeypatch.setattr(torch, "load", None)  # nothing is unpickled
    node = compose("evaluate", [f"model={name}"]).config["model"]
    found = find_pretrained(node["_target_"])
    assert found.options == {key: value for key, value in node.items() if key != "_target_"}
    state = read_state(found.file)
    network = instantiate_node(node)
    loaded = network.load_state_dict(state, strict=False)
    assert loaded.unexpected_keys == []
    assert [key for key in loaded.missing_keys if not key.endswith(".num_batches_tracked")] == []
    assert all(tensor.dtype == torch.float32 and bool(tensor.isfinite().all()) for tensor in state.values())
    load_weights(instantiate_node(node), found.file)


def test_what_weights_means(tmp_path):
    box = PRETRAINED_DIR / "spreadnet.safetensors"
    assert weights_file(None, SPREADNET) == box
    assert weights_file("pretrained", SPREADNET) == box
    assert weights_file("none", SPREADNET) is None
    assert weights_file(None, UNET) is None
    assert weights_file(str(tmp_path / "w.pth"), SPREADNET | {"width": 32}) == tmp_path / "w.pth"
    assert weights_file("none", SPREADNET | {"width": 32}) is None


def test_a_network_of_ones_own_is_not_in_the_box_whatever_its_name():
    assert find_pretrained("mine.spreadnet.SpreadNet") is None
    assert find_pretrained("spreadnet.SpreadNet") is None


@pytest.mark.parametrize("weights", [None, "pretrained"])
@pytest.mark.parametrize("option", ["width", "steps"])
def test_other_options_than_those_of_the_box(weights, option):
    with pytest.raises(
        ValueError,
        match=rf"model\.{option}=2: .* model\.width=16, model\.propagation_steps=4; type weights=none .*"
        rf"chromahint train model=spreadnet model\.{option}=2",
    ):
        weights_file(weights, SPREADNET | {option: 2})


def test_a_network_without_weights_in_the_box():
    with pytest.raises(ValueError, match="the box has none for UNet, only for spreadnet; type weights=none"):
        weights_file("pretrained", UNET)
