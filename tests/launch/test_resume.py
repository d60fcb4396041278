"""A run that was killed and resumed is identical to one that was never killed, bit for bit."""

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

pytestmark = pytest.mark.slow

KINDS = {
    "default network": ["model=spreadnet", "callbacks.ema=null"],
    "ema": [],
    "workers": ["data.num_workers=2"],
    "accumulation": ["trainer.accumulate_grad_batches=2", "data.batch_size=1"],
    # twice as many steps, for three epochs
    "epochs": ["trainer.val_check_interval=null", "trainer.max_steps=20", "callbacks.ema=null"],
    "right after a validation": ["callbacks.checkpoint.every_n_steps=1"],
    "early stopping": ["callbacks=early_stopping", "callbacks.early_stopping.patience=50", "lr_schedule=plateau"],
}

MOMENTS = {"step": (1, 10), "gradient": (1, 10), "validation": (1, 6), "scores": (1, 3), "write": (4, 12)}
"""When a process is killed: first and last time. A run has 10 steps and 3 validations of 2 batches, and the first
files that it writes are those of its folder."""

SIGNALS = {
    "signal in a step": {"moment": "step", "count": 5, "signal": signal.SIGTERM},
    "signal in a validation": {"moment": "validation", "count": 1, "signal": signal.SIGUSR1},
    "signal after the last validation": {"moment": "scores", "count": 3, "signal": signal.SIGTERM},
    "signal in an accumulated step": {"moment": "step", "count": 9, "signal": signal.SIGTERM},
    "signal in a write": {"moment": "write", "count": 9, "signal": signal.SIGUSR1},
}


def random_kill(rng):
    """A random step, validation batch or write of a run."""
    name = rng.choice(list(MOMENTS))
    return {"moment": name, "count": rng.randint(*MOMENTS[name])}


@pytest.fixture(scope="module")
def words(tmp_path_factory, make_photos, tiny):
    """10 steps of a network with batch normalization, validated after 4, 8 and at the end."""
    return [
        *tiny, f"data.root={make_photos(tmp_path_factory.mktemp('twenty'), 20)}", "data.max_images=null",
        "data.val_fraction=0.2", "data.eval_batch_size=2", "trainer.max_steps=10", "trainer.val_check_interval=4",
        "trainer.log_every_n_steps=2", "callbacks.checkpoint.every_n_steps=3", "optimizer.lr=0.01",
        "data.train_size=32", "protocol.size=32", "protocol.hint_counts=[0,10]",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory, words, python):
    """Folders of all runs: {(kind, number of kills): folder}, and those that received other signals by their name."""
    root = tmp_path_factory.mktemp("resume")
    plan, found, rng = [], {}, random.Random(0)

    def add(key, words, kills, **entry):
        found[key] = root / str(len(found))
        plan.append({"folder": str(found[key]), "words": words, "kills": kills, **entry})

    for kind, options in KINDS.items():
        ways = [[], [random_kill(rng)], [random_kill(rng), random_kill(rng)]]
        if kind == "right after a validation":
            ways = [[], *([{"moment": "gradient", "count": step}] for step in (5, 9))]
        for number, kills in enumerate(ways):
            add((kind, number), [*words, *options], kills)
    for name, kill in SIGNALS.items():
        options = KINDS["accumulation"] if "accumulated" in name else []
        add(name, [*words, *options, "callbacks.checkpoint.every_n_steps=100"], [kill])

    wandb = [*[word for word in words if word != "logger=none"], "logger.wandb.mode=offline"]
    add("wandb", wandb, [{"moment": "gradient", "count": 7}], environments=[{"WANDB_SILENT": "true"}] * 2)

    tools = root / "tools"
    tools.mkdir()
    (tools / "scontrol").write_text(f"#!/bin/sh\necho $@ >> {root}/scontrol.txt\n")
    (tools / "scontrol").chmod(0o755)
    slurm = {"PATH": f"{tools}:{os.environ['PATH']}", "SLURM_JOB_ID": "4711", "SLURM_NTASKS": "1"}
    environments = [slurm, {**slurm, "SLURM_RESTART_COUNT": "1"}]
    kill = {"moment": "step", "count": 6, "signal": signal.SIGUSR1}
    add("slurm", words, [kill], rerun=True, environments=environments)

    carry_out(plan, python, root)
    return found


