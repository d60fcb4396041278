"""Figures of a run show the numbers that were measured."""

import json

import pytest
from PIL import Image

from chromahint.visualization.curves import hint_curve, read_metrics_csv, training_curves, write_figure


def metrics(*psnr):
    by_hints = zip(("0", "10", "328"), psnr, strict=True)
    return {"by_hints": {count: {"psnr": value, "ssim": 0.5} for count, value in by_hints}}


def test_a_line_a_method_through_its_figures():
    [axes] = hint_curve({"ours": metrics(20, 25, 30), "gray": metrics(18, 18, 18)}, "title").axes
    assert [line.get_label() for line in axes.lines] == ["ours", "gray"]
    assert [list(line.get_xdata()) for line in axes.lines] == [[0, 10, 328]] * 2
    assert [list(line.get_ydata()) for line in axes.lines] == [[20, 25, 30], [18, 18, 18]]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "10", "328"]


def test_curves_hold_what_was_logged(smoke_run):
    lines = read_metrics_csv(smoke_run / "metrics.csv")
    loss, validation = training_curves(smoke_run / "metrics.csv").axes
    assert list(loss.lines[0].get_ydata()) == lines["train/loss"][1]
    assert [line.get_label() for line in validation.lines] == ["0 hints", "1 hints", "10 hints"]
    for line, count in zip(validation.lines, (0, 1, 10), strict=True):
        assert list(line.get_ydata()) == lines[f"val/psnr@{count}"][1]
    assert lines["train/loss"][0] == [1, 2], "steps are counted from 1"


@pytest.mark.parametrize("name", ["psnr_by_hints.png", "training.png"])
def test_a_run_leaves_them(smoke_run, name):
    with Image.open(smoke_run / "pictures" / name) as picture:
        assert min(picture.size) > 400
        assert len(picture.convert("RGB").getcolors(2**24)) > 100, "something is drawn"


def test_a_run_without_figures_can_be_drawn(tmp_path):
    (tmp_path / "metrics.csv").write_text("step,epoch,name,value\n")
    assert write_figure(training_curves(tmp_path / "metrics.csv"), tmp_path / "x.png").stat().st_size > 1000


def test_the_curve_of_a_run_is_of_its_evaluation(smoke_run):
    found = json.loads((smoke_run / "evaluation/random_pixels/metrics.json").read_text())
    [axes] = hint_curve({"hscaunet": found}, "").axes
    assert list(axes.lines[0].get_ydata()) == [row["psnr"] for row in found["by_hints"].values()]
