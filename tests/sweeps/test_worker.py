"""A worker runs trials: scores, failures, the best trial, status and plot."""

import contextlib
import csv
import json
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import yaml
from optuna.trial import TrialState

from chromahint.config.compose import compose
from chromahint.runs.files import read_json
from chromahint.runs.run import Run, open_run
from chromahint.sweeps import worker
from chromahint.sweeps.study import SLOT_ATTR, is_stale, open_study, trials_by_slot
from chromahint.sweeps.sweep_config import load_sweep


@pytest.fixture
def sweep(tmp_path, command, tiny):
    """`sweep(*overrides, **content)` writes a sweep file and runs the command on it."""

    def run(*overrides, **content):
        overrides = [word for word in tiny if not word.startswith("model")] + list(overrides)
        space = {"model": ["unet", "resunet"], "optimizer.lr": {"low": 1e-4, "high": 1e-2, "log": True}}
        content = {"space": space, "sampler": "random", "trials": 3} | content
        (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        return command("sweep", "tiny.yaml", *overrides)

    return run


@pytest.fixture
def fake_training(monkeypatch):
    """`fake_training(result_of)` replaces training; result_of(run) returns a state and every value of the objective."""
    started_runs = []

    def install(result_of, objective="val/psnr"):
        @contextlib.contextmanager
        def fake_launched(run, processes):
            started_runs.append(Run(run.path.absolute()))
            state, scores = result_of(run)
            with (run.path / "metrics.csv").open("w", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(["step", "epoch", "name", "value"])
                rows.writerows([[n, 0, objective, score] for n, score in enumerate(scores)])
            run.update_metadata(state=state, **({"error": "too large"} if state == "failed" else {}))
            yield SimpleNamespace(wait=lambda: None)

        monkeypatch.setattr(worker, "launched", fake_launched)
        return started_runs

    return install


def trials(folder):
    place = folder / "runs/sweep/tiny"
    return trials_by_slot(open_study(load_sweep(place), place))


def lr_of(run):
    return run.config["optimizer"]["lr"]


def test_trial_that_met_a_full_disk_ends_the_worker_and_is_resumed(sweep, fake_training, tmp_path):
    def result_of(run):
        is_full = len(started_runs) == 2
        run.update_metadata(write_error=is_full)
        return "failed" if is_full else "finished", [25.0]

    started_runs = fake_training(result_of)
    stopped = sweep()
    assert stopped.status == 2
    assert "trial 1: too large To go on with the sweep, repeat its command." in stopped.err
    assert len(started_runs) == 2, "the third trial would have met it, too"
    again = sweep()
    assert again.status == 0, again.err
    assert len(started_runs) == 4
    assert started_runs[2].path == started_runs[1].path
    assert [trial.state.name for trial in trials(tmp_path).values()] == ["COMPLETE"] * 3


def test_trials_are_runs_and_the_best_becomes_an_experiment(sweep, fake_training, tmp_path, command):
    started_runs = fake_training(lambda run: ("finished", [20.0, 25 + 100 * lr_of(run), 24.0]))
    ended = sweep()
    assert ended.status == 0, ended.err
    assert [run.path.name[:3] for run in started_runs] == ["000", "001", "002"]
    for run, trial in zip(started_runs, trials(tmp_path).values(), strict=True):
        assert open_run(run.path).metadata["group"] == "sweep/tiny"
        assert trial.state == TrialState.COMPLETE
        assert trial.value == 25 + 100 * lr_of(run)  # the best validation score
        assert trial.intermediate_values[3] == 24
        assert trial.params["optimizer.lr"] == lr_of(run)
    best = max(started_runs, key=lr_of)
    assert f"best {25 + 100 * lr_of(best):.2f} dB" in ended.out
    assert "chromahint train experiment=tiny_best" in ended.out
    text = (tmp_path / "experiments/tiny_best/README.md").read_text()
    assert best.path.name in text
    assert "experiment=tiny_best" in text
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        again = compose("train", ["experiment=tiny_best"]).config
    without = {key: value for key, value in best.config["callbacks"].items() if key != "trial"}
    assert again == best.config | {"callbacks": without}


def test_best_trial_of_an_experiment_becomes_an_experiment(sweep, fake_training, tmp_path):
    started_runs = fake_training(lambda run: ("finished", [20.0]))
    overrides = ["experiment=hscaunet_2022", "++model.zero_init_head=true", "data.batch_size=4", "loss=mse"]
    ended = sweep(*overrides, trials=1, space={"optimizer.betas": [[0.5, 0.9]], "lr_schedule": ["cosine"]})
    assert ended.status == 0, ended.err
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        again = compose("train", ["experiment=tiny_best"]).config
    assert again["model"]["width"] == 64
    without = {key: value for key, value in started_runs[0].config["callbacks"].items() if key != "trial"}
    assert again == started_runs[0].config | {"callbacks": without}


def test_lowest_color_difference_wins(sweep, fake_training, tmp_path, command):
    started_runs = fake_training(lambda run: ("finished", [9.0, 5 + 100 * lr_of(run), 7.0]), "val/ciede2000")
    ended = sweep(objective="val/ciede2000")
    assert ended.status == 0, ended.err
    best = min(started_runs, key=lr_of)
    assert f"best {5 + 100 * lr_of(best):.2f} (trial " in ended.out
    for run, trial in zip(started_runs, trials(tmp_path).values(), strict=True):
        assert trial.value == min(5 + 100 * lr_of(run), 7)
        assert json.loads((run.path / "trial.json").read_text())["objective"] == "val/ciede2000"
    text = (tmp_path / "experiments/tiny_best/README.md").read_text()
    assert best.path.name in text
    assert f"val/ciede2000 {5 + 100 * lr_of(best):.2f}, trial" in text
    shown = command("sweep", "status", "runs/sweep/tiny").out
    assert "tiny: val/ciede2000\n" in shown
    assert f"best: {5 + 100 * lr_of(best):.2f}: " in shown
    assert command("sweep", "plot", "runs/sweep/tiny").status == 0
    changed = sweep(objective="val/psnr")
    assert changed.status == 2
    assert "started with different objective" in changed.err


def test_rerun_runs_only_missing_trials(sweep, fake_training, tmp_path):
    started_runs = fake_training(lambda run: ("finished", [20.0]))
    assert sweep(trials=2).status == 0
    assert sweep(trials=2).status == 0
    assert len(started_runs) == 2
    assert sweep("trials=5").status == 0
    assert len(started_runs) == 5
    assert len(trials(tmp_path)) == 5


def test_folder_of_a_different_sweep_is_rejected(sweep, fake_training, tmp_path):
    started_runs = fake_training(lambda run: ("finished", [20.0]))
    assert sweep(trials=1).status == 0
    refused = sweep("seed=1", trials=1)
    assert refused.status == 2
    assert "was started with different overrides" in refused.err
    refused = sweep("storage=sqlite:///other.db", trials=1)
    assert refused.status == 2
    assert "was started with storage=None" in refused.err
    assert sweep("seed=1", "name=other", trials=1).status == 0
    assert [run.path.parent.name for run in started_runs] == ["tiny", "other"]
    assert (tmp_path / "experiments/other_best/config.yaml").is_file()


def test_failed_and_pruned_trials_do_not_stop_the_sweep(sweep, fake_training, tmp_path):
    states = iter([("failed", []), ("pruned", [21.0]), ("running", [22.0]), ("finished", [20.0])])
    fake_training(lambda run: next(states))
    ended = sweep(trials=4)
    assert ended.status == 0, ended.err
    found = trials(tmp_path)
    wanted = [TrialState.FAIL, TrialState.PRUNED, TrialState.FAIL, TrialState.COMPLETE]
    assert [trial.state for trial in found.values()] == wanted
    assert "trial 0: failed: too large" in ended.out
    assert "trial 1: pruned at 21.00 dB" in ended.out
    assert "trial 2: failed: its process ended without an error message" in ended.out
    assert "trial 3: 20.00 dB; best 20.00 dB (trial 3)" in ended.out


def test_sweep_without_finished_trial_fails(sweep, fake_training, tmp_path):
    fake_training(lambda run: ("failed", []))
    ended = sweep()
    assert ended.status == 1
    assert "no trial finished successfully" in ended.out
    assert not (tmp_path / "experiments").exists()


def test_contradictory_values_fail_their_trial(sweep, fake_training, tmp_path):
    fake_training(lambda run: ("finished", [20.0]))
    space = {"model": ["zhang2017", "unet"], "loss": ["mse", "zhang"]}
    ended = sweep(space=space, sampler="grid", trials=None)
    assert ended.status == 0, ended.err
    assert "failed: loss=zhang: needs a model with color classes" in ended.out
    assert len(trials(tmp_path)) == 4


def test_grid_runs_every_combination_once(sweep, fake_training):
    started_runs = fake_training(lambda run: ("finished", [20.0]))
    assert sweep(space={"model": ["unet", "resunet"], "seed": [0, 1, 2]}, sampler="grid", trials=None).status == 0
    found = sorted((run.metadata["choices"]["model"], run.config["seed"]) for run in started_runs)
    assert found == [(model, seed) for model in ("resunet", "unet") for seed in (0, 1, 2)]


@pytest.mark.slow
# the first ten trials of `tpe` and `gp` are random
@pytest.mark.parametrize(("sampler", "count"), [("tpe", 12), ("gp", 12), ("random", 8)])
def test_samplers_stay_within_the_search_space(sweep, fake_training, sampler, count):
    started_runs = fake_training(lambda run: ("finished", [25 + 100 * lr_of(run)]))
    space = {
        "model": ["unet", "resunet"],
        "optimizer.lr": {"low": 1e-4, "high": 1e-2, "log": True},
        "data.batch_size": {"low": 1, "high": 4},
    }
    ended = sweep(sampler=sampler, trials=count, space=space)
    assert ended.status == 0, ended.err
    assert all(1e-4 <= lr_of(run) <= 1e-2 and run.config["data"]["batch_size"] in range(1, 5) for run in started_runs)
    assert len({lr_of(run) for run in started_runs}) > 7


def test_minutes_limit_the_sweep(sweep, fake_training, monkeypatch):
    clock = iter(range(0, 100_000, 60))
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda _: None))
    started_runs = fake_training(lambda run: ("finished", [20.0]))
    assert sweep(trials=None, minutes=3).status == 0
    assert len(started_runs) == 3


