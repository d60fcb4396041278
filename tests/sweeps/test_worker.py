"""What a worker makes of its trials: figures, failures, the best of them, and what it says meanwhile."""

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
from chromahint.sweeps.study import SLOT, is_stale, open_study, slots
from chromahint.sweeps.sweep_config import load_sweep


@pytest.fixture
def sweep(tmp_path, command, tiny):
    """`sweep(*words, **content)` runs the command on a file of its own, and gives what it said."""

    def run(*words, **content):
        words = [word for word in tiny if not word.startswith("model.")] + list(words)
        space = {"model": ["unet", "resunet"], "optimizer.lr": {"low": 1e-4, "high": 1e-2, "log": True}}
        about = {"space": space, "sampler": "random", "trials": 3} | content
        (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(about, sort_keys=False))
        return command("sweep", "tiny.yaml", *words)

    return run


@pytest.fixture
def quick(monkeypatch):
    """Take the place of the training: `quick(becomes)`, where becomes(run) gives its state and each `val/psnr`."""
    asked = []

    def install(becomes):
        @contextlib.contextmanager
        def started(run, processes):
            asked.append(Run(run.path.absolute()))
            state, scores = becomes(run)
            with (run.path / "metrics.csv").open("w", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(["step", "epoch", "name", "value"])
                rows.writerows([[n, 0, "val/psnr", score] for n, score in enumerate(scores)])
            run.note(state=state, **({"error": "too large"} if state == "failed" else {}))
            yield SimpleNamespace(wait=lambda: None)

        monkeypatch.setattr(worker, "launched", started)
        return asked

    return install


def trials(folder):
    place = folder / "runs/sweep/tiny"
    return slots(open_study(load_sweep(place), place))


def lr_of(run):
    return run.config["optimizer"]["lr"]


def test_every_trial_is_a_run_and_the_best_is_an_experiment(sweep, quick, tmp_path, command):
    asked = quick(lambda run: ("finished", [20.0, 25 + 100 * lr_of(run), 24.0]))
    ended = sweep()
    assert ended.status == 0, ended.err
    assert [run.path.name[:3] for run in asked] == ["000", "001", "002"]
    for run, trial in zip(asked, trials(tmp_path).values(), strict=True):
        assert open_run(run.path).metadata["group"] == "sweep/tiny"
        assert trial.state == TrialState.COMPLETE
        assert trial.value == 25 + 100 * lr_of(run)  # the best of its validations
        assert trial.intermediate_values[3] == 24
        assert trial.params["optimizer.lr"] == lr_of(run)
    best = max(asked, key=lr_of)
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


def test_the_best_of_trials_of_an_experiment_is_one_too(sweep, quick, tmp_path):
    asked = quick(lambda run: ("finished", [20.0]))
    words = ["experiment=hscaunet_2022", "++model.zero_init_head=true", "data.batch_size=4", "loss=mse"]
    ended = sweep(*words, trials=1, space={"optimizer.betas": [[0.5, 0.9]], "lr_schedule": ["cosine"]})
    assert ended.status == 0, ended.err
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        again = compose("train", ["experiment=tiny_best"]).config
    assert again["model"]["width"] == 64
    without = {key: value for key, value in asked[0].config["callbacks"].items() if key != "trial"}
    assert again == asked[0].config | {"callbacks": without}


def test_typed_again_it_makes_what_is_missing(sweep, quick, tmp_path):
    asked = quick(lambda run: ("finished", [20.0]))
    assert sweep(trials=2).status == 0
    assert sweep(trials=2).status == 0
    assert len(asked) == 2
    assert sweep("trials=5").status == 0
    assert len(asked) == 5
    assert len(trials(tmp_path)) == 5


def test_another_sweep_is_not_mixed_with_it(sweep, quick, tmp_path):
    asked = quick(lambda run: ("finished", [20.0]))
    assert sweep(trials=1).status == 0
    refused = sweep("seed=1", trials=1)
    assert refused.status == 2
    assert "was begun with another overrides" in refused.err
    refused = sweep("storage=sqlite:///other.db", trials=1)
    assert refused.status == 2
    assert "was begun with storage=None" in refused.err
    assert sweep("seed=1", "name=other", trials=1).status == 0
    assert [run.path.parent.name for run in asked] == ["tiny", "other"]
    assert (tmp_path / "experiments/other_best/config.yaml").is_file()


def test_failed_and_given_up_trials_leave_the_others_alone(sweep, quick, tmp_path):
    states = iter([("failed", []), ("pruned", [21.0]), ("running", [22.0]), ("finished", [20.0])])
    quick(lambda run: next(states))
    ended = sweep(trials=4)
    assert ended.status == 0, ended.err
    found = trials(tmp_path)
    wanted = [TrialState.FAIL, TrialState.PRUNED, TrialState.FAIL, TrialState.COMPLETE]
    assert [trial.state for trial in found.values()] == wanted
    assert "trial 0: failed: too large" in ended.out
    assert "trial 1: given up at 21.00 dB" in ended.out
    assert "trial 2: failed: its process ended without a word" in ended.out
    assert "trial 3: 20.00 dB; best 20.00 dB (trial 3)" in ended.out


def test_none_that_ends_well_is_no_success(sweep, quick, tmp_path):
    quick(lambda run: ("failed", []))
    ended = sweep()
    assert ended.status == 1
    assert "no trial came to an end well" in ended.out
    assert not (tmp_path / "experiments").exists()


def test_contradictory_values_are_a_failed_trial(sweep, quick, tmp_path):
    quick(lambda run: ("finished", [20.0]))
    space = {"model": ["zhang2017", "unet"], "loss": ["mse", "zhang"]}
    ended = sweep(space=space, sampler="grid", trials=None)
    assert ended.status == 0, ended.err
    assert "failed: loss=zhang needs a network with color classes" in ended.out
    assert len(trials(tmp_path)) == 4


def test_a_grid_has_every_combination_once(sweep, quick):
    asked = quick(lambda run: ("finished", [20.0]))
    assert sweep(space={"model": ["unet", "resunet"], "seed": [0, 1, 2]}, sampler="grid", trials=None).status == 0
    found = sorted((run.about["choices"]["model"], run.config["seed"]) for run in asked)
    assert found == [(model, seed) for model in ("resunet", "unet") for seed in (0, 1, 2)]


@pytest.mark.parametrize("sampler", ["tpe", "gp", "random"])
def test_samplers_choose_from_the_space(sweep, quick, sampler):
    asked = quick(lambda run: ("finished", [25 + 100 * lr_of(run)]))
    space = {
        "model": ["unet", "resunet"],
        "optimizer.lr": {"low": 1e-4, "high": 1e-2, "log": True},
        "data.batch_size": {"low": 1, "high": 4},
    }
    ended = sweep(sampler=sampler, trials=14, space=space)
    assert ended.status == 0, ended.err
    assert all(1e-4 <= lr_of(run) <= 1e-2 and run.config["data"]["batch_size"] in range(1, 5) for run in asked)
    assert len({lr_of(run) for run in asked}) > 7


def test_minutes_end_a_sweep_too(sweep, quick, monkeypatch):
    clock = iter(range(0, 100_000, 60))
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda _: None))
    asked = quick(lambda run: ("finished", [20.0]))
    assert sweep(trials=None, minutes=3).status == 0
    assert len(asked) == 3


