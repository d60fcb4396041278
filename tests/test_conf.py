"""Every YAML file under conf/ composes, passes the check, builds, and lists exactly the options of its target."""

import functools
import importlib
import inspect
import typing
from pathlib import Path

import pytest
import torch
from torch import nn

from chromahint.config.compose import compose
from chromahint.config.errors import ConfigError
from chromahint.config.instantiate import instantiate_node
from chromahint.config.paths import group_defaults, list_groups
from chromahint.config.validate import validate
from chromahint.data.pack import pack
from chromahint.data.pack_shards import pack_shards
from chromahint.data.sources.folder import Folder
from chromahint.ranges import accepts
from chromahint.training.loggers.run_logger import RunLogger

CONF = Path(__file__).resolve().parents[1] / "conf"
# sweeps and benchmarks are not part of a config (see their tests); files that begin with _ are bases of others
FILES = [file for file in CONF.glob("*/[!_]*.yaml") if file.parent.name not in ("sweep", "benchmark")]
CHOICES = sorted((file.parent.name, file.stem) for file in FILES)
# arguments that the command itself passes to a target with _partial_
PASSED = {
    "trainer": {"folder", "callbacks", "loggers", "network"},
    "logger": {"folder", "config", "metadata"},
    "optimizer": {"named_parameters"},
    "callbacks": {"folder"},
}


@functools.cache
def required(name, photos):
    """The overrides that a choice of `data` requires."""
    other = photos.parent / f"{photos.name}-{name}"
    if name == "packed":
        pack(Folder(str(photos)), other)
        return [f"data.root={other}"]
    if name == "stream":
        pack_shards(Folder(str(photos)), other)
        return [f"data.root={other}"]
    if name == "places_imagenet":
        other.mkdir()
        return [f"data.places_root={photos}", f"data.imagenet_root={other}"]
    if name == "lightning":
        return ["data.module={_target_: lightning.pytorch.core.datamodule.LightningDataModule}"]
    return [] if name == "scenes" else [f"data.root={photos}"]


def kind(group):
    """The config that a group belongs to."""
    return "multirun" if group == "launcher" else "train"


@functools.cache
def composed(group, name, photos):
    classes = "zhang2016" if name == "rebalanced_classes" else "zhang2017"
    extras = {"data": required(name, photos) if group == "data" else [], "loss": [f"model={classes}"]}
    return compose(kind(group), [f"{group}={name}", *extras.get(group, [])]).config


