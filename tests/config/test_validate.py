"""Each rule of the check, with a config that breaks it, and the way out that its message names."""

import pytest

from chromahint.config.compose import compose
from chromahint.config.errors import ConfigError
from chromahint.config.validate import validate


def message(*overrides, kind="train"):
    with pytest.raises(ConfigError) as caught:
        validate(compose(kind, list(overrides)).config, kind)
    return str(caught.value)


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        # unknown
        ("+depth=4", ["depth", "there is no such option", "seed"]),
        ("+sede=4", ["Did you mean seed?"]),
        ("+model.widht=4", ["model.widht", "Did you mean width?"]),
        ("+loss.class_weight=1", ["loss.class_weight", "delta"]),
        # types
        ("model.width=wide", ["model.width=wide", "a whole number"]),
        ("model.width=8.5", ["model.width=8.5", "a whole number"]),
        ("trainer.compile=1", ["trainer.compile", "true or false"]),
        ("data.resize_mode=stretch", ["data.resize_mode=stretch", "squash, random_crop or random_resized_crop"]),
        ("optimizer.betas=0.9", ["optimizer.betas", "a list"]),
        ("optimizer.betas=[a,b]", ["optimizer.betas", "a number"]),
        ("protocol.hint_counts=[1,x]", ["protocol.hint_counts", "a whole number"]),
        ("trainer.precision=64", ["trainer.precision", "bf16-mixed"]),
        ("trainer.devices=all", ["trainer.devices", "auto"]),
        ("seed=abc", ["seed=abc", "a whole number"]),
        ("seed=1.5", ["seed=1.5", "a whole number"]),
        ("seed=null", ["seed", "a whole number"]),
        ("runs_dir=5", ["runs_dir=5", "a text"]),
        ("name=[a]", ["name=", "a text"]),
        ("weights=null", ["weights=", "a text"]),
        # numbers
        ("seed=-1", ["seed=-1", "from 0"]),
        ("data.batch_size=0", ["data.batch_size=0", "from 1"]),
        ("data.train_size=8", ["data.train_size=8", "from 16"]),
        ("data.num_workers=-1", ["data.num_workers=-1", "from 0"]),
        ("data.max_images=0", ["data.max_images=0", "from 1", "null"]),
        ("model.width=7", ["model.width=7", "even number"]),
        ("model.width=0", ["model.width=0", "from 4"]),
        ("optimizer.lr=0", ["optimizer.lr=0", "above 0"]),
        ("trainer.devices=0", ["trainer.devices=0", "auto"]),
        ("trainer.accumulate_grad_batches=0", ["trainer.accumulate_grad_batches=0", "from 1"]),
        ("trainer.gradient_clip_val=-1", ["trainer.gradient_clip_val=-1", "null"]),
        ("trainer.val_check_interval=0", ["trainer.val_check_interval=0", "null"]),
        ("trainer.log_every_n_steps=0", ["trainer.log_every_n_steps=0", "from 1"]),
        ("trainer.max_steps=0", ["trainer.max_steps=0", "null"]),
        ("trainer.max_epochs=0", ["trainer.max_epochs=0", "null"]),
        ("trainer.max_minutes=0", ["trainer.max_minutes=0", "null"]),
        ("protocol.size=8", ["protocol.size=8", "from 16"]),
        # files
        ("weights=nowhere.ckpt", ["weights=nowhere.ckpt", "there is no such file"]),
        # not set
        ("data=folder", ["data.root is not set", "data.root=VALUE"]),
        ("~data.resize_mode", []),
        ("~weights", ["weights"]),
        ("~runs_dir", ["runs_dir"]),
        # targets
        ("model._target_=chromahint.models.unet.Unet", ["model._target_", "defines no Unet"]),
        ("model._target_=chromahint.models.none.UNet", ["model._target_", "no Python module"]),
        ("model._target_=UNet", ["model._target_", "package.module.Name"]),
        ("model._target_=5", ["model", "_target_", "package.module.Name"]),
        ("~model._target_", ["model"]),
        ("callbacks.ema=5", ["callbacks.ema", "null"]),
        # contradictions
        ("loss=zhang", ["color classes", "model=zhang2017"]),
        ("data.eval_size=128", ["data.eval_size=128", "protocol.size"]),
    ],
)
def test_each_rule(typed, parts):
    if typed == "~data.resize_mode":  # an option with a default may be left out
        validate(compose("train", [typed]).config, "train")
        return
    said = message(typed)
    for part in parts:
        assert part in said


