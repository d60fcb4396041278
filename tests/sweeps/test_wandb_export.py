"""Sweeps controlled by W&B: its schema accepts the exported file, and its agent trains from it."""

import importlib.util
import json
import os
import queue
import time
from pathlib import Path

import jsonschema
import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args
from wandb.wandb_agent import Agent

from chromahint.config.errors import ConfigError
from chromahint.runs.run import open_run
from chromahint.sweeps.sweep_config import read_sweep, sweep_names
from chromahint.sweeps.wandb_export import parse_agent_values, wandb_sweep_yaml

SWEEP = {
    "space": {
        "trainer.gradient_clip_val": [None, 1.0],
        "model.mask": [True, False],
        "optimizer.betas": [[0.5, 0.9], [0.9, 0.999]],
        "loss": ["mse", "huber"],
        "augment": ["none", "light"],
        "seed": {"low": 0, "high": 9},
        "data.batch_size": {"low": 4, "high": 64, "log": True},
        "optimizer.lr": {"low": 1e-4, "high": 1e-2, "log": True},
        "lr_schedule.min_factor": {"low": 0.0, "high": 0.5},
        "lr_schedule.warmup_fraction": {"low": 0.1, "high": 0.3, "step": 0.1},
        "network": {"1": ["model=unet"], "gated": ["model=hscaunet", "model.channel_attention=spatial"]},
    },
    "sampler": "random",
    "trials": 3,
}


@pytest.fixture
def sweep(tmp_path):
    """`sweep(sampler=..., ...)` reads a sweep with a parameter of every kind, with changes."""

    def read(*typed, **content):
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump(SWEEP | content, sort_keys=False))
        return read_sweep(str(tmp_path / "mine.yaml"), typed)

    return read


def agent_arguments(chosen):
    """Return the arguments that W&B's agent passes for values from its server."""
    return create_sweep_command_args({"args": {name: {"value": value} for name, value in chosen.items()}})[
        "args_no_hyphens"
    ]


def test_objective_is_exported(sweep):
    exported = yaml.safe_load(wandb_sweep_yaml(sweep(objective="val/ciede2000@10"), "mine", []))
    assert exported["metric"] == {"name": "val/ciede2000@10", "goal": "minimize"}


def test_parameters_are_exported(sweep):
    exported = yaml.safe_load(wandb_sweep_yaml(sweep(), "mine", ["seed=1"], "photos", "team"))
    assert exported["parameters"] == {
        "trainer.gradient_clip_val": {"values": ["null", 1.0]},
        "model.mask": {"values": [True, False]},
        "optimizer.betas": {"values": ["[0.5, 0.9]", "[0.9, 0.999]"]},
        "choices.loss": {"values": ["mse", "huber"]},
        "choices.augment": {"values": ["none", "light"]},
        "seed": {"distribution": "int_uniform", "min": 0, "max": 9},
        "data.batch_size": {"distribution": "q_log_uniform_values", "q": 1, "min": 4, "max": 64},
        "optimizer.lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-2},
        "lr_schedule.min_factor": {"distribution": "uniform", "min": 0.0, "max": 0.5},
        "lr_schedule.warmup_fraction": {"values": [0.1, 0.2, pytest.approx(0.3)]},
        "trial.network": {"values": [1, "gated"]},
    }
    assert exported["metric"] == {"name": "val/psnr", "goal": "maximize"}
    assert (exported["project"], exported["entity"], exported["run_cap"]) == ("photos", "team", 3)
    assert exported["command"][-4:] == ["mine", "seed=1", "--values", "${args_no_hyphens}"]


@pytest.mark.parametrize(
    ("ours", "method", "early_terminate", "max_trials", "message"),
    [
        ({"sampler": "tpe", "pruner": "median"}, "bayes", {"min_iter": 2, "eta": 2, "strict": False}, 3, "no median"),
        ({"sampler": "gp", "pruner": "halving"}, "bayes", {"min_iter": 1, "eta": 3, "strict": True}, 3, "best third"),
        ({"pruner": "none", "trials": None, "minutes": 90}, "random", None, None, "minutes=90"),
        ({"pruner": "none", "storage": "sqlite:///x.db"}, "random", None, 3, "storage"),
        ({"sampler": "grid", "pruner": "none", "space": {"seed": {"low": 0, "high": 4}}}, "grid", None, 3, "seed"),
    ],
)
def test_sampler_pruner_and_limits_are_exported(sweep, ours, method, early_terminate, max_trials, message):
    text = wandb_sweep_yaml(sweep(**ours), "mine", [])
    exported = yaml.safe_load(text)
    assert exported["method"] == method
    assert exported.get("early_terminate") == (early_terminate and {"type": "hyperband", **early_terminate})
    assert exported.get("run_cap") == max_trials
    assert message in text
    assert ("impute" in exported["metric"]) == (method == "bayes")
    if method == "grid":
        assert exported["parameters"] == {"seed": {"values": [0, 1, 2, 3, 4]}}


