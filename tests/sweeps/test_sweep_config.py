"""Parsing of sweep files, and error messages for invalid ones."""

import os
import subprocess
import sys

import pytest
import yaml

from chromahint.config.errors import ConfigError
from chromahint.launch.launcher import compose_and_validate
from chromahint.sweeps.start import compose_trials
from chromahint.sweeps.sweep_config import load_sweep, read_sweep, sweep_names

GOOD = {"space": {"model": ["unet", "resunet"]}, "trials": 3}


@pytest.fixture
def file(tmp_path):
    """`file(space=..., trials=...)` writes a sweep file and returns its path."""

    def write(**content):
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(GOOD | content, sort_keys=False))
        return str(path)

    return write


@pytest.mark.slow
@pytest.mark.parametrize("name", sweep_names())
def test_every_value_of_every_sweep_composes(name):
    sweep = read_sweep(name, ["logger=none"])
    for values in sweep.validation_values():
        compose_and_validate(sweep.trial_overrides(values))


def test_packaged_sweeps():
    assert {"selecting_model_2021", "hyperparameters_2021", "hscaunet", "spreadnet"} <= set(sweep_names())


def test_values_become_overrides(file):
    space = {
        "model.width": [8, 16],
        "loss": ["mse", "huber"],
        "optimizer.betas": [[0.5, 0.9], [0.9, 0.999]],
        "model.mask": [True, False],
        "trainer.gradient_clip_val": [None, 1.0],
        "optimizer.lr": {"low": "1e-4", "high": 0.01, "log": True},
        "data.batch_size": {"low": 4, "high": 16, "step": 4},
        "net": {"plain": ["model=unet"], "gated": ["model=hscaunet", "model.channel_attention=spatial"]},
    }
    sweep = read_sweep(file(space=space, overrides=["seed=3"]), ["data.train_size=64", "trials=5"])
    values = {
        "model.width": "8", "loss": "mse", "optimizer.betas": "[0.5, 0.9]", "model.mask": "false",
        "trainer.gradient_clip_val": "null", "optimizer.lr": 0.002, "data.batch_size": 12, "net": "gated",
    }  # fmt: skip
    assert sweep.trial_overrides(values) == [
        "seed=3", "data.train_size=64", "model.width=8", "loss=mse", "optimizer.betas=[0.5, 0.9]", "model.mask=false",
        "trainer.gradient_clip_val=null", "optimizer.lr=0.002", "data.batch_size=12", "model=hscaunet",
        "model.channel_attention=spatial",
    ]  # fmt: skip
    assert sweep.trials == 5
    lr, batch = sweep.space["optimizer.lr"], sweep.space["data.batch_size"]
    assert (lr.low, lr.is_integer, lr.values()) == (1e-4, False, None)
    assert (batch.is_integer, batch.values()) == (True, [4, 8, 12, 16])


def test_validation_covers_each_value_once_not_every_combination(file):
    sweep = read_sweep(
        file(space={"model": ["unet", "resunet"], "seed": [0, 1, 2], "data.train_size": {"low": 32, "high": 64}}), []
    )
    assert [list(values.values()) for values in sweep.validation_values()] == [
        ["unet", "0", 32], ["resunet", "0", 32], ["unet", "1", 32], ["unet", "2", 32], ["unet", "0", 64],
    ]  # fmt: skip


def test_grid_size_limits_trials(file):
    sweep = read_sweep(
        file(space={"model": ["unet", "resunet"], "seed": {"low": 0, "high": 2}}, trials=None, sampler="grid"), []
    )
    assert sweep.max_trials == len(sweep.grid_combinations()) == 6
    assert read_sweep(file(sampler="grid", trials=9), []).max_trials == 2
    assert read_sweep(file(sampler="grid", trials=1), []).max_trials == 1


def test_objective_has_a_unit_and_a_direction(file):
    sweep = read_sweep(file(), [])
    assert (sweep.objective, sweep.objective_label) == ("val/psnr", "val/psnr in dB")
    assert sweep.best_score([20.0, 30.0]) == 30
    sweep = read_sweep(file(objective="val/ciede2000@10"), [])
    assert (sweep.objective_label, sweep.objective_hint_count) == ("val/ciede2000@10", 10)
    assert sweep.best_score([20.0, 30.0]) == 20
    assert read_sweep(file(), ["objective=val/ssim"]).best_score([0.8, 0.9]) == 0.9


def test_objective_needs_a_validated_number_of_hints(file):
    with pytest.raises(
        ConfigError, match=r"objective=val/psnr@7: training validates at 0, 1, 10, 100, 328, 1966 hints"
    ):
        compose_trials(read_sweep(file(objective="val/psnr@7"), ["logger=none"]))
    assert compose_trials(read_sweep(file(objective="val/psnr@7"), ["logger=none", "protocol.hint_counts=[0,7]"]))


def test_saved_config_loads_again(file, tmp_path):
    sweep = read_sweep(file(overrides=["seed=3"]), ["data.train_size=64", "sampler=random"])
    sweep.save(tmp_path / "runs")
    assert load_sweep(tmp_path / "runs") == sweep


