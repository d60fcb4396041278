"""`chromahint sweep` in real processes: trials that finish, are pruned, or are killed and resumed."""

import os
import shutil
import signal
import subprocess
import time

import pytest
import yaml
from optuna.trial import TrialState

from chromahint.runs.run import open_run
from chromahint.sweeps.study import create_sampler, is_stale, open_study, suggest_values, trials_by_slot
from chromahint.sweeps.sweep_config import load_sweep, read_sweep


@pytest.fixture
def start_worker(tmp_path, tiny, python):
    """`start_worker(*words, **content)` starts a worker of the sweep `tiny` in its own process."""
    workers = []

    def start(*words, **content):
        space = {"optimizer.lr": {"low": 1e-4, "high": 1e-2, "log": True}, "loss": ["mse", "huber"]}
        settings = {"space": space, "sampler": "random", "pruner": "none", "trials": 2} | content
        (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
        output = (tmp_path / f"worker-{len(workers)}.txt").open("w")
        command = [python, "-m", "chromahint", "sweep", "tiny.yaml", *tiny, *words]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "WANDB_SERVICE": ""}
        workers.append(
            subprocess.Popen(
                command,
                cwd=tmp_path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # processes in the background of a script ignore Ctrl-C, and their children would, too
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        )
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        worker.wait()


def study_of(folder):
    sweep = folder / "runs/sweep/tiny"
    return open_study(load_sweep(sweep), sweep)


def output(folder):
    return "\n".join(file.read_text() for file in sorted(folder.glob("worker-*.txt")))


def wait_for(folder, pattern, seconds=300):
    """Wait until a path in the folder of the sweep matches, and return it."""
    for _ in range(seconds * 10):
        if found := sorted((folder / "runs/sweep/tiny").glob(pattern)):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"no {pattern}: {output(folder)}")


def test_trials_are_trained_and_the_best_can_be_trained_again(start_worker, tmp_path, command, read_metrics):
    space = {"loss": ["mse", "huber"], "start": {"one": ["seed=1"], "two": ["seed=2"]}}
    assert start_worker(space=space, pruner="median").wait(timeout=300) == 0, output(tmp_path)
    trials = trials_by_slot(study_of(tmp_path))
    assert [trial.state for trial in trials.values()] == [TrialState.COMPLETE] * 2
    for trial in trials.values():
        run = open_run(tmp_path / "runs/sweep/tiny" / trial.user_attrs["run"])
        assert run.metadata["state"] == "finished"
        assert run.metadata["trial"] == {"start": trial.params["start"]}
        assert trial.value == max(read_metrics(run.path)["val/psnr"]) == max(trial.intermediate_values.values())
        assert "PSNR" in (run.path / "output.txt").read_text()
    result = command("train", "experiment=tiny_best")
    assert result.status == 0, result.err
    assert max(read_metrics(result.run)["val/psnr"]) == study_of(tmp_path).best_value


def write_finished_trial(sweep, folder, scores):
    """Fill the first slot of a sweep with a finished trial."""
    study = open_study(sweep, folder)
    study.enqueue_trial({}, user_attrs={"slot": 0, "run": "000"})
    study.sampler = create_sampler(sweep, slot=0, seed=0)
    trial = study.ask()
    suggest_values(trial, sweep.space)
    for step, score in enumerate(scores, start=1):
        trial.report(score, step)
        assert not trial.should_prune()
    study.tell(trial, max(scores))


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_trial_that_falls_behind_is_pruned(start_worker, tmp_path, devices, read_metrics):
    words = ["trainer.max_steps=6", "trainer.val_check_interval=1", f"trainer.devices={devices}", "trainer=ddp_cpu"]
    settings = {"space": {"optimizer.lr": [0.003, 1e-9]}, "sampler": "grid", "pruner": "halving", "trials": None}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(settings))
    write_finished_trial(read_sweep(str(tmp_path / "tiny.yaml"), []), tmp_path / "runs/sweep/tiny", scores=[90.0] * 6)
    assert start_worker(*words, **settings).wait(timeout=300) == 0, output(tmp_path)
    good, bad = trials_by_slot(study_of(tmp_path)).values()
    assert (good.state, bad.state) == (TrialState.COMPLETE, TrialState.PRUNED), output(tmp_path)
    run = open_run(tmp_path / "runs/sweep/tiny" / bad.user_attrs["run"])
    assert run.metadata["state"] == "pruned"
    assert len(read_metrics(run.path)["val/psnr"]) < 6
    assert not (run.path / "evaluation").exists()


PAUSE = '''
import time
from pathlib import Path

from lightning.pytorch import Callback

from chromahint.training.callbacks.preemption import PreemptionHandler


class PauseUntilStopped(Callback):
    """Pauses training after the first step until a signal arrives."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        [handler] = [callback for callback in trainer.callbacks if isinstance(callback, PreemptionHandler)]
        if trainer.global_step == 1 and Path("paused").exists():
            while not handler.received_signal:
                time.sleep(0.01)
'''


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_trial_of_a_stopped_worker_is_resumed_by_the_next(start_worker, tmp_path, number, read_metrics):
    (tmp_path / "pause.py").write_text(PAUSE)
    (tmp_path / "paused").touch()
    words = [
        "trainer.max_steps=4",
        "trainer.val_check_interval=2",
        "callbacks.checkpoint.every_n_steps=1",
        "+callbacks.pause._target_=pause.PauseUntilStopped",
    ]
    first = start_worker(*words, trials=1)
    run = wait_for(tmp_path, "000-*/checkpoints/last.ckpt").parents[1]
    first.send_signal(number)
    first.wait(timeout=60)
    (tmp_path / "paused").unlink()
    assert start_worker(*words, trials=1).wait(timeout=300) == 0, output(tmp_path)
    before, after = study_of(tmp_path).trials
    assert is_stale(before)
    assert after.state == TrialState.COMPLETE
    assert after.params == before.params
    assert after.user_attrs["run"] == run.name
    assert len(open_run(run).metadata["resumed"]) == 1  # from its last checkpoint, in the same folder
    assert len(read_metrics(run)["val/psnr"]) == len(after.intermediate_values) == 2


@pytest.mark.nightly
@pytest.mark.parametrize("storage", ["null", "sqlite:///sweep.db"])
def test_two_workers_of_which_one_is_killed(start_worker, tmp_path, storage, command):
    words = [f"storage={storage}", "heartbeat=2", "trainer.max_steps=4", "trainer.val_check_interval=1"]
    content = {"trials": 12, "pruner": "median", "sampler": "tpe"}
    killed, survivor = start_worker(*words, **content), start_worker(*words, **content)
    wait_for(tmp_path, "004-*/metrics.csv")
    killed.kill()
    successor = start_worker(*words, **content)
    assert survivor.wait(timeout=1200) == 0, output(tmp_path)
    assert successor.wait(timeout=1200) == 0, output(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        trials = trials_by_slot(study_of(tmp_path))
    assert list(trials) == list(range(12))
    assert {trial.state for trial in trials.values()} <= {TrialState.COMPLETE, TrialState.PRUNED}
    runs = [open_run(file.parent) for file in (tmp_path / "runs/sweep/tiny").glob("*/run.json")]
    assert len(runs) == 12
    assert {run.metadata["state"] for run in runs} <= {"finished", "pruned"}
    shutil.rmtree(tmp_path / "runs")
    assert command("train", "experiment=tiny_best").status == 0
