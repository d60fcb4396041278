"""Pretrained weights: they match their description, load into their network, and color as promised."""

import hashlib
import json

import pytest
import torch

from chromahint.color import lab_to_rgb8
from chromahint.config.compose import compose
from chromahint.config.instantiate import instantiate_node
from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.evaluation.metrics import psnr
from chromahint.evaluation.protocols.base import LabImages
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.hints.hints import Hints, no_hints
from chromahint.inference.load import load_network
from chromahint.models.layers.area_resize import area_resize
from chromahint.models.pretrained import PRETRAINED_DIR, find_pretrained, list_pretrained, resolve_weights_file
from chromahint.models.state_dict import load_weights, read_state_dict

NAMES = list_pretrained()
SPREADNET = {"_target_": "chromahint.models.spreadnet.SpreadNet", "width": 16, "propagation_steps": 4}
UNET = {"_target_": "chromahint.models.unet.UNet", "width": 16}


def description(name):
    return json.loads((PRETRAINED_DIR / f"{name}.json").read_text(encoding="utf-8"))


def test_default_network_has_pretrained_weights():
    assert compose("train", []).choices["model"] in NAMES
    assert compose("evaluate", []).choices["model"] in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_description_and_card_match_the_weights(name):
    described = description(name)
    assert set(described) == {"format", "model", "options", "blake2b", "trained_on"}
    assert described["format"] == 1
    assert name == described["model"] or name.startswith(f"{described['model']}_")
    content = (PRETRAINED_DIR / f"{name}.safetensors").read_bytes()
    assert described["blake2b"] == hashlib.blake2b(content, digest_size=16).hexdigest()
    assert len(content) <= 12_000_000
    assert described["trained_on"]
    card = (PRETRAINED_DIR / f"{name}.md").read_text(encoding="utf-8")
    assert [line for line in card.splitlines() if line.startswith("## ")] == [
        "## Description",
        "## Training",
        "## Results",
        "## Limitations",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_weights_match_the_default_config_of_their_network(name, monkeypatch):
    monkeypatch.setattr(torch, "load", None)  # unpickling is not used
    found = find_pretrained(name)
    node = compose("evaluate", [f"model={found.model}"]).config["model"]
    not_of_weights = ("_target_", "stage", "auxiliary_weight")
    assert found.options == {key: value for key, value in node.items() if key not in not_of_weights}
    state = read_state_dict(found.file)
    network = instantiate_node(node)
    loaded = network.load_state_dict(state, strict=False)
    assert loaded.unexpected_keys == []
    assert [key for key in loaded.missing_keys if not key.endswith(".num_batches_tracked")] == []
    assert all(tensor.dtype == torch.float16 and bool(tensor.isfinite().all()) for tensor in state.values())
    load_weights(instantiate_node(node), found.file)


def test_weights_option_resolves_to_a_file(tmp_path):
    pretrained = PRETRAINED_DIR / "spreadnet.safetensors"
    assert resolve_weights_file(None, SPREADNET) == pretrained
    assert resolve_weights_file("pretrained", SPREADNET) == pretrained
    assert resolve_weights_file("none", SPREADNET) is None
    assert resolve_weights_file(None, UNET) is None
    file = tmp_path / "w.pth"
    file.touch()
    assert resolve_weights_file(str(file), SPREADNET | {"width": 32}) == file
    assert resolve_weights_file("none", SPREADNET | {"width": 32}) is None


def test_user_network_with_the_same_name_has_no_pretrained_weights():
    for target in ("mine.spreadnet.SpreadNet", "spreadnet.SpreadNet"):
        assert resolve_weights_file(None, SPREADNET | {"_target_": target}) is None


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_named_by_their_file(name):
    assert resolve_weights_file(name, SPREADNET) == PRETRAINED_DIR / f"{name}.safetensors"
    with pytest.raises(ValueError, match=f"weights={name}: UNet has no pretrained weights, only spreadnet has"):
        resolve_weights_file(name, UNET)


@pytest.mark.parametrize(("weights", "problem"), [("nowhere.ckpt", "file not found"), (".", "is a folder")])
def test_missing_weights_file_raises_value_error(weights, problem):
    with pytest.raises(ValueError, match=rf"weights={weights}: {problem}. Use none, pretrained, spreadnet"):
        resolve_weights_file(weights, UNET)


@pytest.mark.parametrize("weights", [None, "pretrained"])
@pytest.mark.parametrize("option", ["width", "propagation_steps"])
def test_other_network_options_raise_value_error(weights, option):
    with pytest.raises(
        ValueError,
        match=rf"model\.{option}=2: .* model\.width=16, model\.propagation_steps=4, .*\. Use weights=none .*"
        rf"chromahint train model=spreadnet model\.{option}=2",
    ):
        resolve_weights_file(weights, SPREADNET | {option: 2})


def test_network_without_pretrained_weights_raises_value_error():
    with pytest.raises(ValueError, match="UNet has no pretrained weights, only spreadnet has. Use weights=none"):
        resolve_weights_file("pretrained", UNET)


@pytest.fixture(scope="module", params=NAMES)
def tiles(request):
    """A pretrained network, natural photos that it was not trained on, and what it knows of them without hints."""
    source = NaturalTiles()
    rgb = torch.stack([torch.from_numpy(source.read(index).copy()) for index in range(len(source))])
    network, truth = load_network(request.param).network, LabImages.from_rgb(rgb.permute(0, 3, 1, 2))
    with torch.no_grad():
        return network, truth, network.encode(truth.lightness)


def scores(network, truth, encoding, count):
    hints = RandomPixels().hints(truth, [str(index) for index in range(len(truth.rgb))], count)
    with torch.no_grad():
        return psnr(lab_to_rgb8(truth.lightness, network.propagate(encoding, hints)), truth.rgb)


def test_more_hints_never_hurt_the_mean(tiles):
    means = [scores(*tiles, count).mean().item() for count in (0, 1, 3, 10, 30, 100, 328, 1966)]
    assert means == sorted(means)


def test_no_hints_give_calm_colors_better_than_gray(tiles):
    network, truth, _ = tiles
    with torch.no_grad():
        ab = network(truth.lightness, no_hints(truth.lightness))
    gray = psnr(lab_to_rgb8(truth.lightness, torch.zeros_like(ab)), truth.rgb).mean()
    assert scores(*tiles, 0).mean() > gray
    assert ab.norm(dim=1).mean() < truth.ab.norm(dim=1).mean()


def test_gray_hints_keep_a_photo_gray(tiles):
    network, truth, encoding = tiles
    mask = RandomPixels().hints(truth, [str(index) for index in range(len(truth.rgb))], 30).mask
    with torch.no_grad():
        free = network.propagate(encoding, no_hints(truth.lightness)).norm(dim=1).mean()
        gray = network.propagate(encoding, Hints(torch.zeros_like(truth.ab), mask)).norm(dim=1).mean()
    assert gray < 2
    assert gray < 0.5 * free


def test_moving_a_hint_by_one_pixel_hardly_changes_the_rest(tiles):
    network, truth, encoding = tiles
    row = column = truth.rgb.shape[-1] // 2
    results = []
    for shift in (0, 1):
        hints = no_hints(truth.lightness)
        hints.ab[..., row, column + shift] = torch.tensor([40.0, 30.0])
        hints.mask[..., row, column + shift] = 1
        with torch.no_grad():
            results.append(network.propagate(encoding, hints))
    change = (results[0] - results[1]).norm(dim=1)
    assert change.mean() < 3


def test_expected_error_tells_where_the_error_is(tiles):
    network, truth, encoding = tiles
    hints = RandomPixels().hints(truth, [str(index) for index in range(len(truth.rgb))], 10)
    with torch.no_grad():
        expected = network.expected_error(encoding, hints).flatten()
        ab = network.propagate(encoding, hints)
    actual = area_resize((ab - truth.ab).norm(dim=1, keepdim=True), 32, 32).flatten()
    assert torch.corrcoef(torch.stack([expected, actual]))[0, 1] > 0.3