def test_local_conf_takes_precedence(tmp_path, monkeypatch):
    (tmp_path / "conf/sweep").mkdir(parents=True)
    (tmp_path / "conf/sweep/spreadnet.yaml").write_text(yaml.safe_dump(GOOD, sort_keys=False))
    monkeypatch.chdir(tmp_path)
    assert list(read_sweep("spreadnet", []).space) == ["model"]
    assert "spreadnet" in sweep_names()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"space": {}}, "space={}: must map config keys to parameters"),
        ({"space": {"model": "unet"}}, "space.model='unet': is not a parameter. Write a list of values"),
        ({"space": {"model": []}}, "space.model=[]"),
        ({"space": {"seed": [0, 0]}}, "twice"),
        ({"space": {"optimizer.lr": {"low": 0.1}}}, "is not a range. Write {low: , high: }"),
        ({"space": {"optimizer.lr": {"low": 0.1, "high": 0.01}}}, "low=0.1 must be < high=0.01"),
        ({"space": {"optimizer.lr": {"low": 0, "high": 0.01, "log": True}}}, "must start above 0"),
        ({"space": {"optimizer.lr": {"low": "much", "high": 1}}}, "low='much': must be a finite number"),
        ({"space": {"net": {"a": "model=unet"}}}, "a list of overrides"),
        ({"space": {"model": ["unet,resunet"]}}, "with a single value"),
        ({"sampler": "tep"}, "sampler=tep: unknown sampler; choose one of tpe, random, gp, grid. Did you mean tpe?"),
        ({"objective": "val/pnsr"}, "objective=val/pnsr: unknown metric; choose one of val/psnr, val/ssim, "),
        ({"objective": "val/psnr@ten"}, "such as val/psnr@10"),
        ({"objective": None}, "objective=None: unknown metric"),
        ({"pruner": "mean"}, "unknown pruner; choose one of median, halving, none"),
        ({"trials": 0}, "trials=0: must be an integer >= 1"),
        ({"trials": True}, "trials=true"),
        ({"minutes": "long"}, "minutes=long: must be a number > 0"),
        ({"trials": None}, "would never end. Set trials, minutes"),
        ({"storage": "sweep.db"}, "sqlite:///sweep.db"),
        ({"heartbeat": None}, "heartbeat=null: must be an integer >= 1"),
        ({"pruners": "none"}, "pruners: unknown key"),
        ({"overrides": ["model=unet"]}, "model=unet: the sweep varies this key itself"),
        ({"overrides": "seed=1"}, "a list of overrides"),
        ({"overrides": ["~seed"]}, "must be key=value"),
        ({"sampler": "grid", "space": {"optimizer.lr": {"low": 0.1, "high": 1.0}}}, "a grid needs discrete values"),
    ],
)  # fmt: skip
def test_invalid_content_is_an_error_with_advice(file, content, said):
    with pytest.raises(ConfigError) as raised:
        read_sweep(file(**content), [])
    assert said in str(raised.value)
    assert "mine.yaml" in str(raised.value)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ([], ["the name of the sweep is missing", "selecting_model_2021"]),
        (["model=unet"], ["the name of the sweep is missing"]),
        (["spraednet"], ["spraednet: unknown sweep", "Did you mean spreadnet?"]),
        (["spreadnet", "-m"], ["-m", "chromahint sweep"]),
        (
            ["spreadnet", "model.propagation_steps=3"],
            ["model.propagation_steps=3: the sweep varies this key itself"],
        ),
        (["spreadnet", "trials=none"], ["trials=none", "an integer >= 1"]),
        (["spreadnet", "trainer.max_stesp=3"], ["Did you mean max_steps?"]),
        (["spreadnet", "data=folder", "data.root=nowhere"], ["nowhere: folder not found"]),
        (["spreadnet", "storage=postgrse://x/y"], ["storage=postgrse://x/y: cannot be opened"]),
        (["status", "spreadnet"], ["no such sweep was started here", "runs contains no sweep"]),
        (["plot", "spreadnet"], ["no such sweep was started here"]),
    ],
)
def test_invalid_arguments_are_an_error_with_advice(command, words, parts):
    ended = command("sweep", *words)
    assert ended.status == 2
    for part in parts:
        assert part in ended.err
    assert "Traceback" not in ended.err


def test_untrainable_model_is_rejected(command, file):
    ended = command("sweep", file(space={"model": ["unet", "gray"]}))
    assert ended.status == 2
    assert "model=gray: has no parameters to train" in ended.err
    assert not (ended.folder / "runs").exists()


def test_unknown_model_is_found_before_slow_imports(file):
    path = file(space={"model": ["unet", "resunett"]})
    code = (
        f"import sys\nfrom chromahint.cli.main import main\nassert main(['sweep', {path!r}]) == 2\n"
        "assert not {'torch', 'lightning', 'optuna', 'wandb'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "resunett" in done.stderr
