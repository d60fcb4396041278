"""A run that was killed and resumed is the run that was never killed, bit for bit."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

KINDS = {
    "plain": ["callbacks.ema=null"],
    "average": [],
    "workers": ["data.num_workers=2"],
    "accumulation": ["trainer.accumulate_grad_batches=2", "data.batch_size=1"],
    "epochs": ["trainer.val_check_interval=null", "callbacks.ema=null"],
    "right after a validation": ["callbacks.checkpoint.every_n_steps=1"],
    "early stopping": ["callbacks=early_stopping", "callbacks.early_stopping.patience=50", "lr_schedule=plateau"],
}


MOMENTS = {"step": (1, 20), "gradient": (1, 20), "validation": (1, 6), "scores": (1, 3), "write": (4, 12)}
"""When a process is killed, and which time: 20 steps, 3 validations of 2 batches, files behind those of the folder."""


def moment(chance):
    """One of all steps, validation batches and writes of a run."""
    name = chance.choice(list(MOMENTS))
    return {"moment": name, "count": chance.randint(*MOMENTS[name])}


@pytest.fixture(scope="module")
def words(tmp_path_factory, make_photos, tiny):
    """20 steps, validated after 7, 14 and at the end."""
    return [
        *tiny, f"data.root={make_photos(tmp_path_factory.mktemp('twenty'), 20)}", "data.max_images=null",
        "data.val_fraction=0.2", "data.eval_batch_size=2", "trainer.max_steps=20", "trainer.val_check_interval=7",
        "trainer.log_every_n_steps=2", "callbacks.checkpoint.every_n_steps=4", "optimizer.lr=0.01",
    ]  # fmt: skip


def train_and_kill(plan, file, **environment):
    """Let the script of killed runs do what a plan says."""
    file.write_text(json.dumps(plan))
    script = Path(__file__).parents[1] / "support" / "killed_runs.py"
    # a process of its own talks to no W&B service that this one may have started
    variables = {**os.environ, "WANDB_SERVICE": "", **environment}
    done = subprocess.run([sys.executable, script, file], env=variables, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def runs(tmp_path_factory, words):
    """Every kind of run, whole and killed; {(kind, number): folder}."""
    root = tmp_path_factory.mktemp("resume")
    plan, found, chance = [], {}, random.Random(0)
    for kind, options in KINDS.items():
        ways = [[], [moment(chance)], [moment(chance), moment(chance)]]
        if kind == "right after a validation":
            ways = [[], *([{"moment": "gradient", "count": step}] for step in (8, 15))]
        for number, kills in enumerate(ways):
            folder = found[kind, number] = root / f"{kind}-{number}".replace(" ", "-")
            plan.append([str(folder), [*words, *options], kills])
    train_and_kill(plan, root / "plan.json")
    return found


def made(runs, kind, number):
    [run] = (runs[kind, number] / "runs/run").iterdir()
    return run


def load(run, name):
    return torch.load(run / "checkpoints" / name, weights_only=True)


def same(one, other, where=""):
    """Hold two nested states against each other; the clock is all that may differ."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            if key != "elapsed":
                same(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for number, pair in enumerate(zip(one, other, strict=True)):
            same(*pair, f"{where}/{number}")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where


KILLED = [(kind, number) for kind in KINDS for number in (1, 2)]


def test_they_were_killed_and_ended_well(runs):
    for (_, number), folder in runs.items():
        statuses = json.loads((folder / "statuses.json").read_text())
        said = (folder / "output.txt").read_text()
        assert statuses[-1] == 0, said
        assert len(statuses) <= number + 1
        assert set(statuses[:-1]) <= {-9, 0}, said
        assert number == 0 or statuses[0] == -9, said
        assert "Traceback" not in said
        assert len(list((folder / "runs/run").iterdir())) == 1
        assert json.loads((made(runs, *key(runs, folder)) / "run.json").read_text())["state"] == "finished"


def key(runs, folder):
    return next(name for name, place in runs.items() if place == folder)


@pytest.mark.parametrize(("kind", "number"), KILLED)
def test_the_same_rows_in_metrics(runs, kind, number):
    assert (made(runs, kind, number) / "metrics.csv").read_text() == (made(runs, kind, 0) / "metrics.csv").read_text()


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
@pytest.mark.parametrize(("kind", "number"), KILLED)
def test_the_same_weights_and_state(runs, kind, number, name):
    same(load(made(runs, kind, number), name), load(made(runs, kind, 0), name))


def test_nothing_else_is_left_behind(runs):
    for name in runs:
        names = sorted(path.name for path in made(runs, *name).glob("checkpoints/*"))
        assert names == ["best.ckpt", "last.ckpt"]


# --- signals that ask


@pytest.fixture(scope="module")
def asked(tmp_path_factory, words):
    """Runs that a signal came to, in a step and in a validation, and that were resumed; {name: folder}."""
    root = tmp_path_factory.mktemp("asked")
    moments = {
        "step": {"moment": "step", "count": 6, "signal": signal.SIGTERM},
        "validation": {"moment": "validation", "count": 1, "signal": signal.SIGUSR1},
        "accumulation": {"moment": "step", "count": 9, "signal": signal.SIGTERM},
    }
    options = {"accumulation": KINDS["accumulation"]}
    plan = [
        [str(root / name), [*words, *options.get(name, ()), "callbacks.checkpoint.every_n_steps=100"], kills]
        for name, kill in moments.items()
        for kills in [[kill]]
    ]
    train_and_kill(plan, root / "plan.json", SLURM_JOB_ID="")
    return {name: root / name for name in moments}


@pytest.mark.parametrize(
    ("name", "status", "step"), [("step", 143, 6), ("validation", 138, 6), ("accumulation", 143, 5)]
)
def test_a_signal_saves_and_leaves_and_says_how_to_go_on(asked, name, status, step):
    said = (asked[name] / "output.txt").read_text()
    [run] = (asked[name] / "runs/run").iterdir()
    assert json.loads((asked[name] / "statuses.json").read_text()) == [status, 0]
    assert f"saved at step {step}. Resume with: chromahint resume {run}" in said
    assert f"resuming from step {step}\n" in said
    assert "Traceback" not in said
    facts = json.loads((run / "run.json").read_text())
    assert facts["state"] == "finished"
    assert len(facts["resumed"]) == 1


@pytest.mark.parametrize(("name", "kind"), [("step", "average"), ("validation", "average"), ("accumulation",) * 2])
def test_after_a_signal_the_figures_are_those_of_an_undisturbed_run(asked, runs, name, kind):
    [run] = (asked[name] / "runs/run").iterdir()
    assert (run / "metrics.csv").read_text() == (made(runs, kind, 0) / "metrics.csv").read_text()


def test_slurm_requeues_and_the_same_command_goes_on(tmp_path, words, runs, process):
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "scontrol").write_text(f"#!/bin/sh\necho $@ >> {tmp_path}/asked.txt\n")
    (tools / "scontrol").chmod(0o755)
    slurm = {"PATH": f"{tools}:{os.environ['PATH']}", "SLURM_JOB_ID": "4711", "SLURM_NTASKS": "1"}
    kill = {"moment": "step", "count": 6, "signal": signal.SIGUSR1}
    train_and_kill([[str(tmp_path / "job"), words, [kill, "leave"]]], tmp_path / "plan.json", **slurm)
    assert (tmp_path / "asked.txt").read_text() == "requeue 4711\n"
    assert "SLURM will run job 4711 again" in (tmp_path / "job/output.txt").read_text()
    again = ["train", *words, f"runs_dir={tmp_path}/job/runs", "name=run"]
    ended = process(tmp_path, *again, **slurm, SLURM_RESTART_COUNT="1")
    assert ended.status == 0, ended.err
    [run] = (tmp_path / "job/runs/run").iterdir()
    assert (run / "metrics.csv").read_text() == (made(runs, "average", 0) / "metrics.csv").read_text()


