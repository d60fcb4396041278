"""Check a whole config before anything heavy is imported: unknown keys, wrong types, bad numbers, missing files."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from chromahint.config.compose import Config, did_you_mean
from chromahint.config.errors import ConfigError
from chromahint.config.signatures import Signature, accepts, describe, signature

RESERVED = {"_target_", "_partial_"}
GROUPS = {
    "model",
    "data",
    "hints",
    "augment",
    "loss",
    "optimizer",
    "lr_schedule",
    "trainer",
    "callbacks",
    "logger",
    "protocol",
}
TOP_LEVEL_KEYS = {
    "train": GROUPS | {"seed", "weights", "runs_dir", "name"},
    "multirun": {"launcher"},
    "evaluate": {
        "model",
        "data",
        "protocol",
        "run",
        "weights",
        "output",
        "split",
        "input_size",
        "batch_size",
        "device",
        "seed",
    },
}

TOP_LEVEL_TYPES = {
    "seed": "int",
    "weights": "str",
    "runs_dir": "str",
    "name": "str | None",
    "run": "str | None",
    "output": "str | None",
    "split": "str | None",
    "input_size": "int | None",
    "batch_size": "int",
    "device": "str",
}
EVALUATE_TYPES = {"weights": "str | None"}

# key, what is allowed, and how to tell; keys that a config lacks or leaves null are passed over
RANGES: list[tuple[str, str, Callable[[Any], bool]]] = [
    ("seed", "a whole number from 0", lambda v: v >= 0),
    ("batch_size", "a whole number from 1", lambda v: v >= 1),
    ("input_size", "a side in pixels from 16, or null", lambda v: v >= 16),
    ("data.batch_size", "a whole number from 1", lambda v: v >= 1),
    ("data.train_size", "a side in pixels from 16", lambda v: v >= 16),
    ("data.num_workers", "a whole number from 0", lambda v: v >= 0),
    ("data.eval_batch_size", "a whole number from 1", lambda v: v >= 1),
    ("data.shorter_side", "a side in pixels from 16, or null", lambda v: v >= 16),
    ("data.val_fraction", "a share from 0 to below 1", lambda v: 0 <= v < 1),
    ("data.test_fraction", "a share from 0 to below 1", lambda v: 0 <= v < 1),
    ("data.num_train", "a whole number from 1", lambda v: v >= 1),
    ("data.num_val", "a whole number from 1", lambda v: v >= 1),
    ("data.scene_size", "a side in pixels from 16", lambda v: v >= 16),
    ("data.num_test", "a whole number from 2", lambda v: v >= 2),
    ("data.min_colorfulness", "a number from 0", lambda v: v >= 0),
    ("data.max_images", "a whole number from 1, or null for all", lambda v: v >= 1),
    ("model.width", "an even number from 4; most published networks have 64", lambda v: v >= 4 and v % 2 == 0),
    ("model.propagation_steps", "a whole number from 0", lambda v: v >= 0),
    ("loss.max_psnr", "a number above 0, in dB", lambda v: v > 0),
    ("optimizer.lr", "a number above 0", lambda v: v > 0),
    ("trainer.devices", "auto, or a whole number from 1", lambda v: v == "auto" or v >= 1),
    ("trainer.num_nodes", "a whole number from 1", lambda v: v >= 1),
    ("trainer.accumulate_grad_batches", "a whole number from 1", lambda v: v >= 1),
    ("trainer.gradient_clip_val", "a number above 0, or null for no clipping", lambda v: v > 0),
    ("trainer.val_check_interval", "a whole number of steps from 1, or null for every epoch", lambda v: v >= 1),
    ("trainer.log_every_n_steps", "a whole number of steps from 1", lambda v: v >= 1),
    ("trainer.max_steps", "a whole number from 1, or null", lambda v: v >= 1),
    ("trainer.max_epochs", "a whole number from 1, or null", lambda v: v >= 1),
    ("trainer.max_minutes", "a number above 0, or null", lambda v: v > 0),
    ("callbacks.checkpoint.every_n_steps", "a whole number of steps from 1", lambda v: v >= 1),
    ("callbacks.ema.decay", "a number from 0 to below 1", lambda v: 0 <= v < 1),
    ("protocol.size", "a side in pixels from 16", lambda v: v >= 16),
    ("launcher.minutes", "a whole number from 3", lambda v: v >= 3),
    ("launcher.memory_gb", "a whole number from 1, or null for what the cluster gives", lambda v: v >= 1),
    ("launcher.cpus", "a whole number from 1", lambda v: v >= 1),
    ("launcher.gpus", "a whole number from 0, or null for what trainer says", lambda v: v >= 0),
]
INTEGERS = {"seed", "batch_size"}


def validate(config: Config, kind: str) -> None:
    """Raise ConfigError, with all that is wrong in one message, unless the config can be carried out.

    Args:
        config: a composed, resolved config.
        kind: "train", "evaluate" or "multirun".
    """
    problems = [*_unknown_top(config, TOP_LEVEL_KEYS[kind]), *_top(config, kind), *_walk(config, "")]
    problems = problems or [*_numbers(config), *_files(config), *_contradictions(config, kind)]
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))


def _unknown_top(config: Config, allowed: set[str]) -> Iterator[str]:
    known = sorted(allowed)
    for key in config:
        if key not in allowed:
            yield f"{key}: there is no such option; the options are {', '.join(known)}.{did_you_mean(key, known)}"


def _top(config: Config, kind: str) -> Iterator[str]:
    """Hold what stands at the top against its type, and each group against the need to name something."""
    types = TOP_LEVEL_TYPES | (EVALUATE_TYPES if kind == "evaluate" else {})
    for key in sorted(TOP_LEVEL_KEYS[kind]):
        if key not in config:
            yield f"{key} is not set: type {key}=VALUE"
        elif key in types:
            annotation = ast.parse(types[key], mode="eval").body
            if not accepts(annotation, config[key]):
                yield f"{key}={config[key]}: {key} is {describe(annotation)}"
        elif key == "callbacks" and isinstance(config[key], dict):
            for name, node in config[key].items():
                if node is not None and not _names_something(node):
                    yield f"{key}.{name}={node}: {key}.{name} is null, or has a _target_: package.module.Name"
        elif not _names_something(config[key]):
            yield f"{key}: names nothing to build; its YAML file needs a _target_: package.module.Name"


def _names_something(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("_target_"), str)


def _walk(node: Any, path: str) -> Iterator[str]:
    """Hold every `_target_` node, however deep, against the signature of what it names."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _walk(item, f"{path}[{index}]")
    if not isinstance(node, dict):
        return
    if isinstance(node.get("_target_"), str):
        try:
            yield from _against(_signature_of(node), node, path)
        except ConfigError as error:
            yield f"{path}.{error}"
            return
    for key, value in node.items():
        name = f"{path}.{key}" if path else str(key)
        if value == "???":
            yield f"{name} is not set: type {name}=VALUE"
        yield from _walk(value, name)