def test_a_stopped_trial_goes_on_in_its_folder(sweep, quick, tmp_path):
    states = iter([("interrupted", [21.0]), ("finished", [21.0, 22.0])])
    asked = quick(lambda run: next(states))
    ended = sweep(trials=1)
    assert ended.status == 0, ended.err
    assert len({run.path for run in asked}) == 1
    [trial] = trials(tmp_path).values()
    assert trial.value == 22.0
    assert read_json(asked[0].path / "trial.json")["number"] == trial.number == 1


def test_what_a_dead_worker_had_finished_is_not_trained_again(sweep, quick, tmp_path):
    place = tmp_path / "runs/sweep/tiny"

    def dies(run):
        run.note(state="finished")
        (run.path / "metrics.csv").write_text("step,epoch,name,value\n3,0,val/psnr,23.0\n")
        raise KeyboardInterrupt

    quick(dies)
    assert sweep(trials=1).status == 130
    study = open_study(load_sweep(place), place)
    assert is_stale(study.trials[0])
    asked = quick(lambda run: ("failed", []))
    before = len(asked)
    assert sweep(trials=1).status == 0
    assert len(asked) == before
    [trial] = trials(tmp_path).values()
    assert (trial.user_attrs[SLOT], trial.value) == (0, 23.0)


