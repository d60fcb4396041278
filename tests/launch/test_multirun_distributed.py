"""Several runs of two processes each: if one process dies, only its run fails, and the reason is recorded."""

import json
from pathlib import Path

import psutil
import pytest

FAILURE = """
import os, signal
from lightning.pytorch import Callback


class Failure(Callback):
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
    "killed": "a process of the run was killed by SIGKILL, usually because it ran out of memory",
    "raised": "RuntimeError: the dog ate it",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_jobs", "how"),
    [
        (1, "killed"),
        (2, "raised"),
        pytest.param(1, "raised", marks=pytest.mark.nightly),
        pytest.param(2, "killed", marks=pytest.mark.nightly),
    ],
)
def test_second_process_of_the_second_run_dies(tmp_path, process, make_photos, n_jobs, how):
    make_photos(tmp_path / "photos")
    (tmp_path / "failure.py").write_text(FAILURE)
    result = process(
        tmp_path, "train", "-m", f"+callbacks.failure.how=not,{how},neither", "--n-jobs", n_jobs,
        "+callbacks.failure._target_=failure.Failure", "trainer=ddp_cpu", "debug=smoke", "data=folder",
        "data.root=photos", "data.shorter_side=64", "logger=none", "model.width=4", "protocol.hint_counts=[0,1]",
        "model=unet", "callbacks.image_logger=null",
    )  # fmt: skip
    assert result.status == 1, result.err

    # the other runs finish, and the recorded reason is that of the process that died
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["multirun"]
    [parent] = (tmp_path / "runs/multirun").iterdir()
    metadata = {run.name: json.loads((run / "run.json").read_text()) for run in sorted(parent.iterdir())}
    names = [f"{number}-+callbacks.failure.how-{name}" for number, name in enumerate(["not", how, "neither"])]
    assert list(metadata) == names
    assert [each["state"] for each in metadata.values()] == ["finished", "failed", "finished"]
    assert [each["processes"] for each in metadata.values()] == [2, 2, 2]
    assert metadata[names[1]]["error"] == REASONS[how]

    # it is printed below a table that shows the states
    table = result.out[result.out.rindex("PSNR in dB of the test images") :]
    rows = [row.split()[:2] for row in table.splitlines() if row.strip().startswith("+callbacks")]
    assert [state for _, state in rows] == ["finished", "failed", "finished"]
    assert f"failed: {parent.relative_to(tmp_path) / names[1]}: {REASONS[how]}" in table.splitlines()

    # no process is left
    remaining = []
    for each in psutil.process_iter():
        try:
            if Path(each.cwd()) == tmp_path and each.status() != psutil.STATUS_ZOMBIE:
                remaining.append(each.cmdline())
        except psutil.Error:
            continue
    assert remaining == []