def targets(node):
    """Every dict with a `_target_`, at any depth."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield node
        for value in node.values():
            yield from targets(value)
    elif isinstance(node, list):
        for value in node:
            yield from targets(value)


def parameters(node):
    """Annotations of a target's arguments, read by Python itself; those of `source` in place of `**source_options`.

    Options of Lightning's Trainer, which conf/trainer/ needn't list, are left out.
    """
    module, _, name = node["_target_"].rpartition(".")
    target = getattr(importlib.import_module(module), name)
    hints = typing.get_type_hints(target.__init__ if inspect.isclass(target) else target, include_extras=True)
    found = {name: hints[name] for name in inspect.signature(target).parameters}
    found.pop("lightning_options", None)
    return found if found.pop("source_options", None) is None else parameters(node["source"]) | found


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_composes_and_passes_the_check(group, name, photos):
    if name == "hint_mask_pairs":
        with pytest.raises(ConfigError, match="no photos to train on. Try data=folder"):
            validate(composed(group, name, photos), "train")
    elif name == "clicks":
        with pytest.raises(ConfigError, match="Train with protocol=random_pixels"):
            validate(composed(group, name, photos), "train")
    else:
        validate(composed(group, name, photos), kind(group))


@pytest.mark.parametrize(("group", "name"), [(g, n) for g, n in CHOICES if g in ("model", "data", "protocol")])
def test_is_a_choice_of_evaluation_too(group, name, photos):
    extra = required(name, photos) if group == "data" else []
    validate(compose("evaluate", ["model=gray", f"{group}={name}", *extra]).config, "evaluate")


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_lists_exactly_the_options(group, name, photos):
    nodes = list(targets(composed(group, name, photos)[group])) if group != "debug" else []
    assert nodes or group == "debug" or (group, name) == ("logger", "none")
    for node in nodes:
        if node is (composed(group, name, photos)[group] or {}).get("source"):
            assert set(node) == {"_target_", "_partial_"}, "its options stand next to it"
            continue
        if node is (composed(group, name, photos)[group] or {}).get("module"):
            continue  # the user's own
        options = set(node) - {"_target_", "_partial_"}
        passed = PASSED.get(group, set()) if node.get("_partial_") else set()
        assert options == set(parameters(node)) - passed, node["_target_"]


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_options_are_within_their_annotations(group, name, photos):
    config = composed(group, name, photos)
    for node in targets(config if group == "debug" else config[group]):
        annotations = parameters(node)
        for option in set(node) - {"_target_", "_partial_"}:
            is_object = isinstance(node[option], dict) and "_target_" in node[option]
            assert is_object or accepts(annotations[option], node[option]), f"{option}={node[option]!r}"


@pytest.mark.parametrize("name", [n for g, n in CHOICES if g == "data" and n != "hint_mask_pairs"])
def test_data_sets_of_photos_share_their_base(name):
    """Directly or through another file, each extends _photos.yaml and repeats none of its comments."""
    base, text = (CONF / "data/_photos.yaml").read_text(), (CONF / f"data/{name}.yaml").read_text()
    assert "defaults: [_photos, _self_]" in text or "defaults: [folder, _self_]" in text
    comments = {line for line in base.splitlines() if line.startswith("#")}
    assert not comments & set(text.splitlines())


def test_every_file_begins_with_its_description():
    for file in CONF.rglob("*.yaml"):
        first = next(line for line in file.read_text().splitlines() if not line.startswith("# @package"))
        assert first.startswith("# "), file


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
        with pytest.raises(ValueError, match="Use trainer=cpu"):
            make(folder=tmp_path, callbacks=[], loggers=[], network=torch.nn.Identity())
        return
    trainer = make(folder=tmp_path, callbacks=[], loggers=[], network=torch.nn.Identity())
    assert trainer.num_devices == (node["devices"] if node["devices"] != "auto" else max(1, torch.cuda.device_count()))


@pytest.mark.parametrize("name", [n for g, n in CHOICES if g == "launcher"])
def test_launchers_build(name, photos):
    launcher = instantiate_node(composed("launcher", name, photos)["launcher"] | {"submit": False})
    train = compose("train", []).config["trainer"]
    assert launcher.resources(train) == launcher.resources(train | {"devices": 1})


@pytest.mark.parametrize("name", [n for g, n in CHOICES if g == "callbacks"])
def test_callbacks_build(name, photos, tmp_path):
    for node in composed("callbacks", name, photos)["callbacks"].values():
        if node is not None:
            made = instantiate_node(node)
            assert made(folder=tmp_path) if node.get("_partial_") else made


@pytest.mark.parametrize("name", [n for g, n in CHOICES if g == "logger"])
def test_loggers_build(name, photos, tmp_path):
    if name == "trackio":
        pytest.importorskip("trackio")
    config = composed("logger", name, photos) | {"runs_dir": str(tmp_path)}
    metadata = {"name": "unet/now", "group": "unet", "wandb_id": "1234abcd"}
    assert set(config["logger"]) == ({name} - {"none"})
    for node in config["logger"].values():
        assert isinstance(instantiate_node(node)(folder=tmp_path, config=config, metadata=metadata), RunLogger)


def test_every_default_choice_exists():
    for command in ("train", "evaluate", "multirun"):
        for group, name in group_defaults(command).items():
            assert name == "null" or (group, name) in CHOICES, f"{command}: {group}={name}"


def test_bases_are_not_choices():
    assert "_photos" not in list_groups()["data"]
    with pytest.raises(ConfigError, match="data=_photos: unknown data; choose one of folder"):
        compose("train", ["data=_photos"])
