"""Sweeps for real: processes that train, are given up, are killed, and go on."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml
from optuna.trial import TrialState

from chromahint.runs.run import open_run
from chromahint.sweeps.study import is_stale, open_study, trials_by_slot
from chromahint.sweeps.sweep_config import load_sweep


@pytest.fixture
def begin(tmp_path, tiny):
    """`begin(*words, **content)` starts a worker on a sweep of its own, in a process."""
    workers = []

    def start(*words, **content):
        space = {"optimizer.lr": {"low": 1e-4, "high": 1e-2, "log": True}, "loss": ["mse", "huber"]}
        about = {"space": space, "sampler": "random", "pruner": "none", "trials": 2} | content
        (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(about, sort_keys=False))
        output = (tmp_path / f"worker-{len(workers)}.txt").open("w")
        command = [sys.executable, "-m", "chromahint", "sweep", "tiny.yaml", *tiny, *words]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "WANDB_SERVICE": ""}
        workers.append(
            subprocess.Popen(
                command,
                cwd=tmp_path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # what is started in the background of a script is deaf to Ctrl-C, and so would be its children
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        )
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        worker.wait()


def memory(folder):
    place = folder / "runs/sweep/tiny"
    return open_study(load_sweep(place), place)


def said(folder):
    return "\n".join(file.read_text() for file in sorted(folder.glob("worker-*.txt")))


def until(folder, what, seconds=300):
    """Wait until a path matches in the sweep's folder; gives it."""
    for _ in range(seconds * 10):
        if found := sorted((folder / "runs/sweep/tiny").glob(what)):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"no {what}: {said(folder)}")


def test_trials_train_and_the_best_trains_again(begin, tmp_path, command, read_metrics):
    space = {"loss": ["mse", "huber"], "start": {"one": ["seed=1"], "two": ["seed=2"]}}
    assert begin(space=space).wait(timeout=300) == 0, said(tmp_path)
    trials = trials_by_slot(memory(tmp_path))
    assert [trial.state for trial in trials.values()] == [TrialState.COMPLETE] * 2
    for trial in trials.values():
        run = open_run(tmp_path / "runs/sweep/tiny" / trial.user_attrs["run"])
        assert run.metadata["state"] == "finished"
        assert run.metadata["trial"] == {"start": trial.params["start"]}
        assert trial.value == max(read_metrics(run.path)["val/psnr"]) == max(trial.intermediate_values.values())
        assert "PSNR" in (run.path / "output.txt").read_text()
    made = command("train", "experiment=tiny_best")
    assert made.status == 0, made.err
    assert max(read_metrics(made.run)["val/psnr"]) == memory(tmp_path).best_value


@pytest.mark.parametrize("devices", [1, 2])
def test_a_trial_that_is_behind_is_given_up(begin, tmp_path, devices, read_metrics):
    words = ["trainer.max_steps=6", "trainer.val_check_interval=1", f"trainer.devices={devices}", "trainer=ddp_cpu"]
    space = {"optimizer.lr": [0.003, 1e-9]}
    worker = begin(*words, space=space, sampler="grid", pruner="halving", trials=None)
    assert worker.wait(timeout=300) == 0, said(tmp_path)
    good, bad = trials_by_slot(memory(tmp_path)).values()
    assert (good.state, bad.state) == (TrialState.COMPLETE, TrialState.PRUNED), said(tmp_path)
    run = open_run(tmp_path / "runs/sweep/tiny" / bad.user_attrs["run"])
    assert run.metadata["state"] == "pruned"
    assert len(read_metrics(run.path)["val/psnr"]) < 6
    assert not (run.path / "evaluation").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stopped_worker_leaves_its_trial_to_the_next(begin, tmp_path, number, read_metrics):
    words = ["trainer.max_steps=400", "trainer.val_check_interval=200", "callbacks.checkpoint.every_n_steps=5"]
    first = begin(*words, trials=1)
    run = until(tmp_path, "000-*/checkpoints/last.ckpt").parents[1]
    first.send_signal(number)
    first.wait(timeout=60)
    assert begin(*words, trials=1).wait(timeout=300) == 0, said(tmp_path)
    before, after = memory(tmp_path).trials
    assert is_stale(before)
    assert after.state == TrialState.COMPLETE
    assert after.params == before.params
    assert after.user_attrs["run"] == run.name
    assert len(open_run(run).metadata["resumed"]) == 1  # from where it was, in the same folder
    assert len(read_metrics(run)["val/psnr"]) == len(after.intermediate_values) == 2


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["null", "sqlite:///sweep.db"])
def test_twelve_trials_two_workers_one_of_them_killed(begin, tmp_path, storage, command):
    words = [f"storage={storage}", "heartbeat=2", "trainer.max_steps=4", "trainer.val_check_interval=1"]
    content = {"trials": 12, "pruner": "median", "sampler": "tpe"}
    victim, survivor = begin(*words, **content), begin(*words, **content)
    until(tmp_path, "004-*/metrics.csv")
    victim.kill()
    heir = begin(*words, **content)
    assert survivor.wait(timeout=1200) == 0, said(tmp_path)
    assert heir.wait(timeout=1200) == 0, said(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        trials = trials_by_slot(memory(tmp_path))
    assert list(trials) == list(range(12))
    assert {trial.state for trial in trials.values()} <= {TrialState.COMPLETE, TrialState.PRUNED}
    runs = [open_run(file.parent) for file in (tmp_path / "runs/sweep/tiny").glob("*/run.json")]
    assert len(runs) == 12
    assert {run.metadata["state"] for run in runs} <= {"finished", "pruned"}
    shutil.rmtree(tmp_path / "runs")
    assert command("train", "experiment=tiny_best").status == 0
