"""Evaluation into a folder: what it writes, and how it goes on after it was stopped."""

import csv
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from chromahint.data.sources.folder import Folder
from chromahint.evaluation.evaluator import evaluate, is_same_evaluation
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.models.gray_baseline import GrayBaseline
from chromahint.models.pullpush import PullPush

PROTOCOL = RandomPixels([0, 2, 20], 64)
SUBJECT = {"model": "x", "split": "all"}
CPU = torch.device("cpu")


class Counting:
    """Pull-push that counts the images it was given, and stops in the middle of its work where it is told to."""

    def __init__(self, stop_after=math.inf):
        self.network, self.calls, self.stop_after = PullPush(), 0, stop_after

    def __call__(self, lightness, hints):
        if self.calls >= self.stop_after:
            raise KeyboardInterrupt
        self.calls += len(lightness)
        return self.network(lightness, hints)


@pytest.fixture
def root(make_photos, tmp_path):
    return make_photos(tmp_path / "photos", 5)


@pytest.fixture
def measure(root, tmp_path):
    def run(network=None, output=tmp_path / "out", subject=SUBJECT, **options):
        photos = Folder(str(root)).photos("all")
        return evaluate(network or PullPush(), photos, PROTOCOL, output, subject, CPU, **{"batch_size": 2, **options})

    return run


