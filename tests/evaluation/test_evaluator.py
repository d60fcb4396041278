"""Evaluation writes images.csv and metrics.json, and resumes after an interruption."""

import csv
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from chromahint.color import lab_to_rgb8
from chromahint.data.sources.folder import Folder
from chromahint.evaluation.evaluator import evaluate, is_same_evaluation
from chromahint.evaluation.protocols.base import LabImages
from chromahint.evaluation.protocols.cells_2023 import Cells2023
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.models.gray_baseline import GrayBaseline
from chromahint.models.pullpush import PullPush

PROTOCOL = RandomPixels([0, 2, 20], 64)
FINGERPRINT = {"model": "x", "split": "all"}
METRICS = ["psnr", "ssim", "ciede2000", "ciede2000_p95", "colorfulness_difference"]
CPU = torch.device("cpu")


class CountingNetwork:
    """Pull-push that counts the images it colors and can be interrupted after a number of them."""

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
def run_evaluation(root, tmp_path):
    def run(network=None, output=tmp_path / "out", fingerprint=FINGERPRINT, protocol=PROTOCOL, **options):
        photos = Folder(str(root)).photos("all")
        options = {"batch_size": 2, **options}
        return evaluate(network or PullPush(), photos, protocol, output, fingerprint, CPU, **options)

    return run


