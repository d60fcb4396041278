"""Each rule of the config check, with a config that breaks it and the way out that the message names."""

from pathlib import Path

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
        ("+depth=4", ["depth: unknown option", "seed"]),
        ("+sede=4", ["Did you mean seed?"]),
        ("+model.widht=4", ["model.widht", "Did you mean width?"]),
        ("+loss.class_weight=1", ["loss.class_weight", "delta"]),
        # types
        ("model.width=wide", ["model.width=wide", "an integer", "Try model.width=16."]),
        ("model.width=8.5", ["model.width=8.5", "an integer"]),
        ("trainer.compile=1", ["trainer.compile", "true or false"]),
        ("data.resize_mode=stretch", ["data.resize_mode=stretch", "squash, random_crop, or random_resized_crop"]),
        ("optimizer.betas=0.9", ["optimizer.betas", "a list"]),
        ("optimizer.betas=[a,b]", ["optimizer.betas", "a number"]),
        ("protocol.hint_counts=[1,x]", ["protocol.hint_counts", "an integer"]),
        ("trainer.precision=64", ["trainer.precision", "bf16-mixed"]),
        ("trainer.devices=all", ["trainer.devices", "auto"]),
        ("seed=abc", ["seed=abc", "an integer"]),
        ("seed=1.5", ["seed=1.5", "an integer"]),
        ("seed=null", ["seed=null", "an integer"]),
        ("runs_dir=5", ["runs_dir=5", "must be text"]),
        ("name=[a]", ["name=", "text or null"]),
        ("weights=null", ["weights=null", "text"]),
        # ranges: too small
        ("seed=-1", ["seed=-1", ">= 0"]),
        ("data.batch_size=0", ["data.batch_size=0: must be an integer >= 1", "Try data.batch_size=16."]),
        ("data.train_size=8", ["data.train_size=8", ">= 16"]),
        ("data.num_workers=-1", ["data.num_workers=-1", ">= 0"]),
        ("data.max_images=0", ["data.max_images=0", ">= 1", "null"]),
        ("data.scene_size=16", ["data.scene_size=16", ">= 32"]),
        ("model.width=7", ["model.width=7", "a multiple of 2"]),
        ("model.width=0", ["model.width=0", ">= 4"]),
        ("optimizer.lr=0", ["optimizer.lr=0", "> 0"]),
        ("trainer.devices=0", ["trainer.devices=0", "auto"]),
        ("trainer.accumulate_grad_batches=0", ["trainer.accumulate_grad_batches=0", ">= 1"]),
        ("trainer.gradient_clip_val=-1", ["trainer.gradient_clip_val=-1", "null"]),
        ("trainer.val_check_interval=0", ["trainer.val_check_interval=0", "null"]),
        ("trainer.log_every_n_steps=0", ["trainer.log_every_n_steps=0", ">= 1"]),
        ("trainer.max_steps=0", ["trainer.max_steps=0", "null"]),
        ("trainer.max_epochs=0", ["trainer.max_epochs=0", "null"]),
        ("trainer.max_minutes=0", ["trainer.max_minutes=0", "null"]),
        ("protocol.size=8", ["protocol.size=8", ">= 16"]),
        # ranges: too large
        ("data.num_workers=1000000", ["data.num_workers=1000000", "<= 1024"]),
        (f"data.batch_size={10**19}", [f"data.batch_size={10**19}", "<= 65,536"]),
        ("data.batch_size=1e19", ["data.batch_size=1e+19", "an integer"]),
        (f"data.train_size={10**9}", ["data.train_size=", "<= 8192"]),
        (f"data.max_images={10**19}", ["data.max_images=", "<= 1,000,000,000, or null"]),
        (f"data.num_train={10**10}", ["data.num_train=", "<= 1,000,000,000"]),
        (f"protocol.size={10**19}", ["protocol.size=", "<= 8192"]),
        ("protocol.size=3162277661", ["protocol.size=3162277661", "<= 8192"]),
        (f"protocol.hint_counts=[{10**19}]", ["protocol.hint_counts=", "<= 67,108,864"]),
        (f"protocol.hint_counts={list(range(1001))}".replace(" ", ""), ["protocol.hint_counts=", "of 1 to 1000"]),
        (f"model.width={10**9}", ["model.width=1000000000", "<= 4096"]),
        (f"model.propagation_steps={10**9}", ["model.propagation_steps=", "<= 1000"]),
        (f"seed={2**32}", [f"seed={2**32}", "<= 4,294,967,295"]),
        (f"trainer.devices={10**6}", ["trainer.devices=", "<= 1024"]),
        (f"trainer.max_steps={10**19}", ["trainer.max_steps=", "<= 1,000,000,000"]),
        (f"trainer.accumulate_grad_batches={10**19}", ["trainer.accumulate_grad_batches=", "<="]),
        (f"callbacks.checkpoint.every_n_steps={10**19}", ["callbacks.checkpoint.every_n_steps=", "<="]),
        (f"callbacks.image_logger.num_images={10**6}", ["callbacks.image_logger.num_images=", "<= 256"]),
        # numbers must be finite
        ("optimizer.lr=1e400", ["optimizer.lr=inf: must be a finite number > 0"]),
        ("optimizer.lr=nan", ["optimizer.lr=nan: must be a finite number > 0"]),
        ("optimizer.lr=-inf", ["optimizer.lr=-inf: must be a finite number > 0"]),
        ("optimizer.betas=[0.9,nan]", ["optimizer.betas=", "< 1"]),
        ("loss.delta=inf", ["loss.delta=inf: must be a finite number"]),
        ("trainer.max_minutes=inf", ["trainer.max_minutes=inf: must be a finite number", "null"]),
        ("trainer.gradient_clip_val=nan", ["trainer.gradient_clip_val=nan: must be a finite number"]),
        ("hints.high=nan", ["hints.high=nan: must be a finite number"]),
        # lists
        ("optimizer.betas=[0.9]", ["optimizer.betas=[0.9]", "of 2"]),
        ("protocol.hint_counts=[]", ["protocol.hint_counts=[]", "of 1 to 1000"]),
        # not set
        ("data=folder", ["data.root: not set", "data.root=VALUE"]),
        ("~data.resize_mode", []),
        ("~weights", ["weights"]),
        ("~runs_dir", ["runs_dir"]),
        # targets
        ("model._target_=chromahint.models.unet.Unet", ["model._target_", "defines no Unet"]),
        ("model._target_=chromahint.models.none.UNet", ["model._target_", "module chromahint.models.none not found"]),
        ("model._target_=UNet", ["model._target_", "package.module.Name"]),
        ("model._target_=5", ["model", "_target_"]),
        ("~model._target_", ["model"]),
        ("callbacks.ema=5", ["callbacks.ema", "null"]),
        # contradictions
        ("loss=zhang", ["loss=zhang", "color classes", "model=spreadnet has none", "model=zhang2017"]),
        ("loss=rebalanced_classes", ["loss=rebalanced_classes", "model=spreadnet has none", "model=zhang2016"]),
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