def table(folder):
    with (folder / "images.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def figures(folder):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in table(folder)]


def test_metrics_json(measure, tmp_path):
    metrics = measure()
    assert json.loads((tmp_path / "out/metrics.json").read_text()) == metrics
    assert list(metrics) == ["format", "protocol", "measures", "size", "images", "by_hints"]
    assert metrics["format"] == 1
    assert (metrics["protocol"], metrics["size"], metrics["images"]) == ("random_pixels", [64, 64], 5)
    assert list(metrics["by_hints"]) == ["0", "2", "20"]
    assert all(set(values) == {"psnr", "ssim"} for values in metrics["by_hints"].values())


def test_images_csv(measure, tmp_path):
    measure()
    rows = table(tmp_path / "out")
    assert list(rows[0]) == ["image", "id", "k", "psnr", "ssim", "seconds"]
    assert [(row["image"], row["k"]) for row in rows] == [
        (f"photo-{number}.png", count) for number in range(5) for count in ("0", "2", "20")
    ]
    assert all(float(row["seconds"]) > 0 for row in rows)
    photos = Folder(str(tmp_path / "photos")).photos("all")
    assert [row["id"] for row in rows[::3]] == [photos.identify(index) for index in range(5)]


def test_metrics_are_the_means_of_the_rows(measure, tmp_path):
    metrics = measure()
    for count, values in metrics["by_hints"].items():
        rows = [row for row in table(tmp_path / "out") if row["k"] == count]
        for name, value in values.items():
            assert value == pytest.approx(np.mean([float(row[name]) for row in rows]), rel=1e-12)


def test_figures_are_those_of_the_images(measure, tmp_path, root):
    """Without a hint a gray image comes out, whose distance from the photo anyone can measure."""
    from skimage.color import lab2rgb, rgb2lab

    measure(GrayBaseline())
    for row in table(tmp_path / "out")[::3]:
        photo = np.asarray(Image.open(root / row["image"]))
        lab = rgb2lab(photo)
        lab[..., 1:] = 0
        gray = np.rint(lab2rgb(lab) * 255).astype(np.uint8)
        assert float(row["psnr"]) == pytest.approx(peak_signal_noise_ratio(photo, gray), abs=0.02)


def test_batches_do_not_matter(measure, tmp_path):
    measure(output=tmp_path / "one", batch_size=1)
    measure(output=tmp_path / "all", batch_size=9)
    assert figures(tmp_path / "one") == figures(tmp_path / "all")


def test_workers_do_not_matter(measure, tmp_path):
    measure(output=tmp_path / "none")
    measure(output=tmp_path / "two", workers=2)
    assert figures(tmp_path / "none") == figures(tmp_path / "two")


def test_a_finished_one_is_not_done_again(measure, tmp_path):
    first = measure()
    network = Counting()
    assert measure(network) == first
    assert network.calls == 0


def test_one_that_was_stopped_goes_on(measure, tmp_path):
    whole = measure(output=tmp_path / "whole")
    stopped = Counting(stop_after=7)  # 2 images at 3 counts are 6 calls, and the next batch has begun
    with pytest.raises(KeyboardInterrupt):
        measure(stopped)
    assert not (tmp_path / "out/metrics.json").exists()
    assert len(table(tmp_path / "out")) == 6
    network = Counting()
    assert measure(network) == whole
    assert network.calls == 9
    assert figures(tmp_path / "out") == figures(tmp_path / "whole")


@pytest.mark.parametrize("left", range(1, 40, 6))
def test_half_a_line_is_done_again(measure, tmp_path, left):
    whole = measure()
    (tmp_path / "out/metrics.json").unlink()
    file = tmp_path / "out/images.csv"
    text = file.read_bytes()
    file.write_bytes(text[: len(text) - len(text.splitlines()[-1]) - 1 + left])  # cut within the last line
    network = Counting()
    assert measure(network) == whole
    assert network.calls == 3, "only the image whose row was cut"
    assert len(table(tmp_path / "out")) == 15


@pytest.mark.parametrize(
    "damage",
    [
        "photo-0.png,xx,0,1,2\n",
        "nonsense\n",
        "\n\n",
        "photo-0.png,abc,zero,1.0,1.0,1.0\n",
        "gone.png,abc,0,1.0,1.0,1.0\n",
        "\x00\x00\n",
    ],
)
def test_lines_that_are_none_are_passed_over(measure, tmp_path, damage):
    whole = measure()
    file = tmp_path / "out/images.csv"
    file.write_text(file.read_text() + damage)
    network = Counting()
    assert measure(network) == whole
    assert network.calls == 0
    assert len(table(tmp_path / "out")) == 15


def test_a_image_that_was_changed_is_done_again(measure, tmp_path, root, make_photos):
    before = measure()
    other = make_photos(tmp_path / "other", 1, seed=99) / "photo-0.png"
    (root / "photo-3.png").write_bytes(other.read_bytes())
    network = Counting()
    after = measure(network)
    assert network.calls == 3
    assert after != before
    assert after["images"] == 5
    assert len(table(tmp_path / "out")) == 15


def test_images_that_came_and_went(measure, tmp_path, root, make_photos):
    measure()
    (root / "photo-1.png").unlink()
    make_photos(tmp_path / "other", 1, seed=99)
    (tmp_path / "other/photo-0.png").rename(root / "new.png")
    network = Counting()
    metrics = measure(network)
    assert network.calls == 3
    assert metrics["images"] == 5
    assert {row["image"] for row in table(tmp_path / "out")} == {*(f"photo-{n}.png" for n in (0, 2, 3, 4)), "new.png"}


def test_names_with_commas_quotes_and_newlines(measure, tmp_path, root):
    for number, name in enumerate(['a, "b".png', "c\nd.png", "é ü.png"]):
        (root / f"photo-{number}.png").rename(root / name)
    measure()
    network = Counting()
    metrics = measure(network)
    assert network.calls == 0
    assert metrics["images"] == 5


def test_another_subject_is_refused(measure, tmp_path):
    measure()
    before = (tmp_path / "out/images.csv").read_text()
    with pytest.raises(ValueError, match=r"output=.*type output="):
        measure(subject=SUBJECT | {"split": "test"})
    assert (tmp_path / "out/images.csv").read_text() == before


def test_holds(measure, tmp_path):
    assert is_same_evaluation(tmp_path / "new", SUBJECT)
    measure()
    assert is_same_evaluation(tmp_path / "out", SUBJECT)
    assert not is_same_evaluation(tmp_path / "out", SUBJECT | {"model": "y"})
    (tmp_path / "out/evaluation.json").write_text("{")
    assert not is_same_evaluation(tmp_path / "out", SUBJECT)
    (tmp_path / "out/evaluation.json").unlink()
    assert not is_same_evaluation(tmp_path / "out", SUBJECT), "figures of nobody knows what"


def test_broken_images_are_listed_and_not_counted(measure, tmp_path, root):
    whole = measure(output=tmp_path / "whole")
    (root / "broken.png").write_text("not an image")
    metrics = measure()
    assert metrics == whole
    [line] = (tmp_path / "out/broken.txt").read_text().splitlines()
    assert line.startswith(f"{root / 'broken.png'}: ")


def test_a_image_that_was_repaired_is_added(measure, tmp_path, root):
    good = (root / "photo-0.png").read_bytes()
    (root / "photo-0.png").write_text("not an image")
    assert measure()["images"] == 4
    (root / "photo-0.png").write_bytes(good)
    network = Counting()
    assert measure(network)["images"] == 5
    assert network.calls == 3
    assert not (tmp_path / "out/broken.txt").exists(), "nothing is broken any more"


def test_nothing_but_broken_images(measure, root):
    for file in root.iterdir():
        file.write_text("not an image")
    with pytest.raises(ValueError, match="none of the 5 images can be read; the first: .*photo-0"):
        measure()


def test_progress_counts_every_image_once(measure, root):
    (root / "broken.png").write_text("not an image")
    told = []
    measure(advance=told.append)
    assert sum(told) == 6
    told.clear()
    measure(advance=told.append)
    assert sum(told) == 6