# --- W&B


def test_wandb_has_one_run_and_each_figure_once(tmp_path, words):
    """Two parts of one offline run, which `wandb sync` puts together by their id."""
    wandb = [*[word for word in words if word != "logger=none"], "logger.mode=offline"]
    kill = {"moment": "gradient", "count": 12}
    train_and_kill([[str(tmp_path / "job"), wandb, [kill]]], tmp_path / "plan.json", WANDB_SILENT="true")
    [run] = (tmp_path / "job/runs/run").iterdir()
    parts = sorted(run.glob("wandb/offline-run-*/run-*.wandb"))
    assert len(parts) == 2
    assert {part.stem for part in parts} == {f"run-{json.loads((run / 'run.json').read_text())['wandb_id']}"}
    rows = []
    for part in parts:
        shown = subprocess.run(
            [sys.executable, "-m", "wandb", "leet", "inspect", "--json", part],
            capture_output=True,
            text=True,
            timeout=60,
        )
        records = [json.loads(line) for line in shown.stdout.splitlines() if '"type":"history"' in line]
        for items in (record["history"]["item"] for record in records):
            names = [name for name in items if name.startswith(("train/", "val/"))]
            rows += [(str(items["trainer/global_step"]), name) for name in names]
    logged = [line.split(",") for line in (run / "metrics.csv").read_text().splitlines()[1:]]
    assert sorted(rows) == sorted((step, name) for step, _, name, _ in logged)


