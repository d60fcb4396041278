"""Processes that a killed process leaves behind end by themselves, after saving."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
    pytest.mark.slow,
]

LONG = [
    "trainer.max_steps=100000",
    "trainer.log_every_n_steps=1",
    "trainer.val_check_interval=null",
    "callbacks.checkpoint.every_n_steps=1000000",
]


def processes_in(folder):
    """Processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended, or belongs to someone else
            if (process / "cwd").readlink() == folder:
                found.append(process)
    return found


def wait_until(condition, folder, seconds=240):
    """Wait; if it takes too long, fail with the output of the processes in a folder, and what each was doing."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            for process in processes_in(folder):
                os.kill(int(process.name), signal.SIGABRT)
            time.sleep(1)
            pytest.fail((folder / "output.txt").read_text())
        time.sleep(0.1)


def start(folder, *words, **environment):
    folder.mkdir(exist_ok=True)
    with (folder / "output.txt").open("w") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "chromahint", *words],
            cwd=folder,
            env={**os.environ, "PYTHONFAULTHANDLER": "1", **environment},
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip


def kill_and_wait(process, folder):
    process.kill()
    process.wait()
    wait_until(lambda: not processes_in(folder), folder)


def states(folder):
    return [json.loads(file.read_text())["state"] for file in folder.rglob("run.json")]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["train", "-m", "seed=0,1"], id="multirun", marks=pytest.mark.nightly),
        pytest.param(["train", "-m", "seed=0,1", "--n-jobs", "2"], id="parallel multirun", marks=pytest.mark.nightly),
        pytest.param(["sweep", "hscaunet", "trials=1", "name=killed"], id="sweep"),
        pytest.param(["train", "trainer=ddp_cpu", "trainer.devices=2", "data.batch_size=2"], id="two processes"),
    ],
)
def test_training_ends_with_the_process_that_started_it(tmp_path, tiny, words):
    folder = tmp_path / "here"
    searched = [f"model={word}" for word in words if word == "hscaunet"]
    process = start(folder, *words, *(word for word in tiny if word not in words), *searched, *LONG)
    expected = 2 if "--n-jobs" in words else 1
    wait_until(lambda: states(folder).count("running") == expected, folder)
    # a step has been logged
    wait_until(lambda: sum(file.stat().st_size > 0 for file in folder.rglob("metrics.csv")) == expected, folder)
    kill_and_wait(process, folder)
    assert states(folder).count("interrupted") == expected, (folder / "output.txt").read_text()
    assert len(list(folder.rglob("last.ckpt"))) == expected


def test_training_ends_if_the_process_that_started_it_is_gone_already(smoke_run, tmp_path):
    run = shutil.copytree(smoke_run, tmp_path / "run")
    (run / "checkpoints/last.ckpt").unlink()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    late = subprocess.run(
        [sys.executable, "-m", "chromahint.training.train", str(run)],
        env={**os.environ, "CHROMAHINT_PARENT_PID": str(gone.pid)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert late.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM), late.stderr


def test_processes_that_draw_scenes_end(tmp_path):
    folder = tmp_path / "here"
    words = ["train", "data.num_train=100000", "logger=none"]
    # the parent of the command, not of the processes that draw
    process = start(folder, *words, CHROMAHINT_CACHE=str(tmp_path / "cache"), CHROMAHINT_PARENT_PID=str(os.getpid()))
    wait_until(lambda: list((tmp_path / "cache").rglob("*.npy")), folder)
    assert len(processes_in(folder)) > 1
    kill_and_wait(process, folder)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.name.startswith(".")]