def test_a_training_that_outlives_its_worker_is_waited_for(sweep, quick, tmp_path, monkeypatch):
    def dies(run):
        raise KeyboardInterrupt

    asked = quick(dies)
    assert sweep(trials=1).status == 130
    [run] = list(asked)
    code = (
        "import sys, time\nfrom chromahint.runs.run import open_run\nfrom chromahint.runs.lock import alone_in\n"
        "run = open_run(sys.argv[1])\n"
        "with alone_in(run.path):\n"
        "    print('mine', flush=True)\n    sys.stdin.readline()\n"
        "    (run.path / 'metrics.csv').write_text('step,epoch,name,value\\n3,0,val/psnr,23.0\\n')\n"
        "    run.note(state='finished')\n"
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
        quick(lambda run: ("failed", []))
        assert sweep(trials=1).status == 0
    assert slept
    assert asked == [run], "it is not trained again"
    [trial] = trials(tmp_path).values()
    assert (trial.user_attrs[SLOT], trial.value) == (0, 23.0)


def test_status_and_plot(sweep, quick, command, tmp_path):
    states = {1: "pruned", 2: "failed"}
    quick(lambda run: (states.get(int(run.path.name[:3]), "finished"), [20.0, 25 + 100 * lr_of(run)]))
    assert sweep(trials=9).status == 0
    shown = command("sweep", "status", "tiny")
    assert shown.status == 0, shown.err
    for part in (
        "9 of 9 trials: 7 finished, 1 given up, 1 failed",
        "best: ",
        "importance",
        "optimizer.lr",
        "too large",
    ):
        assert part in shown.out
    assert shown.out == command("sweep", "status", tmp_path / "runs/sweep/tiny").out
    drawn = command("sweep", "plot", "tiny")
    assert drawn.status == 0, drawn.err
    assert (tmp_path / drawn.out.strip()).read_bytes().startswith(b"\x89PNG")
    assert command("sweep", "plot", "tiny", "--output", "x/y.png").out.strip() == "x/y.png"


def test_what_was_the_same_in_all_trials_has_no_importance(sweep, quick, command):
    asked = quick(lambda run: ("finished", [20.0 + run.config["data"]["batch_size"]]))
    network = {"plain": ["model=unet"], "other": ["model=resunet", "model.output=tanh"]}
    space = {"seed": [0, 1], "network": network, "data.batch_size": [1, 2]}
    assert sweep(space=space, sampler="grid", trials=4).status == 0
    assert [run.path.name for run in asked][:2] == [
        "000-seed-0_network-plain_data.batch_size-1",
        "001-seed-0_network-plain_data.batch_size-2",
    ]
    shares = command("sweep", "status", "tiny").out.partition("importance")[2]
    assert "data.batch_size" in shares
    assert "seed" not in shares


def test_a_long_row_of_the_status_keeps_its_end(sweep, quick, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    quick(lambda run: ("finished", [20.0]))
    assert sweep(space={"optimizer.lr": [0.001, 0.002], "augment": ["none", "flips"]}, trials=1).status == 0
    [row] = [line for line in command("sweep", "status", "tiny").out.splitlines() if "finished   " in line]
    assert row.split()[-1] in ("none", "flips")


def test_a_sweep_without_a_value_has_no_plot(sweep, quick, command):
    quick(lambda run: ("failed", []))
    sweep(trials=1)
    assert "1 failed" in command("sweep", "status", "tiny").out
    assert "no trial has a value yet" in command("sweep", "plot", "tiny").err


def test_the_definition_lies_in_the_folder(sweep, quick, tmp_path):
    quick(lambda run: ("finished", [20.0]))
    sweep("trials=1")
    left = yaml.safe_load((tmp_path / "runs/sweep/tiny/sweep.yaml").read_text())
    assert (left["format"], left["name"], left["trials"]) == (1, "tiny", 1)
    assert json.dumps(left)