def _signature_of(node: Config) -> Signature:
    """The signature of a node's target, with the arguments that it forwards to one of its parts."""
    wanted = signature(node["_target_"])
    part = node.get(wanted.forwards_to) if wanted.forwards_to else None
    if not isinstance(part, dict) or not _names_something(part):
        return wanted
    return Signature(wanted.parameters | signature(part["_target_"]).parameters | wanted.parameters, wanted.methods)


def _against(wanted: Signature, node: Config, path: str) -> Iterator[str]:
    for key, value in node.items():
        if key in RESERVED or value == "???":
            continue
        if key not in wanted.parameters:
            known = sorted(wanted.parameters)
            allowed = f"the options are {', '.join(known)}" if known else "it has no options"
            yield f"{path}.{key}: there is no such option; {allowed}.{did_you_mean(key, known)}"
        elif not (isinstance(value, dict) and "_target_" in value):
            annotation = wanted.parameters[key].annotation
            if not accepts(annotation, value):
                yield f"{path}.{key}={value}: {path}.{key} is {describe(annotation)}"
    if not node.get("_partial_"):
        for key, parameter in wanted.parameters.items():
            if parameter.required and key not in node:
                yield f"{path}.{key} is not set: type +{path}.{key}=VALUE"


def _get(config: Config, key: str) -> Any:
    node: Any = config
    for part in key.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def _numbers(config: Config) -> Iterator[str]:
    for key, allowed, fits in RANGES:
        value = _get(config, key)
        if value is None:
            continue
        whole = key not in INTEGERS or (isinstance(value, int) and not isinstance(value, bool))
        if not whole or not fits(value):
            yield f"{key}={value}: {key} is {allowed}"


def _files(config: Config) -> Iterator[str]:
    for key in ("data.root", "data.places_root", "data.imagenet_root"):
        root = _get(config, key)
        if root is not None and not Path(root).expanduser().is_dir():
            yield f"{key}={root}: there is no such folder; type {key}=/path/to/photos"
    if wrong := weights_path_error(_get(config, "weights")):
        yield wrong


def weights_path_error(weights: str | None) -> str | None:
    """Say what is wrong where `weights=` names a file that is none; None where nothing is."""
    file = Path(str(weights)).expanduser()
    if weights in (None, "none", "pretrained") or file.is_file():
        return None
    found = "is a folder" if file.is_dir() else "there is no such file"
    return f"weights={weights}: {found}; weights is none, box or the path of a weights file"


def has_method(node: Config, method: str) -> bool:
    """Tell whether the class that a checked node names has a method of that name."""
    return method in signature(node["_target_"]).methods


def _contradictions(config: Config, kind: str) -> Iterator[str]:
    if kind == "train" and has_method(config["data"], "pairs"):
        yield "data=hint_mask_pairs has no photos to learn from: type data=folder data.root=/path/to/photos"
        return
    trainer = config.get("trainer")
    if trainer and all(trainer.get(limit) is None for limit in ("max_steps", "max_epochs", "max_minutes")):
        yield "training would never end: set one of trainer.max_steps, trainer.max_epochs, trainer.max_minutes"
    if _get(config, "loss._target_") == "chromahint.training.losses.Zhang" and not has_method(
        config["model"], "with_classes"
    ):
        yield (
            "loss=zhang needs a network with color classes, which "
            f"{config['model']['_target_'].rpartition('.')[2]} has not: "
            "type model=zhang2017, or another loss"
        )
    size, wanted = _get(config, "data.eval_size"), _get(config, "protocol.size")
    if kind == "train" and size != wanted:
        yield f"data.eval_size={size}: validation pictures have the size of the protocol, protocol.size={wanted}"
    if config.get("run") is not None and config.get("weights") not in (None, "none"):
        yield "run= brings its own weights: leave out weights=, or name the network with model= instead of run="