def carry_out(plan, python, folder):
    (folder / "plan.json").write_text(json.dumps(plan))
    path = f"{Path(__file__).parents[1]}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    environment = {"PYTHONPATH": path, "WANDB_SERVICE": "", "SLURM_JOB_ID": ""}
    done = subprocess.run(
        [python, "-m", "support.killed_runs", folder / "plan.json"],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=1500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def runs(folders):
    """Run folders, by the same keys."""
    return {key: next((folder / "runs/run").iterdir()) for key, folder in folders.items()}


def load(run, name):
    return torch.load(run / "checkpoints" / name, weights_only=True)


def metadata(run):
    return json.loads((run / "run.json").read_text())


def assert_same(one, other, where=""):
    """Compare nested states; only the clock may differ."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            if key != "elapsed":
                assert_same(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}/{number}")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where


KILLED = [(kind, number) for kind in KINDS for number in (1, 2)]


@pytest.mark.parametrize(("kind", "number"), [(kind, number) for kind in KINDS for number in (0, 1, 2)])
def test_runs_were_killed_and_finished(folders, runs, kind, number):
    folder = folders[kind, number]
    statuses = json.loads((folder / "statuses.json").read_text())
    output = (folder / "output.txt").read_text()
    assert statuses[-1] == 0, output
    assert len(statuses) <= number + 1
    assert set(statuses[:-1]) <= {-9, 0}, output
    assert number == 0 or statuses[0] == -9, output
    assert "Traceback" not in output
    assert len(list((folder / "runs/run").iterdir())) == 1
    assert metadata(runs[kind, number])["state"] == "finished"
    assert sorted(file.name for file in runs[kind, number].glob("checkpoints/*")) == ["best.ckpt", "last.ckpt"]


@pytest.mark.parametrize(("kind", "number"), KILLED)
def test_metrics_are_identical(runs, kind, number):
    assert (runs[kind, number] / "metrics.csv").read_text() == (runs[kind, 0] / "metrics.csv").read_text()


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
@pytest.mark.parametrize(("kind", "number"), KILLED)
def test_weights_and_training_state_are_identical(runs, kind, number, name):
    assert_same(load(runs[kind, number], name), load(runs[kind, 0], name))


# --- signals that ask a run to stop


@pytest.mark.parametrize(
    ("name", "status", "step"),
    [("signal in a step", 143, 5), ("signal in a validation", 138, 3), ("signal in an accumulated step", 143, 5)],
)
def test_signal_saves_a_checkpoint_and_exits(folders, runs, name, status, step):
    output = (folders[name] / "output.txt").read_text()
    assert json.loads((folders[name] / "statuses.json").read_text()) == [status, 0]
    assert f"saved at step {step}. Resume with: chromahint resume {runs[name]}\n" in output
    assert f"resuming from step {step}\n" in output
    assert "Traceback" not in output
    assert metadata(runs[name])["state"] == "finished"
    assert len(metadata(runs[name])["resumed"]) == 1


@pytest.mark.parametrize("name", [*SIGNALS, "slurm"])
def test_run_after_a_signal_is_identical(runs, name):
    assert_same_run(runs[name], runs["accumulation" if "accumulated" in name else "ema", 0])


def assert_same_run(run, undisturbed):
    assert (run / "metrics.csv").read_text() == (undisturbed / "metrics.csv").read_text()
    for name in ("last.ckpt", "best.ckpt"):
        assert_same(load(run, name), load(undisturbed, name))


@pytest.mark.nightly
def test_signals_at_random_moments(runs, words, python, tmp_path):
    rng, plan, kinds = random.Random(1), [], []
    for number in range(40):
        kinds.append(rng.choice(list(KINDS)))
        kill = random_kill(rng) | {"signal": rng.choice([signal.SIGTERM, signal.SIGUSR1])}
        plan.append({"folder": str(tmp_path / str(number)), "words": [*words, *KINDS[kinds[-1]]], "kills": [kill]})
    carry_out(plan, python, tmp_path)
    for entry, kind in zip(plan, kinds, strict=True):
        folder, [kill] = Path(entry["folder"]), entry["kills"]
        output = (folder / "output.txt").read_text()
        assert json.loads((folder / "statuses.json").read_text()) == [128 + kill["signal"], 0], output
        assert "Traceback" not in output
        assert_same_run(next((folder / "runs/run").iterdir()), runs[kind, 0])


def test_slurm_requeues_the_job_and_the_same_command_resumes(folders, runs):
    assert (folders["slurm"].parent / "scontrol.txt").read_text() == "requeue 4711\n"
    assert "requeued SLURM job 4711" in (folders["slurm"] / "output.txt").read_text()
    assert json.loads((folders["slurm"] / "statuses.json").read_text()) == [138, 0]
    assert list((folders["slurm"] / "runs/run").iterdir()) == [runs["slurm"]]


def test_wandb_has_one_run_and_each_value_once(runs):
    """The two parts of an offline run have the same ID, by which `wandb sync` merges them."""
    run = runs["wandb"]
    parts = sorted(run.glob("wandb/offline-run-*/run-*.wandb"))
    assert len(parts) == 2
    assert {part.stem for part in parts} == {f"run-{metadata(run)['wandb_id']}"}
    rows = []
    for part in parts:
        done = subprocess.run(
            [sys.executable, "-m", "wandb", "leet", "inspect", "--json", part],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        records = [json.loads(line) for line in done.stdout.splitlines() if '"type":"history"' in line]
        for items in (record["history"]["item"] for record in records):
            names = [name for name in items if name.startswith(("train/", "val/"))]
            rows += [(str(items["trainer/global_step"]), name) for name in names]
    files = [run / "metrics.csv", run / "timings.csv"]
    logged = [line.split(",") for file in files for line in file.read_text().splitlines()[1:]]
    assert sorted(rows) == sorted((step, name) for step, _, name, _ in logged)


# --- what can and cannot be resumed


@pytest.fixture
def interrupted(runs, tmp_path):
    """A copy of a run that looks as if it had been interrupted after training."""
    run = shutil.copytree(runs["ema", 0], tmp_path / "run")
    (run / "run.json").write_text(json.dumps(metadata(run) | {"state": "interrupted"}))
    return run


def test_only_the_evaluation_is_left_after_training(command, interrupted, runs):
    shutil.rmtree(interrupted / "evaluation")
    result = command("resume", interrupted)
    assert result.status == 0, result.err
    for name in ("metrics.csv", "evaluation/random_pixels/metrics.json"):
        assert (interrupted / name).read_text() == (runs["ema", 0] / name).read_text()


def test_limit_that_was_not_reached_can_be_raised(command, runs, tmp_path):
    run = shutil.copytree(runs["signal in a step"], tmp_path / "run")
    (run / "run.json").write_text(json.dumps(metadata(run) | {"state": "interrupted"}))
    content = load(run, "last.ckpt")
    content["callbacks"]["LastCheckpoint"]["ended"] = False
    torch.save(content, run / "checkpoints/last.ckpt")
    shutil.rmtree(run / "evaluation")
    result = command("resume", run, "trainer.max_steps=14")
    assert result.status == 0, result.err
    assert load(run, "last.ckpt")["global_step"] == 14


def assert_error(result, *parts):
    assert result.status == 2
    assert result.err.startswith("Error: ")
    assert "Traceback" not in result.err
    for part in parts:
        assert part in result.err


def test_finished_run(command, runs):
    assert_error(command("resume", runs["ema", 0]), "already finished", "weights=")


@pytest.mark.parametrize("override", ["model.width=8", "model=unet", "seed=1", "optimizer.lr=1"])
def test_other_options_cannot_change(command, interrupted, override):
    key = override.partition("=")[0]
    assert_error(command("resume", interrupted, override), f"{key}: cannot change", "trainer.max_steps")


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint", None])
def test_damaged_checkpoint(command, interrupted, damage):
    file = interrupted / "checkpoints/last.ckpt"
    file.write_bytes(file.read_bytes()[:5000] if damage is None else damage)
    assert_error(command("resume", interrupted), "last.ckpt: is damaged")


def test_run_that_is_being_trained(command, interrupted):
    code = (
        "import sys, pathlib\nfrom chromahint.runs.lock import lock_run\n"
        "with lock_run(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    holder = subprocess.Popen([sys.executable, "-c", code, interrupted], stdin=pipe, stdout=pipe, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        assert_error(command("resume", interrupted), "another process is working on this run")
        assert metadata(interrupted)["state"] == "interrupted"
    finally:
        holder.communicate("")


@pytest.mark.parametrize("folder", ["nowhere", ".", ""])
def test_folder_that_is_not_a_run(command, folder):
    assert_error(command("resume", folder))


def test_missing_folder(command):
    assert_error(command("resume"), "the following arguments are required: RUN")
