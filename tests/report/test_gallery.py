"""Gallery images are predictions of the evaluated network, and are computed once."""

import base64
import csv
import io
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.hints.eval_positions import first_k_mask
from chromahint.hints.hints import hints_from_mask
from chromahint.images.resize import resize_square
from chromahint.models.spreadnet import SpreadNet
from chromahint.models.state_dict import load_weights
from chromahint.report import gallery as gallery_module
from support.synthetic_runs import content_of


@pytest.fixture
def run(smoke_run, tmp_path):
    """A copy of a small trained run, to be modified."""
    shutil.copytree(smoke_run, tmp_path / "run")
    return tmp_path / "run"


def decode(uri):
    data = base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))
    return np.asarray(Image.open(io.BytesIO(data)), np.float64)


def psnr(first, second):
    return 10 * np.log10(255**2 / ((first - second) ** 2).mean())


def test_images_are_predictions_of_the_network(command, run, photos, tmp_path):
    shown = command("report", run)
    assert shown.status == 0, shown.err
    found = content_of(tmp_path / "report.html")["gallery"]
    assert (found["hint_count"], found["missing"]) == (10, {})
    assert list(found["predictions"]) == ["run", "pullpush"]
    photo = resize_square(np.asarray(Image.open(photos / found["image_names"][0])), 64)
    assert psnr(decode(found["ground_truth"][0]), photo) > 30
    lightness, ab = rgb_to_lab(torch.from_numpy(photo.copy()).permute(2, 0, 1)[None])
    network = SpreadNet(width=4).eval()
    load_weights(network, run / "checkpoints/best.ckpt")
    table = csv.DictReader((run / "evaluation/random_pixels/images.csv").read_text().splitlines())
    [row] = [row for row in table if (row["image"], row["k"]) == (found["image_names"][0], "10")]
    with torch.inference_mode():
        ours = lab_to_rgb8(lightness, network(lightness, hints_from_mask(ab, first_k_mask(ab, [row["id"]], 0, 64, 10))))
    assert psnr(decode(found["predictions"]["run"][0]), ours[0].permute(1, 2, 0).numpy()) > 30
    assert found["scores"]["psnr"]["run"][0] == pytest.approx(float(row["psnr"]))

    assert found["scores"]["ciede2000"]["run"][0] == pytest.approx(float(row["ciede2000"]))


def test_cached_images_are_reused(command, run, tmp_path, monkeypatch):
    command("report", run)
    before = (tmp_path / "report.html").read_text()
    monkeypatch.setattr(gallery_module, "rebuild_network", lambda *_: pytest.fail("colorized again"))
    assert command("report", run).status == 0
    assert (tmp_path / "report.html").read_text() == before


def train_on(run):
    saved = torch.load(run / "checkpoints/best.ckpt", weights_only=True)
    torch.save(saved | {"global_step": 77}, run / "checkpoints/best.ckpt")


def lose_network(run):
    file = run / "evaluation/random_pixels/evaluation.json"
    file.write_text(file.read_text().replace("chromahint.models.spreadnet.SpreadNet", "somewhere.else.Net"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (train_on, "the weights have changed since the evaluation"),
        (lose_network, "names code that is not part of Chromahint (somewhere.else.Net)"),
    ],
)
def test_changed_run_is_left_out_of_the_gallery(command, run, tmp_path, change, reason):
    change(run)
    assert command("report", run).status == 0
    found = content_of(tmp_path / "report.html")["gallery"]
    assert list(found["predictions"]) == ["pullpush"]
    assert reason in found["missing"]["run"]


def test_missing_photos_disable_the_gallery(command, run, tmp_path):
    file = run / "evaluation/random_pixels/evaluation.json"
    file.write_text(re.sub(r'"root": "[^"]*"', '"root": "/nowhere/photos"', file.read_text()))
    shown = command("report", run)
    assert shown.status == 0
    assert "no gallery: " in shown.err
    assert "/nowhere/photos" in content_of(tmp_path / "report.html")["gallery_error"]


def test_requested_baseline_is_evaluated_once(command, run, tmp_path):
    shown = command("report", run, "--baseline", "levin", "--baseline", "pullpush", "--gallery", "0")
    assert shown.status == 0, shown.err
    names = [each["name"] for each in content_of(tmp_path / "report.html")["networks"]]
    assert names[0] == "run"
    assert set(names) == {"run", "levin", "pullpush", "gray"}
    rows = (run / "evaluation/random_pixels/baselines/levin/images.csv").read_text()
    assert command("report", run, "--gallery", "0").status == 0
    assert "levin" in [each["name"] for each in content_of(tmp_path / "report.html")["networks"]], (
        "the baseline is kept"
    )
    assert (run / "evaluation/random_pixels/baselines/levin/images.csv").read_text() == rows
    rejected = command("report", run, "--baseline", "unet")
    assert rejected.status == 2
    assert "unet has to be trained first" in rejected.err


def test_arrow_keys_switch_networks_in_the_dialog(command, run, tmp_path, browser):
    command("report", run)
    browser.open(tmp_path / "report.html")
    assert browser.errors == []
    assert browser.evaluate("[...document.images].every((image) => image.naturalWidth === 64)")
    browser.evaluate("document.querySelectorAll('.pictures button')[1].click()")
    caption = "document.querySelectorAll('dialog figcaption')[1].textContent"
    assert browser.evaluate(caption).startswith("run: ")
    browser.press("ArrowRight")
    assert browser.evaluate(caption).startswith("pullpush: ")
    browser.press("Escape")
    assert not browser.evaluate("document.querySelector('dialog').open")
    assert browser.errors == []
