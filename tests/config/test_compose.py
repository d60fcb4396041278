"""Composing a config from overrides, and the messages about overrides that can't be composed."""

import pytest

from chromahint.config.compose import compose
from chromahint.config.errors import ConfigError, did_you_mean


def message(*overrides, name="train"):
    with pytest.raises(ConfigError) as caught:
        compose(name, list(overrides))
    return str(caught.value)


def test_the_defaults():
    composed = compose("train", [])
    assert composed.choices["model"] == "spreadnet"
    assert composed.config["model"]["_target_"] == "chromahint.models.spreadnet.SpreadNet"
    assert composed.config["logger"]["wandb"]["_target_"] == "chromahint.training.loggers.wandb.wandb_logger"
    assert "hydra" not in composed.config


def test_overrides_win():
    config = compose("train", ["model=unet", "model.width=8", "data.batch_size=3"]).config
    assert config["model"] == {"_target_": "chromahint.models.unet.UNet", "width": 8, "zero_init_head": True}
    assert config["data"]["batch_size"] == 3


def test_choices_and_overrides_are_kept():
    composed = compose("train", ["model=unet", "seed=3"])
    assert composed.choices["model"] == "unet"
    assert composed.choices["data"] == "scenes"
    assert composed.overrides == ["model=unet", "seed=3"]


@pytest.mark.parametrize("seed", [0, 7])
def test_every_seed_is_kept(seed):
    config = compose("train", [f"seed={seed}"]).config
    assert config["seed"] == config["data"]["seed"] == seed


def test_interpolations_are_resolved():
    config = compose("train", ["protocol.size=128"]).config
    assert config["data"]["eval_size"] == 128


def test_overrides_win_over_an_experiment():
    config = compose("train", ["experiment=hscaunet_2022", "model.width=8"]).config
    assert config["optimizer"]["betas"] == [0.5, 0.999]
    assert config["trainer"]["max_steps"] is None
    assert config["model"]["width"] == 8


def test_smoke_wins_over_an_experiment_and_overrides_over_smoke():
    config = compose("train", ["experiment=hscaunet_2022", "debug=smoke", "data.batch_size=3"]).config
    assert config["trainer"]["max_steps"] == 2
    assert config["trainer"]["max_epochs"] is None
    assert config["data"]["batch_size"] == 3


def test_values_with_brackets_quotes_and_spaces():
    config = compose("train", ["protocol.hint_counts=[0, 5]", "name='a [b], c'", "logger.wandb.tags=['x y', z]"]).config
    assert config["protocol"]["hint_counts"] == [0, 5]
    assert config["name"] == "a [b], c"
    assert config["logger"]["wandb"]["tags"] == ["x y", "z"]


@pytest.mark.parametrize(
    "path", ["~/photos", "/photos/été", "/photos/a(1)", "/photos/R&B", "/photos/50%", "C:\\photos"]
)
def test_paths_need_no_quotes(path):
    assert compose("train", ["data=folder", f"data.root={path}"]).config["data"]["root"] == path


def test_composing_twice_is_independent():
    compose("train", ["model=unet", "seed=5"])
    assert compose("train", []).config["seed"] == 0


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ("model.widht=4", ["model.widht", "width", "Did you mean width?"]),
        ("sede=4", ["sede", "seed", "Did you mean seed?"]),
        ("modle=unet", ["modle", "model", "Did you mean model?"]),
        ("data.betch_size=4", ["data.betch_size", "Did you mean batch_size?"]),
        ("callbacks.ema.decya=0.9", ["callbacks.ema", "Did you mean decay?"]),
        ("optimzer.lr=1", ["optimzer", "Did you mean optimizer?"]),
        ("model.width.x=4", ["model.width", "plain value", "model.width=VALUE"]),
    ],
)
def test_an_unknown_option_lists_the_known_ones(typed, parts):
    said = message(typed)
    for part in parts:
        assert part in said


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ("model=hscunet", ["model=hscunet", "zhang2016, zhang2017", "Did you mean hscaunet?"]),
        ("data=photos", ["data=photos", "folder, hint_mask_pairs, lightning, packed, places_imagenet, scenes, stream"]),
        ("data=_photos", ["data=_photos: unknown data", "choose one of folder, hint_mask_pairs, lightning, packed"]),
        ("experiment=hscaunet_2023", ["hscaunet_2022"]),
        ("debug=smok", ["Did you mean smoke?"]),
        ("model=5", ["model=5", "hscaunet"]),
    ],
)
def test_an_unknown_choice_lists_the_known_ones(typed, parts):
    said = message(typed)
    for part in parts:
        assert part in said


@pytest.mark.parametrize("typed", ["a b=c", "model=[1", "data.root='unclosed", "seed={", "x y"])
def test_an_override_that_cannot_be_parsed(typed):
    said = message(typed)
    assert repr(typed) in said
    assert "key=value" in said


@pytest.mark.parametrize("typed", ["model=unet,resunet", "seed=0,1", "seed=range(0,3)", "model=choice(unet,resunet)"])
def test_several_values_need_multirun(typed):
    said = message(typed)
    assert f"chromahint train -m {typed}" in said
    assert f"make multirun {typed}" in said


def test_no_experiment_can_be_chosen():
    assert compose("train", ["experiment=null", "debug=null"]).choices["experiment"] is None


def test_an_unknown_interpolation_is_reported():
    said = message("data.seed=${sede}")
    assert "data.seed" in said
    assert "sede" in said


@pytest.mark.parametrize("typed", ["model=null", "data=null"])
def test_a_group_cannot_be_emptied(typed):
    assert typed.partition("=")[0] in message(typed)


@pytest.mark.parametrize("typed", ["model@x=unet", "+model=unet", "~nothing", "=", "hydra.run.dir=/tmp/x"])
def test_settings_of_hydra_are_refused(typed):
    said = message(typed)
    assert typed.strip("+~=").partition("=")[0] in said


def test_suggests_the_closest_word():
    assert did_you_mean("unett", ["unet", "resunet"]) == " Did you mean unet?"
    assert did_you_mean("zzz", ["unet", "resunet"]) == ""


def test_a_number_of_thousands_of_digits_is_refused():
    said = message(f"data.batch_size=1{'0' * 5000}")
    assert said.startswith("data.batch_size=1000")
    assert said.endswith("...: the number has too many digits. Pass a smaller one.")
    assert len(said) < 200
