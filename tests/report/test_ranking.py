"""`chromahint best` prints the best run as text, JSON or a path."""

import json
import re

import numpy as np
import pytest
from scipy import stats

from support.synthetic_runs import COUNTS, scores_of, write_evaluation, write_run


def test_text_names_the_best_run_its_lead_and_folder(command, group):
    shown = command("best", group)
    assert shown.status == 0
    assert re.search(r"^best:   better, \d\d\.\d\d dB \(mean over 1 to 100 hints, 20 images\)$", shown.out, re.M)
    assert re.search(r"^second: good, ", shown.out, re.M)
    assert re.search(r"^lead:   \d\.\d\d dB \[.*\], significant \(p < 0.001, paired permutation test", shown.out, re.M)
    assert shown.out.splitlines()[-1] == f"run:    {group / 'better'}"
    assert "excluded: elsewhere: evaluated on different images" in shown.err


def test_path_prints_only_the_folder(command, group):
    assert command("best", group, "--path").out == f"{group / 'better'}\n"


@pytest.mark.parametrize("hints", [None, *COUNTS])
def test_json_scores_match_the_images(command, tmp_path, hints):
    figures = {
        name: write_run(tmp_path / name, ahead, number=n) for n, (name, ahead) in enumerate([("a", 0), ("b", 1)])
    }
    rows = COUNTS[1:] if hints is None else [hints]
    scores = {name: psnr[[COUNTS.index(k) for k in rows]].mean(0) for name, psnr in figures.items()}
    found = json.loads(command("best", tmp_path, "--json", *([] if hints is None else ["--hints", hints])).out)
    assert found["run"] == str(tmp_path / "b")
    assert {each["name"]: each["psnr"] for each in found["ranking"]} == pytest.approx(
        {name: values.mean() for name, values in scores.items()}
    )
    difference = scores["b"] - scores["a"]
    assert found["lead"]["db"] == pytest.approx(difference.mean())
    assert found["lead"]["low"] < difference.mean() < found["lead"]["high"]
    assert found["lead"]["significant"] == bool(stats.ttest_rel(scores["b"], scores["a"]).pvalue < 0.05)


@pytest.mark.parametrize("metric", ["ssim", "ciede2000"])
def test_runs_are_ranked_by_another_metric(command, tmp_path, metric):
    figures = {
        name: write_run(tmp_path / name, ahead, number=n) for n, (name, ahead) in enumerate([("a", 0), ("b", 1)])
    }
    found = json.loads(command("best", tmp_path, "--json", "--metric", metric).out)
    means = {name: scores_of(psnr)[metric][1:].mean() for name, psnr in figures.items()}
    assert found["metric"] == metric
    assert {each["name"]: each[metric] for each in found["ranking"]} == pytest.approx(means)
    if metric == "ciede2000":
        assert found["run"] == str(tmp_path / "b"), "lower is better"
        assert found["lead"]["difference"] == pytest.approx(means["a"] - means["b"])
        assert 0 < found["lead"]["low"] < found["lead"]["difference"] < found["lead"]["high"]
        shown = command("best", tmp_path, "--metric", metric).out
        assert re.search(r"^best:   b, \d+\.\d\d \(\u0394E, mean over 1 to 100 hints, 20 images\)$", shown, re.M)


def test_missing_metric_is_an_error(command, tmp_path):
    write_run(tmp_path / "a", format=1)
    shown = command("best", tmp_path, "--metric", "ciede2000")
    assert shown.status == 2
    assert "--metric ciede2000: a was evaluated without it. Evaluate the run again." in shown.err


def test_insignificant_lead_is_reported_as_such(command, tmp_path):
    for name, psnr in {"a": [30.0, 20, 25, 25], "b": [20.0, 30, 25, 24]}.items():
        write_run(tmp_path / name, evaluated=False)
        write_evaluation(tmp_path / name / "evaluation/random_pixels", np.tile(psnr, (4, 1)))
    shown = command("best", tmp_path)
    assert "a, 25.00 dB" in shown.out
    assert "not significant (p = 1" in shown.out


def test_single_run_has_no_lead(command, tmp_path):
    write_run(tmp_path / "a")
    shown = command("best", tmp_path / "a")
    assert shown.status == 0
    assert "only one run was evaluated" in shown.out
    assert json.loads(command("best", tmp_path, "--json").out)["lead"] is None


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--hints", "7"], "--hints 7: the runs were not evaluated with it; choose one of 0, 1, 10, 100"),
        (["--evaluation", "x"], "evaluation/x"),
    ],
)
def test_missing_evaluation_is_an_error(command, group, words, part):
    shown = command("best", group, *words)
    assert shown.status == 2
    assert part in shown.err
    assert shown.out == ""
