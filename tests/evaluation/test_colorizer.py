"""Functions, networks and files are evaluated from Python with the figures of the command."""

import json

import numpy as np
import pytest
import torch

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.evaluation import evaluate_colorizer
from chromahint.evaluation.protocols.clicks import Clicks
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.evaluation.protocols.regions import Regions
from chromahint.models.pullpush import PullPush
from support.small_network import SmallNetwork

PROTOCOLS = {
    "random_pixels": RandomPixels([0, 3, 20], 64),
    "clicks": Clicks([0, 1, 5], size=64),
    "regions": Regions("click", [1, 5], 64),
}


def colorize(gray, hints):
    """Color by pull-push, from arrays."""
    assert gray.dtype == np.uint8
    lightness = rgb_to_lab(torch.from_numpy(gray.copy()).expand(1, 3, -1, -1))[0]
    ab = PullPush()(lightness, hints)
    return lab_to_rgb8(lightness, ab)[0].permute(1, 2, 0).numpy()


@pytest.fixture
def measure(command, photos, tmp_path):
    """`measure("clicks")` returns the metrics of pull-push by the command."""

    def run(name):
        counts = ",".join(map(str, PROTOCOLS[name].hint_counts))
        words = [f"protocol={name}", "protocol.size=64", f"protocol.hint_counts=[{counts}]"]
        made = command("evaluate", "model=pullpush", "data=folder", f"data.root={photos}", *words)
        assert made.status == 0, made.err
        return json.loads((tmp_path / "evaluation/pullpush" / name / "metrics.json").read_text())

    return run


@pytest.mark.parametrize("name", PROTOCOLS)
def test_networks_get_the_figures_of_the_command(name, measure, photos):
    expected = measure(name)
    assert evaluate_colorizer(PullPush().eval(), photos, PROTOCOLS[name]) == expected
    assert evaluate_colorizer("pullpush", photos, PROTOCOLS[name]) == expected
    assert evaluate_colorizer("pullpush", sorted(photos.iterdir()), PROTOCOLS[name]) == expected


@pytest.mark.parametrize("name", PROTOCOLS)
def test_functions_get_the_figures_of_the_command(name, measure, photos):
    """They round to 8 bits twice, which is a small part of the error, and may lead to another click."""
    tolerance = 0.3 if name == "clicks" else 0.05
    expected, found = measure(name), evaluate_colorizer(colorize, photos, PROTOCOLS[name])
    assert (found["images"], found["by_hints"].keys()) == (8, expected["by_hints"].keys())
    for count, scores in found["by_hints"].items():
        assert scores["psnr"] == pytest.approx(expected["by_hints"][count]["psnr"], abs=tolerance)
        assert scores["ciede2000"] == pytest.approx(expected["by_hints"][count]["ciede2000"], abs=tolerance)


def test_functions_get_gray_images_and_hints_of_one_image(photos):
    seen = []

    def spy(gray, hints):
        seen.append((gray.shape, hints.ab.shape, hints.mask.shape, int(hints.mask.sum())))
        return np.stack([gray] * 3, axis=2)

    evaluate_colorizer(spy, photos, RandomPixels([0, 4], 64))
    assert set(seen) == {((64, 64), (1, 2, 64, 64), (1, 1, 64, 64), count) for count in (0, 4)}
    assert len(seen) == 16


def test_lightness_of_the_result_is_that_of_the_photo(photos):
    dark = evaluate_colorizer(lambda gray, hints: np.stack([gray // 2] * 3, axis=2), photos, RandomPixels([0], 64))
    gray = evaluate_colorizer(lambda gray, hints: np.stack([gray] * 3, axis=2), photos, RandomPixels([0], 64))
    assert dark["by_hints"]["0"]["psnr"] == pytest.approx(gray["by_hints"]["0"]["psnr"], abs=0.01)


def test_files_are_written_and_resumed(photos, tmp_path):
    calls = []

    def spy(gray, hints):
        calls.append(1)
        return np.stack([gray] * 3, axis=2)

    protocol, output = RandomPixels([0], 64), tmp_path / "out"
    first = evaluate_colorizer(spy, photos, protocol, output=output, name="gray")
    assert json.loads((output / "metrics.json").read_text()) == first
    assert json.loads((output / "evaluation.json").read_text())["model"] == "gray"
    calls.clear()
    assert evaluate_colorizer(spy, photos, protocol, output=output, name="gray") == first
    assert calls == []
    with pytest.raises(ValueError, match="holds another evaluation"):
        evaluate_colorizer(spy, photos, protocol, output=output, name="other")


@pytest.mark.parametrize(
    "result",
    [lambda gray: gray, lambda gray: np.zeros((*gray.shape, 3)), lambda gray: np.zeros((8, 8, 3), np.uint8)],
)
def test_error_if_a_function_returns_something_else(result, photos):
    with pytest.raises(ValueError, match=r"colorizer: returned .*; must be uint8 RGB of shape \(64, 64, 3\)"):
        evaluate_colorizer(lambda gray, hints: result(gray), photos, RandomPixels([0], 64))


def test_errors_name_what_is_wrong(photos, tmp_path):
    with pytest.raises(ValueError, match="protocol=pixels: unknown protocol; choose one of random_pixels, clicks"):
        evaluate_colorizer(colorize, photos, "pixels")
    with pytest.raises(ValueError, match=r"nowhere\.png: file not found"):
        evaluate_colorizer(colorize, ["nowhere.png"])
    with pytest.raises(ValueError, match="no photos"):
        evaluate_colorizer(colorize, [])
    with pytest.raises(ValueError, match="colorizer=3: must be a function"):
        evaluate_colorizer(3, photos)


def test_onnx_files_get_the_figures_of_their_network(photos, tmp_path):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    from chromahint.export.onnx import write_onnx

    torch.manual_seed(0)
    network = SmallNetwork().eval().requires_grad_(False)
    write_onnx(network, tmp_path / "small.onnx", {"network": "small"})
    protocol = RandomPixels([0, 20], 64)
    expected = evaluate_colorizer(network, photos, protocol)
    found = evaluate_colorizer(tmp_path / "small.onnx", photos, protocol)
    for count, scores in expected["by_hints"].items():
        assert found["by_hints"][count] == pytest.approx(scores, abs=1e-3)
