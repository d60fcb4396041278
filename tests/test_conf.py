"""Every YAML file under conf/ composes, passes the check, builds, and lists exactly the options of its target."""

import functools
import importlib
import inspect
import types
import typing
from pathlib import Path

import pytest
import torch
from torch import nn

from chromahint.config.compose import compose
from chromahint.config.errors import ConfigError
from chromahint.config.instantiate import instantiate_node
from chromahint.config.validate import validate
from chromahint.data.pack import pack
from chromahint.data.sources.folder import Folder

CONF = Path(__file__).resolve().parents[1] / "conf"
# a sweep is no part of a config; tests/sweeps has those
CHOICES = sorted((file.parent.name, file.stem) for file in CONF.glob("*/*.yaml") if file.parent.name != "sweep")
# what the command itself gives to a target that is built in two steps
GIVEN = {
    "trainer": {"folder", "callbacks", "loggers", "network"},
    "logger": {"folder", "config", "about"},
    "optimizer": {"named_parameters"},
    "callbacks": {"folder"},
}


@functools.cache
def needed(name, photos):
    """What has to be typed with a kind of data."""
    beside = photos.parent / f"{photos.name}-{name}"
    if name == "packed":
        pack(Folder(str(photos)), beside)
        return [f"data.root={beside}"]
    if name == "places_imagenet":
        beside.mkdir()
        return [f"data.places_root={photos}", f"data.imagenet_root={beside}"]
    return [] if name == "scenes" else [f"data.root={photos}"]


def kind(group):
    """The config that a group is a part of."""
    return "multirun" if group == "launcher" else "train"


@functools.cache
def composed(group, name, photos):
    extras = {"data": needed(name, photos) if group == "data" else [], "loss": ["model=zhang2017"]}
    return compose(kind(group), [f"{group}={name}", *extras.get(group, [])]).config


def targets(node):
    """Every dict with a `_target_`, however deep."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield node
        for value in node.values():
            yield from targets(value)
    elif isinstance(node, list):
        for value in node:
            yield from targets(value)


def parameters(node):
    module, _, name = node["_target_"].rpartition(".")
    target = getattr(importlib.import_module(module), name)
    function = target.__init__ if inspect.isclass(target) else target
    hints = typing.get_type_hints(function)
    names = list(inspect.signature(target).parameters)
    return {name: hints[name] for name in names}


def fits(wanted, value):
    """Whether a value has a type, told by the real annotation rather than by the source text."""
    origin, inside = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        return any(fits(each, value) for each in inside)
    if origin is typing.Literal:
        return value in inside
    if origin is list:
        return isinstance(value, list) and all(fits(inside[0], each) for each in value)
    if wanted is types.NoneType:
        return value is None
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if wanted in (bool, str):
        return isinstance(value, wanted)
    return isinstance(value, dict) and "_target_" in value  # an object of its own


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_composes_and_passes_the_check(group, name, photos):
    if name == "hint_mask_pairs":
        with pytest.raises(ConfigError, match="no photos to learn from: type data=folder"):
            validate(composed(group, name, photos), "train")
    else:
        validate(composed(group, name, photos), kind(group))


@pytest.mark.parametrize(("group", "name"), [(g, n) for g, n in CHOICES if g in ("model", "data", "protocol")])
def test_is_a_choice_of_evaluation_too(group, name, photos):
    extra = needed(name, photos) if group == "data" else []
    validate(compose("evaluate", ["model=gray", f"{group}={name}", *extra]).config, "evaluate")


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_lists_exactly_the_options(group, name, photos):
    nodes = list(targets(composed(group, name, photos)[group])) if group != "debug" else []
    assert nodes or group == "debug"
    for node in nodes:
        options = set(node) - {"_target_", "_partial_"}
        given = GIVEN.get(group, set()) if node.get("_partial_") else set()
        assert options == set(parameters(node)) - given, node["_target_"]


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_options_have_the_types_of_the_signature(group, name, photos):
    config = composed(group, name, photos)
    for node in targets(config if group == "debug" else config[group]):
        wanted = parameters(node)
        for option in set(node) - {"_target_", "_partial_"}:
            assert fits(wanted[option], node[option]), f"{node['_target_']}: {option}={node[option]!r}"


@pytest.mark.parametrize(
    ("group", "name"),
    [(g, n) for g, n in CHOICES if g in ("model", "hints", "augment", "loss", "lr_schedule", "protocol")],
)
def test_builds(group, name, photos):
    node = composed(group, name, photos)[group]
    assert type(instantiate_node(node)).__name__ == node["_target_"].rpartition(".")[2]


@pytest.mark.parametrize("name", [n for g, n in CHOICES if g == "optimizer"])
def test_optimizers_build(name, photos):
    node = composed("optimizer", name, photos)["optimizer"]
    optimizer = instantiate_node(node)(nn.Linear(2, 2).named_parameters())
    assert {group["lr"] for group in optimizer.param_groups} == {node["lr"]}


@pytest.mark.parametrize("name", [n for g, n in CHOICES if g == "data"])
def test_data_builds(name, photos):
    config = composed("data", name, photos)
    data = instantiate_node(config["data"])
    assert data.eval_size == config["protocol"]["size"]
    if name != "hint_mask_pairs":  # which are never trained on
        assert data.batch_size == config["data"]["batch_size"]


@pytest.mark.parametrize("name", [n for g, n in CHOICES if g == "trainer"])
def test_trainers_build(name, photos, tmp_path):
    node = composed("trainer", name, photos)["trainer"]
    make = instantiate_node(node)
    if node["accelerator"] == "gpu" and not torch.cuda.is_available():
        with pytest.raises(ValueError, match="type trainer=cpu"):
            make(folder=tmp_path, callbacks=[], loggers=[], network=torch.nn.Identity())
        return
    trainer = make(folder=tmp_path, callbacks=[], loggers=[], network=torch.nn.Identity())
    assert trainer.num_devices == (node["devices"] if node["devices"] != "auto" else max(1, torch.cuda.device_count()))


@pytest.mark.parametrize("name", [n for g, n in CHOICES if g == "launcher"])
def test_launchers_build(name, photos):
    launcher = instantiate_node(composed("launcher", name, photos)["launcher"] | {"submit": False})
    train = compose("train", []).config["trainer"]
    assert launcher.shape(train) == launcher.shape(train | {"devices": 1})


@pytest.mark.parametrize("name", [n for g, n in CHOICES if g == "callbacks"])
def test_callbacks_build(name, photos, tmp_path):
    for node in composed("callbacks", name, photos)["callbacks"].values():
        if node is not None:
            made = instantiate_node(node)
            assert made(folder=tmp_path) if node.get("_partial_") else made


@pytest.mark.parametrize("name", [n for g, n in CHOICES if g == "logger"])
def test_loggers_build(name, photos, tmp_path):
    config = composed("logger", name, photos)
    about = {"name": "unet/now", "group": "unet", "wandb_id": "1234abcd"}
    logger = instantiate_node(config["logger"])(folder=tmp_path, config=config, about=about)
    assert (logger is None) == (name == "none")


def test_every_group_of_the_defaults_has_its_default_file():
    from chromahint.config.paths import group_defaults

    for command in ("train", "evaluate", "multirun"):
        for group, name in group_defaults(command).items():
            assert name == "null" or (group, name) in CHOICES, f"{command}: {group}={name}"