def test_interrupted_trial_resumes_in_its_folder(sweep, fake_training, tmp_path):
    states = iter([("interrupted", [21.0]), ("finished", [21.0, 22.0])])
    started_runs = fake_training(lambda run: next(states))
    ended = sweep(trials=1)
    assert ended.status == 0, ended.err
    assert len({run.path for run in started_runs}) == 1
    [trial] = trials(tmp_path).values()
    assert trial.value == 22.0
    assert read_json(started_runs[0].path / "trial.json")["number"] == trial.number == 1


def test_finished_run_of_a_dead_worker_is_not_repeated(sweep, fake_training, tmp_path):
    place = tmp_path / "runs/sweep/tiny"

    def dies(run):
        run.update_metadata(state="finished")
        (run.path / "metrics.csv").write_text("step,epoch,name,value\n3,0,val/psnr,23.0\n")
        raise KeyboardInterrupt

    fake_training(dies)
    assert sweep(trials=1).status == 130
    study = open_study(load_sweep(place), place)
    assert is_stale(study.trials[0])
    started_runs = fake_training(lambda run: ("failed", []))
    before = len(started_runs)
    assert sweep(trials=1).status == 0
    assert len(started_runs) == before
    [trial] = trials(tmp_path).values()
    assert (trial.user_attrs[SLOT_ATTR], trial.value) == (0, 23.0)


