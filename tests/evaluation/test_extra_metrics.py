"""Perceptual metrics: where their packages are installed, they order distortions as an eye does."""

import importlib.util
import json

import pytest
import skimage.data
import torch

from chromahint.evaluation.extra_metrics import EXTRA_METRICS

INSTALLED = {"flip": "flip_evaluator", "lpips": "lpips"}


@pytest.fixture(scope="module")
def photo():
    return torch.from_numpy(skimage.data.astronaut()[:96, 180:276].copy()).permute(2, 0, 1)


@pytest.mark.parametrize("name", list(EXTRA_METRICS))
def test_larger_distortions_have_larger_values(name, photo):
    pytest.importorskip(INSTALLED[name])
    noise = torch.randn(photo.shape, generator=torch.Generator().manual_seed(0))
    noisy = torch.stack([(photo + strength * noise).clamp(0, 255).to(torch.uint8) for strength in (0, 10, 60)])
    with torch.inference_mode():
        values = EXTRA_METRICS[name](noisy, photo.expand(3, -1, -1, -1))
    assert values.dtype == torch.float32
    assert values[0] == 0
    assert values[0] < values[1] < values[2] < 1.5
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(EXTRA_METRICS[name](noisy, photo.expand(3, -1, -1, -1)), values)


def test_flip_of_black_and_white():
    pytest.importorskip("flip_evaluator")
    black, white = (torch.full((1, 3, 64, 64), value, dtype=torch.uint8) for value in (0, 255))
    assert EXTRA_METRICS["flip"](black, white).item() > 0.9


def test_evaluation_records_extra_metrics(command, photos, tmp_path):
    pytest.importorskip("flip_evaluator")
    words = ["protocol.size=64", "protocol.hint_counts=[0,100]", "protocol.extra_metrics=[flip]"]
    done = command("evaluate", "model=pullpush", "data=folder", f"data.root={photos}", *words, "output=out")
    assert done.status == 0, done.err
    by_hints = json.loads((tmp_path / "out/metrics.json").read_text())["by_hints"]
    assert 0 < by_hints["100"]["flip"] < by_hints["0"]["flip"]
    assert (tmp_path / "out/images.csv").read_text().splitlines()[0].endswith(",flip")


@pytest.mark.parametrize("name", list(EXTRA_METRICS))
def test_missing_package_is_reported(name, photo, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None)
    with pytest.raises(ValueError, match=rf"extra_metrics=\[{name}\]: the package .* 'chromahint\[{name}\]'"):
        EXTRA_METRICS[name](photo[None], photo[None])
