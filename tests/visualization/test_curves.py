"""Plots show the measured values."""

import json

import pytest
from PIL import Image

from chromahint.visualization.curves import hint_curve, read_metrics_csv, training_curves, write_figure


def metrics(*psnr):
    by_hints = zip(("0", "10", "328"), psnr, strict=True)
    return {"by_hints": {count: {"psnr": value, "ssim": 0.5} for count, value in by_hints}}


def test_hint_curve_has_one_line_per_method():
    [axes] = hint_curve({"ours": metrics(20, 25, 30), "gray": metrics(18, 18, 18)}, "title").axes
    assert [line.get_label() for line in axes.lines] == ["ours", "gray"]
    assert [list(line.get_xdata()) for line in axes.lines] == [[0, 10, 328]] * 2
    assert [list(line.get_ydata()) for line in axes.lines] == [[20, 25, 30], [18, 18, 18]]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "10", "328"]


def test_training_curves_show_logged_values(smoke_run):
    curves = read_metrics_csv(smoke_run / "metrics.csv")
    loss, validation = training_curves(smoke_run / "metrics.csv").axes
    assert list(loss.lines[0].get_ydata()) == curves["train/loss"][1]
    assert [line.get_label() for line in validation.lines] == ["0 hints", "1 hints", "10 hints"]
    for line, count in zip(validation.lines, (0, 1, 10), strict=True):
        assert list(line.get_ydata()) == curves[f"val/psnr@{count}"][1]
    assert curves["train/loss"][0] == [1, 2], "steps are counted from 1"


@pytest.mark.parametrize("name", ["psnr_by_hints.png", "training.png"])
def test_training_writes_the_plots(smoke_run, name):
    with Image.open(smoke_run / "pictures" / name) as image:
        assert min(image.size) > 400
        assert len(image.convert("RGB").getcolors(2**24)) > 100, "the plot is empty"


def test_empty_metrics_can_be_plotted(tmp_path):
    (tmp_path / "metrics.csv").write_text("step,epoch,name,value\n")
    assert write_figure(training_curves(tmp_path / "metrics.csv"), tmp_path / "x.png").stat().st_size > 1000


def test_hint_curve_shows_the_evaluation_of_a_run(smoke_run):
    metrics_json = json.loads((smoke_run / "evaluation/random_pixels/metrics.json").read_text())
    [axes] = hint_curve({"hscaunet": metrics_json}, "").axes
    assert list(axes.lines[0].get_ydata()) == [row["psnr"] for row in metrics_json["by_hints"].values()]
