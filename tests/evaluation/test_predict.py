"""`chromahint evaluate data=hint_mask_pairs` colors images without ground truth."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from chromahint.color import lab_to_rgb8
from chromahint.data.sources.hint_mask_pairs import Pairs
from chromahint.hints.hints import Hints
from chromahint.models.pullpush import PullPush


@pytest.fixture
def root(tmp_path):
    """Five pairs of 20x20 pixels, and one of 30x14."""
    for number in range(6):
        rng = np.random.default_rng(number)
        size = (14, 30) if number == 5 else (20, 20)
        photo, mask = rng.integers(0, 256, (*size, 3)), rng.random(size) < 0.1
        hint = np.where(mask[..., None], photo, photo.mean(2, keepdims=True)).astype(np.uint8)
        for kind, image in (("hint", hint), ("mask", mask.astype(np.uint8) * 255)):
            (tmp_path / "pairs" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(tmp_path / "pairs" / kind / f"p{number}.png")
    return tmp_path / "pairs"


@pytest.fixture
def evaluate(command, root):
    def run(*words, status=0):
        pairs = ["data=hint_mask_pairs", f"data.root={root}", "data.num_workers=0", "protocol.size=20", "device=cpu"]
        outcome = command("evaluate", *pairs, "protocol.hint_counts=[0,10]", *words)
        assert outcome.status == status, outcome.err
        return outcome

    return run


@pytest.fixture
def calls(monkeypatch):
    """Shapes of the batches that the network receives."""
    shapes, original_forward = [], PullPush.forward

    def forward(self, lightness, hints):
        shapes.append(tuple(lightness.shape))
        return original_forward(self, lightness, hints)

    monkeypatch.setattr(PullPush, "forward", forward)
    return shapes


def expected(root, size):
    """Yield the prediction of pull-push for each pair, one by one."""
    for pair in Pairs(str(root), size):
        lightness, hints = pair.lightness[None], Hints(pair.hints.ab[None], pair.hints.mask[None])
        with torch.inference_mode():
            yield lab_to_rgb8(lightness, PullPush()(lightness, hints))[0].permute(1, 2, 0).numpy()


def read_images(folder):
    return [np.array(Image.open(path)) for path in sorted(folder.glob("image_*.png"))]


@pytest.mark.parametrize(("option", "size"), [(20, 20), ("null", None)])
def test_predictions_are_written(evaluate, root, tmp_path, calls, option, size):
    evaluate("model=pullpush", "output=out", "batch_size=4", f"data.eval_size={option}")
    names = [f"image_{number:06d}.png" for number in range(6)]
    files = [".lock", "evaluation.json", *names, "images.csv"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == files
    for image, expected_image in zip(read_images(tmp_path / "out"), expected(root, size), strict=True):
        assert image.shape == expected_image.shape
        # the order of summation may differ between a batch and a single image
        assert np.abs(image.astype(int) - expected_image).max() <= 1
    assert read_images(tmp_path / "out")[5].shape == ((20, 20, 3) if size else (14, 30, 3))
    assert [shape[0] for shape in calls[: 2 if size else 6]] == ([4, 2] if size else [1] * 6)
    rows = list(csv.reader((tmp_path / "out/images.csv").open()))
    assert rows[0] == ["image", "name", "id"]
    assert [row[:2] for row in rows[1:]] == [[name, f"p{number}"] for number, name in enumerate(names)]


def test_only_missing_or_changed_pairs_are_colored_again(evaluate, root, tmp_path, calls):
    out = tmp_path / "out"
    evaluate("model=pullpush", "output=out")
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    calls.clear()
    evaluate("model=pullpush", "output=out")
    assert calls == []
    (out / "image_000001.png").unlink()  # one image is missing, and one is not listed yet
    text = (out / "images.csv").read_text()
    (out / "images.csv").write_text(text[: text.index("p5") + 10])
    evaluate("model=pullpush", "output=out")
    assert [shape[0] for shape in calls] == [2]
    assert {path.name: path.read_bytes() for path in out.glob("*.png")} == {
        name: data for name, data in first.items() if name.endswith("png")
    }
    assert sorted((out / "images.csv").read_text().split()) == sorted(text.split())
    # changed files are colored again
    calls.clear()
    (root / "hint/p0.png").write_bytes((root / "hint/p3.png").read_bytes())
    evaluate("model=pullpush", "output=out")
    assert [shape[0] for shape in calls] == [1]
    assert (out / "image_000000.png").read_bytes() != first["image_000000.png"]
    # images of deleted pairs are deleted
    for kind in ("hint", "mask"):
        (root / kind / "p5.png").unlink()
    evaluate("model=pullpush", "output=out")
    assert len(read_images(out)) == 5


def test_interrupted_prediction_resumes(evaluate, tmp_path, monkeypatch, calls):
    original_forward = PullPush.forward

    def interrupted_forward(self, lightness, hints):
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original_forward(self, lightness, hints)

    with monkeypatch.context() as patch:
        patch.setattr(PullPush, "forward", interrupted_forward)
        evaluate("model=pullpush", "output=out", "batch_size=2", status=130)
    assert len(read_images(tmp_path / "out")) == 4
    calls.clear()
    evaluate("model=pullpush", "output=out", "batch_size=2")
    assert [shape[0] for shape in calls] == [2]
    assert len(read_images(tmp_path / "out")) == 6


def test_unreadable_pairs_are_listed_and_keep_their_number(evaluate, root, tmp_path):
    (root / "mask/p2.png").write_text("not an image")
    outcome = evaluate("model=pullpush", "output=out")
    assert "some pairs could not be read: out/broken.txt" in outcome.out
    assert "mask/p2.png: not an image in a supported format" in (tmp_path / "out/broken.txt").read_text()
    assert sorted(path.name[10:12] for path in (tmp_path / "out").glob("*.png")) == ["00", "01", "03", "04", "05"]
    for path in (root / "mask").iterdir():
        path.write_text("not an image")
    assert "none of the 6 pairs can be read" in evaluate("model=pullpush", "output=other", status=2).err


def test_network_of_a_run_writes_to_a_separate_folder(evaluate, smoke_run, tmp_path):
    import shutil

    run = shutil.copytree(smoke_run, tmp_path / "run")
    before = (run / "evaluation/random_pixels/metrics.json").read_bytes()
    outcome = evaluate(f"run={run}")
    assert len(read_images(run / "evaluation/hint_mask_pairs")) == 6
    assert "evaluation/hint_mask_pairs" in outcome.out
    assert (run / "evaluation/random_pixels/metrics.json").read_bytes() == before


def test_other_images_are_never_overwritten(evaluate, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/image_000000.png").write_text("precious")
    assert "Use output=" in evaluate("model=pullpush", "output=mine", status=2).err
    assert (tmp_path / "mine/image_000000.png").read_text() == "precious"
    evaluate("model=pullpush")
    evaluate("model=gray", "output=evaluation/pullpush/hint_mask_pairs", status=2)
    evaluate("model=pullpush", "data.eval_size=null")
    folders = sorted(path.name for path in (tmp_path / "evaluation/pullpush").iterdir())
    assert folders == ["hint_mask_pairs", "hint_mask_pairs-2"]


def test_user_errors(evaluate, root, tmp_path):
    assert "have no splits" in evaluate("model=pullpush", "split=val", status=2).err
    (root / "mask/p0.png").unlink()
    assert "hint/p0 has no partner in mask/" in evaluate("model=pullpush", status=2).err
    (tmp_path / "file").write_text("")
    (root / "hint/p0.png").unlink()
    assert "can't be written" in evaluate("model=pullpush", "output=file/below", status=2).err
