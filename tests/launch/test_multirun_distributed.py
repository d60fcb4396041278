"""Several runs of two processes each: one process that dies ends its own run, with its reason, and nothing else."""

import json
from pathlib import Path

import psutil
import pytest

MISHAP = """
import os, signal
from lightning.pytorch import Callback


class Mishap(Callback):
    def __init__(self, how: str) -> None:
        self.how = how

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_rank == 1 and trainer.global_step == 1:
            if self.how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == "raised":
                raise RuntimeError("the dog ate it")
"""
REASONS = {
    "killed": "a process of the run was ended from outside by SIGKILL, mostly for want of memory",
    "raised": "RuntimeError: the dog ate it",
}


@pytest.mark.parametrize(
    ("at_once", "how"),
    [
        (1, "killed"),
        (2, "raised"),
        pytest.param(1, "raised", marks=pytest.mark.slow),
        pytest.param(2, "killed", marks=pytest.mark.slow),
    ],
)
def test_of_the_run_in_the_middle_the_second_process_dies(tmp_path, process, make_photos, at_once, how):
    make_photos(tmp_path / "photos")
    (tmp_path / "mishap.py").write_text(MISHAP)
    done = process(
        tmp_path, "train", "-m", f"+callbacks.mishap.how=well,{how},too", f"n_jobs={at_once}",
        "+callbacks.mishap._target_=mishap.Mishap", "trainer=ddp_cpu", "debug=smoke", "data=folder",
        "data.root=photos", "data.shorter_side=64", "logger=none", "model.width=4", "protocol.hint_counts=[0,1]",
        "callbacks.image_logger=null",
    )  # fmt: skip
    assert done.status == 1, done.err

    # the others come to their end; the reason is that of the process that died
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["multirun"]
    [parent] = (tmp_path / "runs/multirun").iterdir()
    abouts = {run.name: json.loads((run / "run.json").read_text()) for run in sorted(parent.iterdir())}
    names = [f"{number}-+callbacks.mishap.how-{name}" for number, name in enumerate(["well", how, "too"])]
    assert list(abouts) == names
    assert [about["state"] for about in abouts.values()] == ["finished", "failed", "finished"]
    assert [about["processes"] for about in abouts.values()] == [2, 2, 2]
    assert abouts[names[1]]["error"] == REASONS[how]

    # and is said, below a table that shows the same
    table = done.out[done.out.rindex("PSNR in dB of the test photos") :]
    rows = [row.split()[:2] for row in table.splitlines() if row.strip().startswith("+callbacks")]
    assert [state for _, state in rows] == ["finished", "failed", "finished"]
    assert f"failed: {parent.relative_to(tmp_path) / names[1]}: {REASONS[how]}" in table.splitlines()

    # no process is left
    left = []
    for each in psutil.process_iter():
        try:
            if Path(each.cwd()) == tmp_path and each.status() != psutil.STATUS_ZOMBIE:
                left.append(each.cmdline())
        except psutil.Error:
            continue
    assert left == []
