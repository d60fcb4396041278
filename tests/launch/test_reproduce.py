"""`chromahint reproduce` trains a finished run again, and compares the results."""

import json
import shutil

import pytest

from chromahint.launch.reproduce import EvaluationDifference, differences, verdict
from chromahint.runs.run import open_run


def test_identical_scores(smoke_run, process, tmp_path):
    result = process(tmp_path, "reproduce", smoke_run)
    assert result.status == 0, result.err
    assert "reproduced: all 6 scores are identical" in result.out
    [again] = (tmp_path / "runs/spreadnet-again").iterdir()
    assert (again / "metrics.csv").read_text() == (smoke_run / "metrics.csv").read_text()
    assert open_run(again).metadata["wandb_id"] != open_run(smoke_run).metadata["wandb_id"]


def test_different_scores(smoke_run, process, tmp_path):
    run = shutil.copytree(smoke_run, tmp_path / "old")
    file = run / "evaluation/random_pixels/metrics.json"
    found = json.loads(file.read_text())
    found["by_hints"]["10"]["psnr"] += 1
    file.write_text(json.dumps(found))
    result = process(tmp_path, "reproduce", run)
    assert result.status == 1, result.err
    assert "not reproduced: the largest difference is in psnr at 10 hints" in result.out


@pytest.mark.parametrize(
    ("psnr", "ssim", "message"),
    [(0, 0, "reproduced: all"), (0.009, 0, "closely"), (0, 0.00009, "closely"), (0.02, 0, "not"), (0, 0.001, "not")],
)
def test_tolerances(psnr, ssim, message):
    comparison = EvaluationDifference({("10", "psnr"): (20.0, 20.0 + psnr), ("10", "ssim"): (0.5, 0.5 + ssim)})
    assert message in verdict(comparison)


def test_changes_since_the_run_was_made(smoke_run, tmp_path):
    run = shutil.copytree(smoke_run, tmp_path / "old")
    metadata = json.loads((run / "run.json").read_text())
    metadata["versions"]["torch"] = "1.0"
    metadata["git"] = {"revision": "0" * 40, "dirty": True}
    (run / "run.json").write_text(json.dumps(metadata))
    config = open_run(run).config
    assert config["trainer"]["max_minutes"] is None
    messages = "\n".join(differences(open_run(run)))
    assert "torch was 1.0" in messages
    assert "the code was at 000000000000" in messages
    assert "uncommitted" in messages
    assert "time limit" not in messages


def test_unfinished_run(command, smoke_run, tmp_path):
    run = shutil.copytree(smoke_run, tmp_path / "old")
    open_run(run).update_metadata(state="interrupted")
    result = command("reproduce", run)
    assert result.status == 2
    assert "Pass a finished run" in result.err