def test_loss_of_other_color_classes():
    said = message("loss=zhang", "model=zhang2016")
    assert "loss=zhang: needs 529 color classes, and model=zhang2016 has 313. Try model=zhang2017" in said


def test_training_that_would_never_end():
    said = message("trainer.max_steps=null", "trainer.max_minutes=null")
    assert "trainer.max_steps, trainer.max_epochs, trainer.max_minutes" in said


@pytest.mark.parametrize("limit", ["max_steps=5", "max_epochs=1", "max_minutes=0.5"])
def test_one_limit_is_enough(limit):
    others = [f"trainer.{name}=null" for name in ("max_steps", "max_epochs", "max_minutes")]
    validate(compose("train", [*others, f"trainer.{limit}"]).config, "train")


@pytest.mark.parametrize(
    ("data", "option"),
    [("folder", "root"), ("packed", "root"), ("places_imagenet", "places_root"), ("places_imagenet", "imagenet_root")],
)
def test_a_folder_that_does_not_exist(data, option, tmp_path):
    roots = [f"data.{each}={tmp_path}" for each in ("places_root", "imagenet_root") if data == "places_imagenet"]
    said = message(f"data={data}", *roots, f"data.{option}=/no/such/folder")
    assert said == f"data.{option}=/no/such/folder: folder not found. Pass data.{option}=PATH of an existing folder."


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "photos").mkdir()
    validate(compose("train", ["data=folder", "data.root=~/photos"]).config, "train")


def test_nested_targets_are_checked():
    sampler = "{_target_: chromahint.hints.samplers.LogUniformPixels, low: few}"
    said = message("hints=mixture", f"hints.samplers=[{sampler}]", "hints.weights=[1]")
    assert "hints.samplers[0].low=few" in said


def test_a_missing_option_of_a_nested_target():
    sampler = "{_target_: chromahint.hints.samplers.FixedProbabilityPixels}"
    assert "hints.samplers[0]" in message("hints=mixture", f"hints.samplers=[{sampler}]", "hints.weights=[1]", "+x=1")