def test_worker_waits_for_training_that_outlived_its_worker(sweep, fake_training, tmp_path, monkeypatch):
    def dies(run):
        raise KeyboardInterrupt

    started_runs = fake_training(dies)
    assert sweep(trials=1).status == 130
    [run] = list(started_runs)
    code = (
        "import sys, time\nfrom chromahint.runs.run import open_run\nfrom chromahint.runs.lock import lock_run\n"
        "run = open_run(sys.argv[1])\n"
        "with lock_run(run.path):\n"
        "    print('mine', flush=True)\n    sys.stdin.readline()\n"
        "    (run.path / 'metrics.csv').write_text('step,epoch,name,value\\n3,0,val/psnr,23.0\\n')\n"
        "    run.update_metadata(state='finished')\n"
    )
    command = [sys.executable, "-c", code, str(run.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as left:
        assert left.stdout.readline() == "mine\n"
        slept = []

        def sleep(seconds):
            if not slept:
                left.stdin.write("\n")
                left.stdin.flush()
            slept.append(seconds)
            time.sleep(0.1)

        monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
        fake_training(lambda run: ("failed", []))
        assert sweep(trials=1).status == 0
    assert slept
    assert started_runs == [run], "the run is not trained again"
    [trial] = trials(tmp_path).values()
    assert (trial.user_attrs[SLOT_ATTR], trial.value) == (0, 23.0)


def test_status_and_plot(sweep, fake_training, command, tmp_path):
    states = {1: "pruned", 2: "failed"}
    fake_training(lambda run: (states.get(int(run.path.name[:3]), "finished"), [20.0, 25 + 100 * lr_of(run)]))
    assert sweep(trials=6).status == 0
    shown = command("sweep", "status", "tiny")
    assert shown.status == 0, shown.err
    for part in (
        "6 of 6 trials: 4 finished, 1 pruned, 1 failed",
        "best: ",
        "importance",
        "optimizer.lr",
        "too large",
    ):
        assert part in shown.out
    assert shown.out == command("sweep", "status", tmp_path / "runs/sweep/tiny").out
    described = json.loads(command("sweep", "status", "tiny", "--json").out)
    assert described["name"] == "tiny"
    assert sorted(each["state"] for each in described["trials"]) == ["failed", *["finished"] * 4, "pruned"]
    assert max(each["value"] or 0 for each in described["trials"]) == described["best"]["value"]
    assert [each["error"] for each in described["trials"] if each["state"] == "failed"] != [None]
    drawn = command("sweep", "plot", "tiny")
    assert drawn.status == 0, drawn.err
    assert (tmp_path / drawn.out.strip()).read_bytes().startswith(b"\x89PNG")
    assert command("sweep", "plot", "tiny", "--output", "x/y.png").out.strip() == "x/y.png"


def test_constant_parameter_has_no_importance(sweep, fake_training, command):
    started_runs = fake_training(lambda run: ("finished", [20.0 + run.config["data"]["batch_size"]]))
    network = {"plain": ["model=unet"], "other": ["model=resunet", "model.output=tanh"]}
    space = {"seed": [0, 1], "network": network, "data.batch_size": [1, 2]}
    assert sweep(space=space, sampler="grid", trials=4).status == 0
    assert [run.path.name for run in started_runs][:2] == [
        "000-seed-0_network-plain_data.batch_size-1",
        "001-seed-0_network-plain_data.batch_size-2",
    ]
    shares = command("sweep", "status", "tiny").out.partition("importance")[2]
    assert "data.batch_size" in shares
    assert "seed" not in shares


def test_long_status_rows_are_not_truncated(sweep, fake_training, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    fake_training(lambda run: ("finished", [20.0]))
    assert sweep(space={"optimizer.lr": [0.001, 0.002], "augment": ["none", "flips"]}, trials=1).status == 0
    [row] = [line for line in command("sweep", "status", "tiny").out.splitlines() if "finished   " in line]
    assert row.split()[-1] in ("none", "flips")


def test_plot_needs_a_finished_trial(sweep, fake_training, command):
    fake_training(lambda run: ("failed", []))
    sweep(trials=1)
    assert "1 failed" in command("sweep", "status", "tiny").out
    assert "no trial has a value yet" in command("sweep", "plot", "tiny").err


def test_sweep_config_is_saved_in_the_folder(sweep, fake_training, tmp_path):
    fake_training(lambda run: ("finished", [20.0]))
    sweep("trials=1")
    left = yaml.safe_load((tmp_path / "runs/sweep/tiny/sweep.yaml").read_text())
    assert (left["format"], left["name"], left["trials"]) == (1, "tiny", 1)
    assert json.dumps(left)