# --- what cannot be resumed


@pytest.fixture
def stopped(runs, tmp_path):
    """A copy of a run that looks as if it had been stopped at its end."""
    run = shutil.copytree(made(runs, "plain", 0), tmp_path / "run")
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(facts | {"state": "interrupted"}))
    return run


def test_after_the_training_only_the_evaluation_is_left(command, stopped, runs):
    shutil.rmtree(stopped / "evaluation")
    ended = command("train", f"resume={stopped}")
    assert ended.status == 0, ended.err
    for name in ("metrics.csv", "evaluation/random_pixels/metrics.json"):
        assert (stopped / name).read_text() == (made(runs, "plain", 0) / name).read_text()


def test_a_finished_run_is_not_resumed(command, runs):
    ended = command("train", f"resume={made(runs, 'plain', 0)}")
    assert ended.status == 2
    assert "is finished" in ended.err
    assert "weights=" in ended.err


@pytest.mark.parametrize("option", ["model.width=8", "model=unet", "seed=1", "optimizer.lr=1"])
def test_other_choices_are_another_run(command, stopped, option):
    ended = command("train", f"resume={stopped}", option)
    assert ended.status == 2
    assert option.partition("=")[0] in ended.err
    assert "trainer.max_steps" in ended.err


def test_a_limit_that_was_not_reached_may_be_raised(command, asked, tmp_path, read_metrics):
    run = shutil.copytree(next((asked["step"] / "runs/run").iterdir()), tmp_path / "run")
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(facts | {"state": "interrupted"}))
    content = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    content["callbacks"]["LastCheckpoint"]["ended"] = False
    torch.save(content, run / "checkpoints/last.ckpt")
    ended = command("train", f"resume={run}", "trainer.max_steps=24")
    assert ended.status == 0, ended.err
    assert load(run, "last.ckpt")["global_step"] == 24


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint", None])
def test_a_damaged_checkpoint_is_a_sentence(command, stopped, damage):
    file = stopped / "checkpoints/last.ckpt"
    file.write_bytes(file.read_bytes()[:5000] if damage is None else damage)
    ended = command("train", f"resume={stopped}")
    assert ended.status == 2
    assert "last.ckpt: is damaged" in ended.err
    assert "Traceback" not in ended.err


def test_a_run_that_is_being_trained_is_left_alone(command, stopped):
    holder = subprocess.Popen(
        [sys.executable, "-c", "import sys, pathlib\nfrom chromahint.runs.lock import lock_run\n"
         "with lock_run(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()", stopped],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout.readline() == "held\n"
        ended = command("train", f"resume={stopped}")
        assert ended.status == 2
        assert "another process is working on this run" in ended.err
        assert json.loads((stopped / "run.json").read_text())["state"] == "interrupted"
    finally:
        holder.communicate("")


@pytest.mark.parametrize("words", [["resume=nowhere"], ["resume=."], ["resume="], ["resume=null"]])
def test_no_run_to_resume(command, words):
    ended = command("train", *words)
    assert ended.status == 2
    assert "Traceback" not in ended.err
    assert "Error: " in ended.err