@pytest.mark.parametrize("name", sweep_names())
def test_every_sweep_matches_the_schema_of_wandb(name):
    spec = importlib.util.find_spec("sweeps")
    schema = Path(spec.origin).parent / "config/schema.json" if spec and spec.origin else None
    if schema is None or not schema.is_file():
        pytest.skip("needs W&B's schema: pip install --no-deps sweeps")
    exported = yaml.safe_load(wandb_sweep_yaml(read_sweep(name, []), name, [], "photos", "team"))
    jsonschema.validate(exported, json.loads(schema.read_text()))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(exported | {"sampler": "tpe"}, json.loads(schema.read_text()))


@pytest.mark.parametrize("name", sweep_names())
def test_every_value_round_trips_through_an_agent(name):
    sweep = read_sweep(name, [])
    parameters = yaml.safe_load(wandb_sweep_yaml(sweep, name, []))["parameters"]
    wandb_names = dict(zip(sweep.space, parameters, strict=True))
    for values in sweep.validation_values():
        chosen = {}
        for parameter, value in values.items():
            listed = parameters[wandb_names[parameter]].get("values")
            where = sweep.space[parameter].values()
            chosen[wandb_names[parameter]] = listed[where.index(value)] if listed else value
        assert parse_agent_values(sweep, agent_arguments(json.loads(json.dumps(chosen)))) == values


def test_values_formatted_by_an_agent_are_parsed(sweep):
    chosen = {
        "trainer.gradient_clip_val": 1, "model.mask": True, "optimizer.betas": "[0.5, 0.9]", "choices.loss": "huber",
        "choices.augment": "none", "seed": 3.0, "data.batch_size": 16.0, "optimizer.lr": 1e-05,
        "lr_schedule.min_factor": 0, "lr_schedule.warmup_fraction": 0.2, "trial.network": "1",
    }  # fmt: skip
    config = sweep()
    values = parse_agent_values(config, agent_arguments(chosen))
    assert config.trial_overrides(values) == [
        "trainer.gradient_clip_val=1.0", "model.mask=true", "optimizer.betas=[0.5, 0.9]", "loss=huber", "augment=none",
        "seed=3", "data.batch_size=16", "optimizer.lr=1e-05", "lr_schedule.min_factor=0.0",
        "lr_schedule.warmup_fraction=0.2", "model=unet",
    ]  # fmt: skip
    assert config.categorical_labels(values) == {"network": "1"}
    assert (
        parse_agent_values(config, agent_arguments(chosen | {"trainer.gradient_clip_val": "null"}))[
            "trainer.gradient_clip_val"
        ]
        == "null"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["choices.loss=psnr"], "choices.loss=psnr: not a value in the search space"),
        (["choices.loss=mse", "other=1"], "other: unknown parameter; the sweep has choices.loss"),
        ([], "choices.loss: has no value"),
    ],
)
def test_values_of_a_changed_sweep_are_rejected(sweep, words, message):
    with pytest.raises(ConfigError, match="chromahint sweep wandb") as caught:
        parse_agent_values(sweep(space={"loss": ["mse", "huber"]}), words)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["spreadnet", "logger=none"], "Type logger=wandb"),
        (["spreadnet", "logger.wandb.mode=offline"], "logger.wandb.mode=auto"),
        (["spreadnet", "loss=mse"], "the sweep varies this key itself"),
        (["spreadnat"], "Did you mean spreadnet?"),
        (["spreadnet", "trainer"], "trainer: not key=value"),
    ],
)
def test_invalid_export_is_an_error_with_advice(command, words, message):
    shown = command("sweep", "wandb", *words)
    assert shown.status == 2
    assert message in shown.err