def test_all_problems_in_one_message():
    said = message("model.width=wide", "+data.color=red", "loss.delta=small", "+nonsense=1")
    assert len(said.splitlines()) == 4
    for part in ("model.width", "data.color", "loss.delta", "nonsense"):
        assert part in said


def test_all_wrong_numbers_in_one_message():
    said = message("model.width=7", "optimizer.lr=0", "data.batch_size=0")
    assert len(said.splitlines()) == 3


def test_each_problem_once():
    said = message("protocol.size=wide")
    assert len(said.splitlines()) == len(set(said.splitlines()))


def test_right_configs_pass(photos):
    validate(compose("train", []).config, "train")
    validate(compose("train", ["loss=zhang", "model=zhang2017", "seed=0"]).config, "train")
    validate(compose("train", ["loss=rebalanced_classes", "model=zhang2016"]).config, "train")
    validate(compose("train", ["data=folder", f"data.root={photos}", "model.width=4"]).config, "train")
    validate(compose("evaluate", ["model=pullpush"]).config, "evaluate")


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        (["model=unet", "batch_size=0"], ["batch_size=0", ">= 1"]),
        (["model=unet", f"batch_size={10**19}"], ["batch_size=", "<= 65,536"]),
        (["model=unet", "batch_size=abc"], ["batch_size=abc", "an integer"]),
        (["model=unet", "batch_size=null"], ["batch_size", "an integer"]),
        (["model=unet", "input_size=8"], ["input_size=8", ">= 16", "null"]),
        (["model=unet", f"input_size={10**9}"], ["input_size=", "<= 8192"]),
        (["model=unet", f"seed={2**32}"], [f"seed={2**32}", "<= 4,294,967,295"]),
        (["model=unet", "split=tset"], ["split=tset", "train, val, test, all, or null"]),
        (["model=unet", "+loss=mse"], ["loss"]),
        (["model=unet", "data=folder"], ["data.root=VALUE"]),
        (["model=unet", "model.width=3"], ["a multiple of 2"]),
        (["model=unet", "output=5"], ["output=5", "text"]),
        (["model=unet", "device=null"], ["device", "text"]),
    ],
)
def test_rules_of_evaluation(typed, parts):
    said = message(*typed, kind="evaluate")
    for part in parts:
        assert part in said


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ("launcher.minutes=1", ["launcher.minutes=1", ">= 3", "Try launcher.minutes=240."]),
        ("launcher.cpus=1000000", ["launcher.cpus=1000000", "<= "]),
        ("launcher.memory_gb=0", ["launcher.memory_gb=0", ">= 1", "null"]),
        ("launcher.gpus=-1", ["launcher.gpus=-1", ">= 0"]),
    ],
)
def test_rules_of_launchers(typed, parts):
    said = message("launcher=slurm", typed, kind="multirun")
    for part in parts:
        assert part in said


def test_options_of_a_source_are_those_of_its_class(photos):
    folder = ["data=folder", f"data.root={photos}"]
    assert "data.scene_size: unknown option" in message(*folder, "+data.scene_size=64")
    assert "data.val_fraction=2: must be" in message(*folder, "data.val_fraction=2")
    assert "Did you mean val_fraction?" in message(*folder, "+data.val_fractoin=0.5")
    assert "data.source=5: must be a node with a _target_" in message(*folder, "data.source=5")


def test_data_without_photos_cannot_be_trained_on(photos):
    said = message("data=hint_mask_pairs", f"data.root={photos}")
    assert said == "data=hint_mask_pairs: has no photos to train on. Try data=folder data.root=/path/to/photos."


def test_rules_follow_from_signatures_and_not_from_class_names(tmp_path, monkeypatch):
    (tmp_path / "mylosses.py").write_text(
        "from chromahint.training.losses import Zhang\n\nclass Weighted(Zhang):\n    weight = 2\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    said = message("loss=zhang", "loss._target_=mylosses.Weighted")
    assert "loss._target_=mylosses.Weighted: needs a model with color classes" in said
    validate(compose("train", ["loss=zhang", "loss._target_=mylosses.Weighted", "model=zhang2017"]).config, "train")


def test_no_rule_is_written_in_the_check_itself():
    """Names of options and classes that the check would know about."""
    import chromahint.config.validate as module

    source = Path(module.__file__).read_text(encoding="utf-8")
    for name in ("chromahint.training", "chromahint.models", "chromahint.data", "batch_size", "width", ">= "):
        assert name not in source