def read_table(folder):
    with (folder / "images.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_metrics_json(run_evaluation, tmp_path):
    metrics = run_evaluation()
    assert json.loads((tmp_path / "out/metrics.json").read_text()) == metrics
    assert list(metrics) == ["format", "protocol", "measures", "size", "images", "colorless", "by_hints"]
    assert metrics["format"] == 2
    assert metrics["colorless"] == {"min_chroma": 4.0, "images": 0, "ids": []}
    assert (metrics["protocol"], metrics["size"], metrics["images"]) == ("random_pixels", [64, 64], 5)
    assert list(metrics["by_hints"]) == ["0", "2", "20"]
    assert all(list(values) == METRICS for values in metrics["by_hints"].values())


def test_images_csv(run_evaluation, tmp_path):
    run_evaluation()
    rows = read_table(tmp_path / "out")
    assert list(rows[0]) == ["image", "id", "k", "colorless", *METRICS]
    assert [(row["image"], row["k"]) for row in rows] == [
        (f"photo-{number}.png", count) for number in range(5) for count in ("0", "2", "20")
    ]
    with (tmp_path / "out/timings.csv").open(newline="") as file:
        times = list(csv.DictReader(file))
    assert [(row["image"], row["k"]) for row in times] == [(row["image"], row["k"]) for row in rows]
    assert all(float(row["seconds"]) > 0 for row in times)
    photos = Folder(str(tmp_path / "photos")).photos("all")
    assert [row["id"] for row in rows[::3]] == [photos.identify(index) for index in range(5)]


def test_metrics_are_the_means_of_the_rows(run_evaluation, tmp_path):
    metrics = run_evaluation()
    for count, values in metrics["by_hints"].items():
        rows = [row for row in read_table(tmp_path / "out") if row["k"] == count]
        for name, value in values.items():
            assert value == pytest.approx(np.mean([float(row[name]) for row in rows]), rel=1e-12)


def test_color_metrics_agree_with_scikit_image(run_evaluation, tmp_path, root):
    """The baseline predicts a gray image, whose metrics NumPy and scikit-image compute from the files."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    run_evaluation(GrayBaseline())
    for row in read_table(tmp_path / "out")[::3]:
        photo = np.asarray(Image.open(root / row["image"]))
        truth = LabImages.from_rgb(torch.from_numpy(photo.copy()).permute(2, 0, 1)[None])
        gray = lab_to_rgb8(truth.lightness, torch.zeros_like(truth.ab))[0].permute(1, 2, 0).numpy()
        difference = deltaE_ciede2000(rgb2lab(photo), rgb2lab(gray))
        assert float(row["ciede2000"]) == pytest.approx(difference.mean(), abs=2e-3)
        assert float(row["ciede2000_p95"]) == pytest.approx(np.percentile(difference, 95), abs=5e-3)
        expected = colorfulness(gray) - colorfulness(photo)
        assert float(row["colorfulness_difference"]) == pytest.approx(expected, rel=1e-4)


def colorfulness(image):
    """Colorfulness by the formula of Hasler and Suesstrunk."""
    red, green, blue = image.astype(float).transpose(2, 0, 1)
    rg, yb = red - green, (red + green) / 2 - blue
    return np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())


@pytest.fixture
def with_colorless(root):
    """Add a gray photo and a sepia one that is barely tinted; returns their names."""
    gray = np.asarray(Image.open(root / "photo-0.png").convert("L"))
    Image.fromarray(gray).save(root / "gray.png")
    Image.fromarray(np.stack([gray, gray - gray // 64, gray - gray // 32], axis=2)).save(root / "tinted.png")
    return {"gray.png", "tinted.png"}


def test_colorless_photos_leave_the_means_unchanged(run_evaluation, tmp_path, with_colorless, root):
    photos = Folder(str(root)).photos("all")
    ids = {photos.name(index): photos.identify(index) for index in range(len(photos))}
    metrics = run_evaluation()
    rows = read_table(tmp_path / "out")
    assert {row["image"] for row in rows if row["colorless"] == "1"} == with_colorless
    assert {row["image"] for row in rows if row["colorless"] == "0"} == ids.keys() - with_colorless
    assert metrics["images"] == 5
    found = metrics["colorless"]
    assert found == {"min_chroma": 4.0, "images": 2, "ids": sorted(ids[name] for name in with_colorless)}
    for name in with_colorless:
        (root / name).unlink()
    assert run_evaluation(output=tmp_path / "colored")["by_hints"] == metrics["by_hints"]


def test_published_protocols_keep_colorless_photos_and_count_them(run_evaluation, tmp_path, with_colorless):
    kept = run_evaluation(output=tmp_path / "published", protocol=Cells2023([0, 2], 64))
    assert (kept["images"], kept["colorless"]["images"]) == (7, 2)
    rows = [row for row in read_table(tmp_path / "published") if row["k"] == "0"]
    assert kept["by_hints"]["0"]["psnr"] == pytest.approx(np.mean([float(row["psnr"]) for row in rows]))
    assert run_evaluation(output=tmp_path / "all", protocol=RandomPixels([0], 64, min_chroma=0))["images"] == 7


def test_error_if_all_photos_are_colorless(run_evaluation, with_colorless, root):
    for file in root.glob("photo-*"):
        file.unlink()
    with pytest.raises(ValueError, match=r"protocol.min_chroma=4: all 2 images .* Use protocol.min_chroma=0"):
        run_evaluation()


def test_psnr_without_hints_agrees_with_scikit_image(run_evaluation, tmp_path, root):
    """Without hints the baseline predicts a gray image."""
    from skimage.color import lab2rgb, rgb2lab

    run_evaluation(GrayBaseline())
    for row in read_table(tmp_path / "out")[::3]:
        photo = np.asarray(Image.open(root / row["image"]))
        lab = rgb2lab(photo)
        lab[..., 1:] = 0
        gray = np.rint(lab2rgb(lab) * 255).astype(np.uint8)
        assert float(row["psnr"]) == pytest.approx(peak_signal_noise_ratio(photo, gray), abs=0.02)


def test_scores_do_not_depend_on_the_batch_size(run_evaluation, tmp_path):
    run_evaluation(output=tmp_path / "one", batch_size=1)
    run_evaluation(output=tmp_path / "all", batch_size=9)
    assert read_table(tmp_path / "one") == read_table(tmp_path / "all")


def test_scores_do_not_depend_on_the_number_of_workers(run_evaluation, tmp_path):
    run_evaluation(output=tmp_path / "without")
    run_evaluation(output=tmp_path / "with", num_workers=2)
    assert read_table(tmp_path / "without") == read_table(tmp_path / "with")


def test_finished_evaluation_is_not_repeated(run_evaluation, tmp_path):
    first = run_evaluation()
    network = CountingNetwork()
    assert run_evaluation(network) == first
    assert network.calls == 0


def test_interrupted_evaluation_resumes(run_evaluation, tmp_path):
    expected = run_evaluation(output=tmp_path / "expected")
    interrupted = CountingNetwork(stop_after=7)  # 2 images with 3 counts are 6 calls; the next batch has begun
    with pytest.raises(KeyboardInterrupt):
        run_evaluation(interrupted)
    assert not (tmp_path / "out/metrics.json").exists()
    assert len(read_table(tmp_path / "out")) == 6
    network = CountingNetwork()
    assert run_evaluation(network) == expected
    assert network.calls == 9
    assert read_table(tmp_path / "out") == read_table(tmp_path / "expected")


@pytest.mark.parametrize("left", range(1, 40, 6))
def test_image_with_a_partial_row_is_evaluated_again(run_evaluation, tmp_path, left):
    expected = run_evaluation()
    (tmp_path / "out/metrics.json").unlink()
    file = tmp_path / "out/images.csv"
    text = file.read_bytes()
    file.write_bytes(text[: len(text) - len(text.splitlines()[-1]) - 1 + left])  # cut within the last line
    network = CountingNetwork()
    assert run_evaluation(network) == expected
    assert network.calls == 3, "only the image of the truncated row"
    assert len(read_table(tmp_path / "out")) == 15


@pytest.mark.parametrize(
    "damage",
    [
        "photo-0.png,xx,0,1,2\n",
        "photo-0.png,abc,0,2,1.0,1.0,1.0,1.0,1.0,1.0\n",
        "nonsense\n",
        "\n\n",
        "photo-0.png,abc,zero,0,1.0,1.0,1.0,1.0,1.0,1.0\n",
        "gone.png,abc,0,0,1.0,1.0,1.0,1.0,1.0,1.0\n",
        "\x00\x00\n",
    ],
)
def test_damaged_lines_are_skipped(run_evaluation, tmp_path, damage):
    expected = run_evaluation()
    file = tmp_path / "out/images.csv"
    file.write_text(file.read_text() + damage)
    network = CountingNetwork()
    assert run_evaluation(network) == expected
    assert network.calls == 0
    assert len(read_table(tmp_path / "out")) == 15


def test_changed_image_is_evaluated_again(run_evaluation, tmp_path, root, make_photos):
    before = run_evaluation()
    other = make_photos(tmp_path / "other", 1, seed=99) / "photo-0.png"
    (root / "photo-3.png").write_bytes(other.read_bytes())
    network = CountingNetwork()
    after = run_evaluation(network)
    assert network.calls == 3
    assert after != before
    assert after["images"] == 5
    assert len(read_table(tmp_path / "out")) == 15


def test_added_and_deleted_images(run_evaluation, tmp_path, root, make_photos):
    run_evaluation()
    (root / "photo-1.png").unlink()
    make_photos(tmp_path / "other", 1, seed=99)
    (tmp_path / "other/photo-0.png").rename(root / "new.png")
    network = CountingNetwork()
    metrics = run_evaluation(network)
    assert network.calls == 3
    assert metrics["images"] == 5
    assert {row["image"] for row in read_table(tmp_path / "out")} == {
        *(f"photo-{n}.png" for n in (0, 2, 3, 4)),
        "new.png",
    }


def test_names_with_commas_quotes_and_newlines(run_evaluation, tmp_path, root):
    for number, name in enumerate(['a, "b".png', "c\nd.png", "é ü.png"]):
        (root / f"photo-{number}.png").rename(root / name)
    run_evaluation()
    network = CountingNetwork()
    metrics = run_evaluation(network)
    assert network.calls == 0
    assert metrics["images"] == 5


def test_another_evaluation_is_not_overwritten(run_evaluation, tmp_path):
    run_evaluation()
    before = (tmp_path / "out/images.csv").read_text()
    with pytest.raises(ValueError, match=r"output=.*Use output="):
        run_evaluation(fingerprint=FINGERPRINT | {"split": "test"})
    assert (tmp_path / "out/images.csv").read_text() == before


def test_is_same_evaluation(run_evaluation, tmp_path):
    assert is_same_evaluation(tmp_path / "new", FINGERPRINT)
    run_evaluation()
    assert is_same_evaluation(tmp_path / "out", FINGERPRINT)
    assert not is_same_evaluation(tmp_path / "out", FINGERPRINT | {"model": "y"})
    (tmp_path / "out/evaluation.json").write_text("{")
    assert not is_same_evaluation(tmp_path / "out", FINGERPRINT)
    (tmp_path / "out/evaluation.json").unlink()
    assert not is_same_evaluation(tmp_path / "out", FINGERPRINT), "images.csv of an unknown evaluation"


def test_unreadable_images_are_listed_and_not_counted(run_evaluation, tmp_path, root):
    expected = run_evaluation(output=tmp_path / "expected")
    (root / "broken.png").write_text("not an image")
    metrics = run_evaluation()
    assert metrics == expected
    [line] = (tmp_path / "out/broken.txt").read_text().splitlines()
    assert line.startswith(f"{root / 'broken.png'}: ")


def test_repaired_image_is_added(run_evaluation, tmp_path, root):
    good = (root / "photo-0.png").read_bytes()
    (root / "photo-0.png").write_text("not an image")
    assert run_evaluation()["images"] == 4
    (root / "photo-0.png").write_bytes(good)
    network = CountingNetwork()
    assert run_evaluation(network)["images"] == 5
    assert network.calls == 3
    assert not (tmp_path / "out/broken.txt").exists(), "all images are readable again"


def test_error_if_no_image_is_readable(run_evaluation, root):
    for file in root.iterdir():
        file.write_text("not an image")
    with pytest.raises(ValueError, match="none of the 5 images can be read; the first error is: .*photo-0"):
        run_evaluation()


def test_progress_counts_every_image_once(run_evaluation, root):
    (root / "broken.png").write_text("not an image")
    progress = []
    run_evaluation(advance=progress.append)
    assert sum(progress) == 6
    progress.clear()
    run_evaluation(advance=progress.append)
    assert sum(progress) == 6
