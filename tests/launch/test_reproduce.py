"""A finished run is trained again, and its figures are held against the old ones."""

import json
import shutil

import pytest

from chromahint.launch.reproduce import Comparison, differences, verdict
from chromahint.runs.run import open_run


def test_the_same_run_again_has_the_same_figures(smoke_run, process, tmp_path):
    made = process(tmp_path, "reproduce", smoke_run)
    assert made.status == 0, made.err
    assert "reproduced: all 6 figures are identical" in made.out
    [again] = (tmp_path / "runs/spreadnet-again").iterdir()
    assert (again / "metrics.csv").read_text() == (smoke_run / "metrics.csv").read_text()
    assert open_run(again).metadata["wandb_id"] != open_run(smoke_run).metadata["wandb_id"]


def test_other_figures_are_not_reproduced(smoke_run, process, tmp_path):
    run = shutil.copytree(smoke_run, tmp_path / "old")
    file = run / "evaluation/random_pixels/metrics.json"
    found = json.loads(file.read_text())
    found["by_hints"]["10"]["psnr"] += 1
    file.write_text(json.dumps(found))
    made = process(tmp_path, "reproduce", run)
    assert made.status == 1, made.err
    assert "not reproduced: the largest difference is in psnr at 10 hints" in made.out


@pytest.mark.parametrize(
    ("psnr", "ssim", "said"),
    [(0, 0, "reproduced: all"), (0.009, 0, "closely"), (0, 0.00009, "closely"), (0.02, 0, "not"), (0, 0.001, "not")],
)
def test_close_is_what_cannot_be_told(psnr, ssim, said):
    found = Comparison({("10", "psnr"): (20.0, 20.0 + psnr), ("10", "ssim"): (0.5, 0.5 + ssim)})
    assert said in verdict(found)


def test_what_has_changed_since_is_named(smoke_run, tmp_path):
    run = shutil.copytree(smoke_run, tmp_path / "old")
    about = json.loads((run / "run.json").read_text())
    about["versions"]["torch"] = "1.0"
    about["git"] = {"revision": "0" * 40, "dirty": True}
    (run / "run.json").write_text(json.dumps(about))
    config = open_run(run).config
    assert config["trainer"]["max_minutes"] is None
    said = "\n".join(differences(open_run(run)))
    assert "torch was 1.0" in said
    assert "the code was at 000000000000" in said
    assert "not committed" in said
    assert "clock" not in said


def test_only_finished_runs(command, smoke_run, tmp_path):
    run = shutil.copytree(smoke_run, tmp_path / "old")
    open_run(run).update_metadata(state="interrupted")
    ended = command("reproduce", run)
    assert ended.status == 2
    assert "only a finished run" in ended.err
