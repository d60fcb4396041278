"""`chromahint colorize --prepare`: scans are put right before they are colored."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image
from psd_tools import PSDImage
from skimage import data
from skimage.color import rgb2gray, rgb2lab

from chromahint.images.image_file import ImageFile
from chromahint.images.preparation.prepare import automatic, prepare
from support.damage import placed_on_scanner, sepia


@pytest.fixture
def scan(tmp_path):
    """A sepia print on a scanner, as a file."""
    print_ = sepia((60 + 150 * rgb2gray(data.coffee())).astype(np.uint8))
    pixels = placed_on_scanner(print_, 2.0)
    Image.fromarray(pixels).save(tmp_path / "scan.png")
    return pixels


def colorize(command, *options):
    return command("colorize", "scan.png", "-o", "out.png", "--model", "pullpush", *options)


def test_an_automatic_preparation_is_that_of_python(command, scan, tmp_path):
    done = colorize(command, "--prepare", "auto")
    assert done.status == 0, done.err
    # without hints, pullpush leaves a photo gray
    found = np.array(Image.open(tmp_path / "out.png"))
    expected = prepare(ImageFile(scan), automatic(ImageFile(scan))).pixels
    assert found.shape == (*expected.shape, 3)
    assert np.abs(found.astype(int) - expected[..., None]).max() <= 1
    assert np.array_equal(np.array(Image.open(tmp_path / "scan.png")), scan)


def test_steps_and_settings_of_a_file(command, scan, tmp_path):
    assert colorize(command, "--prepare", "straighten,levels").status == 0
    assert Image.open(tmp_path / "out.png").size[0] < scan.shape[1] - 200
    (tmp_path / "settings.json").write_text(json.dumps({"crop": [0.25, 0, 0.75, 0.5]}))
    assert colorize(command, "--prepare", "settings.json").status == 0
    assert Image.open(tmp_path / "out.png").size == (scan.shape[1] // 2, scan.shape[0] // 2)


def test_hints_are_in_pixels_of_the_scan_and_a_session_holds_both(command, scan, tmp_path):
    hints = {"format": "chromahint-hints/2", "points": [{"x": 400, "y": 300, "color": "#b04030", "radius": 3}]}
    session = {"format": "chromahint-session/1", "hints": hints, "preparation": {"crop": [0.25, 0.25, 1, 1]}}
    (tmp_path / "session.json").write_text(json.dumps(session))
    done = colorize(command, "--hints", "session.json", "--prepare", "session.json")
    assert done.status == 0, done.err
    found = rgb2lab(np.array(Image.open(tmp_path / "out.png")))
    x, y = 400 - round(0.25 * scan.shape[1]), 300 - round(0.25 * scan.shape[0])
    expected = rgb2lab(np.array([[[0xB0, 0x40, 0x30]]]) / 255)[0, 0, 1:]
    assert found[y, x, 1:] == pytest.approx(expected, abs=6)


def test_results_in_16_bits_with_layers_and_to_share(command, scan, tmp_path):
    assert (
        command("colorize", "scan.png", "-o", "out.tif", "--model", "pullpush", "--bits", "16", "--animate").status == 0
    )
    assert tifffile.imread(tmp_path / "out.tif").dtype == np.uint16
    with Image.open(tmp_path / "out-animation.webp") as animation:
        assert animation.n_frames > 20
    sizes = []
    for quality in ("50", "95"):
        done = command("colorize", "scan.png", "-o", "out.jpg", "--model", "pullpush", "--quality", quality)
        assert done.status == 0, done.err
        sizes.append((tmp_path / "out.jpg").stat().st_size)
    assert sizes[0] < sizes[1] / 2
    assert command("colorize", "scan.png", "-o", "out.psd", "--model", "pullpush").status == 0
    assert [layer.name for layer in PSDImage.open(tmp_path / "out.psd")] == ["Gray photo", "Color"]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("sharpen", "--prepare sharpen: sharpen is no step. Use auto, some of straighten, "),
        ("missing.json", "--prepare missing.json: cannot be read"),
        ("bad.json", "--prepare bad.json: not valid JSON"),
        ("wrong.json", "preparation.noise=99.0: must be a number from 0 to 40"),
    ],
)
def test_mistakes(command, scan, tmp_path, choice, message):
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "wrong.json").write_text('{"noise": 99.0}')
    done = colorize(command, "--prepare", choice)
    assert done.status == 2
    assert message in done.err