def test_training_that_would_never_end():
    said = message("trainer.max_steps=null", "trainer.max_minutes=null")
    assert "trainer.max_steps, trainer.max_epochs, trainer.max_minutes" in said


@pytest.mark.parametrize("limit", ["max_steps=5", "max_epochs=1", "max_minutes=0.5"])
def test_one_limit_is_enough(limit):
    others = [f"trainer.{name}=null" for name in ("max_steps", "max_epochs", "max_minutes")]
    validate(compose("train", [*others, f"trainer.{limit}"]).config, "train")


def test_a_folder_that_is_not_there():
    said = message("data=folder", "data.root=/no/such/folder")
    assert "data.root=/no/such/folder: there is no such folder" in said
    assert "type data.root=" in said


def test_home_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "photos").mkdir()
    validate(compose("train", ["data=folder", "data.root=~/photos"]).config, "train")


def test_nested_targets_are_checked():
    sampler = "{_target_: chromahint.hints.samplers.LogUniformPixels, low: few}"
    said = message("hints=mixture", f"hints.samplers=[{sampler}]", "hints.weights=[1]")
    assert "hints.samplers[0].low=few" in said


def test_what_a_nested_target_lacks():
    sampler = "{_target_: chromahint.hints.samplers.FixedProbabilityPixels}"
    assert "hints.samplers[0]" in message("hints=mixture", f"hints.samplers=[{sampler}]", "hints.weights=[1]", "+x=1")


def test_all_problems_in_one_message():
    said = message("model.width=wide", "+data.color=red", "loss.delta=small", "+nonsense=1")
    assert len(said.splitlines()) == 4
    for part in ("model.width", "data.color", "loss.delta", "nonsense"):
        assert part in said


def test_all_wrong_numbers_in_one_message():
    said = message("model.width=7", "optimizer.lr=0", "weights=nowhere", "data.batch_size=0")
    assert len(said.splitlines()) == 4


def test_each_problem_once():
    said = message("protocol.size=wide")
    assert len(said.splitlines()) == len(set(said.splitlines()))


def test_right_configs_pass(photos):
    validate(compose("train", []).config, "train")
    validate(compose("train", ["loss=zhang", "model=zhang2017", "seed=0"]).config, "train")
    validate(compose("train", ["data=folder", f"data.root={photos}", "model.width=4"]).config, "train")
    validate(compose("evaluate", ["model=pullpush"]).config, "evaluate")


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        (["model=unet", "batch_size=0"], ["batch_size=0", "from 1"]),
        (["model=unet", "batch_size=abc"], ["batch_size=abc", "a whole number"]),
        (["model=unet", "batch_size=null"], ["batch_size", "a whole number"]),
        (["model=unet", "+loss=mse"], ["loss"]),
        (["model=unet", "weights=nowhere"], ["weights=nowhere", "no such file"]),
        (["model=unet", "data=folder"], ["data.root=VALUE"]),
        (["model=unet", "model.width=3"], ["even number"]),
        (["model=unet", "output=5"], ["output=5", "a text"]),
        (["model=unet", "device=null"], ["device", "a text"]),
    ],
)
def test_rules_of_evaluation(typed, parts):
    said = message(*typed, kind="evaluate")
    for part in parts:
        assert part in said
