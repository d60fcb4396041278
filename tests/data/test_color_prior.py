"""`chromahint data color-prior` counts colors; a run keeps the numbers."""

import json

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from chromahint.data.color_prior import compute_color_prior, read_color_prior
from chromahint.data.sources.folder import Folder
from chromahint.hints.gamut_bins import gamut_bins
from chromahint.runs.run import open_run


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A large photo of two colors and a small one of a third, for training; a fourth color is not."""
    folder = tmp_path_factory.mktemp("photos")
    colors = {"train/large.png": [(200, 40, 40), (40, 40, 200)], "train/small.png": [(60, 160, 60)]}
    others = {f"{split}/other.png": [(250, 250, 0)] for split in ("val", "test")}
    for name, each in (colors | others).items():
        (folder / name).parent.mkdir(exist_ok=True)
        image = np.zeros((20 * len(each), 30, 3), np.uint8)
        for band, color in enumerate(each):
            image[20 * band : 20 * (band + 1)] = color
        Image.fromarray(image).save(folder / name)
    (folder / "train/empty.png").write_bytes(b"")
    return folder


def expected_prior():
    bins = gamut_bins().numpy().astype(np.float64)
    counts = np.zeros(313)
    for color, share in (((200, 40, 40), 0.25), ((40, 40, 200), 0.25), ((60, 160, 60), 0.5)):
        ab = rgb2lab(np.array([[color]], np.uint8))[0, 0, 1:]
        counts[np.linalg.norm(bins - ab, axis=1).argmin()] += share
    smoothed = np.zeros(313)
    for bin_, share in enumerate(counts):
        kernel = np.exp(-np.square(bins - bins[bin_]).sum(axis=1) / (2 * 5**2))
        smoothed += share * kernel / kernel.sum()
    return smoothed


def test_every_training_photo_counts_equally_and_the_rest_does_not(root):
    prior = compute_color_prior(Folder(str(root)).photos("train"))
    np.testing.assert_allclose(prior.probabilities, expected_prior(), atol=1e-8)
    assert prior.images == 2
    assert [message.split(":")[0].rpartition("/")[2] for message in prior.broken] == ["empty.png"]


def test_command_writes_a_file_and_the_run_keeps_its_numbers(root, command, tmp_path, tiny):
    file = tmp_path / "my prior.json"
    shown = command("data", "color-prior", root, "-o", file, "--num-workers", 0)
    assert shown.status == 0, shown.err
    assert "2 training images" in shown.out
    assert "empty.png" in shown.out
    np.testing.assert_allclose(read_color_prior(file), expected_prior(), atol=1e-8)

    options = [*tiny, "model=zhang2016", "loss=rebalanced_classes"]
    trained = command("train", *options, f"loss.color_prior='{file}'")
    assert trained.status == 0, trained.err
    assert "takes no hints" in trained.out
    assert open_run(trained.run).config["loss"]["color_prior"] == read_color_prior(file)


@pytest.mark.parametrize("content", ["[]", "{}", "not JSON", json.dumps({"format": "chromahint-color-prior/1"})])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "file.json").write_text(content)
    with pytest.raises(ValueError, match="not a color prior. Write one with `chromahint data color-prior"):
        read_color_prior(tmp_path / "file.json")


def test_missing_file_is_refused_before_training(command, tiny):
    result = command("train", *tiny, "model=zhang2016", "loss=rebalanced_classes", "loss.color_prior=nowhere.json")
    assert result.status == 2
    assert "nowhere.json" in result.err
    assert not (result.folder / "runs").exists()