# --- W&B's agent, without its server


@pytest.fixture
def agent(tmp_path, monkeypatch, tiny, python):
    """`agent(*overrides, **values)` lets W&B's own agent start a trial of a tiny sweep; returns the process."""
    space = {
        "loss": ["mse", "huber"],
        "optimizer.betas": [[0.5, 0.9], [0.9, 0.999]],
        "network": {"plain": ["model=unet"], "gated": ["model=hscaunet", "model.channel_attention=spatial"]},
    }
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({"space": space, "sampler": "grid", "pruner": "none"}))
    monkeypatch.chdir(tmp_path)
    # agents need the command on the PATH
    monkeypatch.setenv("PATH", f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}")
    environment = {"SWEEP_ID": "sw33p", "RUN_ID": "", "SWEEP_PARAM_PATH": "", "DIR": str(tmp_path), "PROJECT": "photos"}
    environment["SERVICE"] = ""  # not the W&B service of an earlier test in this process
    for name, value in environment.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    started = []

    def start(command, *words, run_id="r1", **chosen):
        others = [word for word in tiny if not word.startswith("model=")]  # which the sweep chooses
        written = command("sweep", "wandb", "tiny.yaml", *others, "logger=wandb", *words)
        assert written.status == 0, written.err
        exported = yaml.safe_load((tmp_path / "tiny_wandb.yaml").read_text())
        values = {name: each["values"][0] for name, each in exported["parameters"].items()} | chosen
        wandb_agent = Agent(None, queue.Queue(), sweep_id="sw33p")
        wandb_agent._sweep_command = exported["command"]
        # the message of the server for a run
        wandb_agent._command_run(
            {
                "type": "run",
                "run_id": run_id,
                "program": exported["program"],
                "args": {name: {"value": value} for name, value in values.items()},
            }
        )
        started.append(wandb_agent._run_processes[run_id])
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_agent_trains_in_its_wandb_run(agent, command, process, tmp_path, inspect_wandb):
    trial = agent(command, **{"choices.loss": "huber", "trial.network": "gated", "optimizer.betas": "[0.9, 0.999]"})
    assert trial.wait(timeout=300) == 0
    [folder] = (tmp_path / "runs/sweep/tiny-sw33p").iterdir()
    run = open_run(folder)
    assert (run.metadata["state"], run.metadata["group"]) == ("finished", "sweep/tiny")
    assert folder.name.startswith("r1-loss-huber")
    assert (run.config["loss"]["_target_"], run.config["optimizer"]["betas"]) == (
        "chromahint.training.losses.Huber", [0.9, 0.999],
    )  # fmt: skip
    assert run.config["model"]["channel_attention"] == "spatial"
    shown = inspect_wandb(folder)
    assert (shown["run_id"], run.metadata["wandb_id"], shown["project"]) == ("r1", "r1", "photos")
    assert shown["summary"]["val/psnr"]["max"] > 0
    # as the server names them, and as runs of other sweeps log them
    assert shown["config"]["choices.loss"] == shown["config"]["choices"]["loss"] == "huber"
    assert shown["config"]["trial.network"] == shown["config"]["trial"]["network"] == "gated"
    assert shown["config"]["model"] == run.config["model"]
    rejected = process(tmp_path, "sweep", "trial", "tiny.yaml", "--values", "choices.loss=psnr")
    assert rejected.status == 2
    assert "not a value in the search space" in rejected.err


def test_trial_stopped_by_wandb_is_not_a_failure(agent, command, tmp_path):
    words = ["trainer.max_steps=100000", "callbacks.checkpoint.every_n_steps=1", "trainer.val_check_interval=100000"]
    process = agent(command, *words, **{"trial.network": "plain"})
    deadline = time.monotonic() + 300
    while not (checkpoints := list((tmp_path / "runs/sweep/tiny-sw33p").glob("*/checkpoints/last.ckpt"))):
        assert process.poll() is None, "training ended before its first checkpoint"
        assert time.monotonic() < deadline, "no checkpoint"
        time.sleep(0.1)
    process.terminate()  # as W&B's agent does
    assert process.wait(timeout=300) == 0
    assert open_run(checkpoints[0].parents[1]).metadata["state"] == "interrupted"
