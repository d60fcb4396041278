"""Check a whole config before anything heavy is imported: unknown options, types, ranges, files, contradictions.

Each option is checked against the annotation of the parameter that it is passed to. Options at the top have theirs in
`chromahint.config.options`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from chromahint.config.compose import Config
from chromahint.config.errors import ConfigError, did_you_mean
from chromahint.config.lightning_options import trainer_options
from chromahint.config.options import Component
from chromahint.config.paths import choice_of, targets
from chromahint.config.signatures import Signature, SignatureParameter, signature
from chromahint.ranges import describe_annotation, shown, violation

RESERVED = {"_target_", "_partial_"}
TOP_LEVEL = {"train": "TrainOptions", "evaluate": "EvaluateOptions", "multirun": "MultirunOptions"}


def validate(config: Config, kind: str) -> None:
    """Raise ConfigError, with all problems in one message, unless the config can be carried out.

    Args:
        config: a composed, resolved config.
        kind: "train", "evaluate" or "multirun".
    """
    options = signature(f"chromahint.config.options.{TOP_LEVEL[kind]}")
    problems = [*_check_options(options, config, ""), *_walk(config, "")]
    problems = problems or list(_contradictions(config, kind))
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))


def has_method(node: Config, method: str) -> bool:
    """Tell whether the class that a checked node names has a method of that name."""
    return method in signature(node["_target_"]).methods


def _walk(node: Any, path: str) -> Iterator[str]:
    """Check every `_target_` node, at any depth, against the signature of its target."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _walk(item, f"{path}[{index}]")
    if not isinstance(node, dict):
        return
    if isinstance(node.get("_target_"), str):
        try:
            yield from _check_options(_full_signature(node, path), node, path)
        except ConfigError as error:
            yield f"{path}.{error}"
            return
    for key, value in node.items():
        name = _join(path, key)
        if value == "???":
            yield f"{name}: not set. Pass {name}=VALUE."
        yield from _walk(value, name)


def _full_signature(node: Config, path: str) -> Signature:
    """The signature of a node's target, with the arguments that it forwards to one of its parts."""
    own = signature(node["_target_"])
    if own.forwards_to == "lightning":
        passed_on = {name: SignatureParameter(Any, required=False, default=None) for name in trainer_options()}
        return Signature(passed_on | own.parameters, own.methods)
    if own.forwards_to not in own.parameters:
        return own
    part = node.get(own.forwards_to)
    if not isinstance(part, dict) or not isinstance(part.get("_target_"), str):
        raise ConfigError(f"{own.forwards_to}={shown(part)}: must be {describe_annotation(Component)}.")
    return Signature(own.parameters | signature(part["_target_"]).parameters | own.parameters, own.methods)


def _check_options(expected: Signature, node: Config, path: str) -> Iterator[str]:
    for key, value in node.items():
        name = _join(path, key)
        if key in RESERVED or value == "???":
            continue
        if key not in expected.parameters:
            known = sorted(expected.parameters)
            allowed = f"choose one of {', '.join(known)}" if known else "there are no options here"
            yield f"{name}: unknown option; {allowed}.{did_you_mean(str(key), known)}"
        else:
            parameter = expected.parameters[key]
            yield from _check_value(name, parameter.annotation, value, parameter.default)
    if not node.get("_partial_"):
        for key, parameter in expected.parameters.items():
            if parameter.required and key not in node:
                name = _join(path, key)
                yield f"{name}: not set. Pass +{name}=VALUE."


def _check_value(name: str, annotation: Any, value: Any, default: Any) -> Iterator[str]:
    if get_origin(annotation) is dict and isinstance(value, dict):
        for key, each in value.items():
            yield from _check_value(f"{name}.{key}", get_args(annotation)[1], each, None)
    elif "." in name and isinstance(value, dict) and "_target_" in value:
        return  # an object, whose own options are checked
    elif wrong := violation(name, annotation, value, default):
        yield wrong


def _contradictions(config: Config, kind: str) -> Iterator[str]:
    if kind == "train":
        yield from _training_contradictions(config)
    if config.get("run") is not None and config.get("weights") not in (None, "none"):
        yield (
            f"weights={config['weights']}: run={config['run']} has its own weights. "
            "Leave out weights=, or name the network with model= instead of run=."
        )


def _training_contradictions(config: Config) -> Iterator[str]:
    model, data, loss = (config[group]["_target_"] for group in ("model", "data", "loss"))
    if has_method(config["data"], "pairs"):
        yield f"{choice_of('data', data)}: has no photos to train on. Try data=folder data.root=/path/to/photos."
        return
    if (name := config["name"]) is not None and (Path(name).is_absolute() or ".." in Path(name).parts):
        yield f"name={name}: must be a name within runs_dir. Use runs_dir=FOLDER for another place."
    if all(config["trainer"].get(limit) is None for limit in ("max_steps", "max_epochs", "max_minutes")):
        names = "trainer.max_steps, trainer.max_epochs, trainer.max_minutes"
        yield f"{names}: are all null, so training would never end. Set one of them."
    if signature(loss).constants.get("needs_classes"):
        yield from _class_contradictions(config, loss, model)
    if has_method(config["protocol"], "next_hints"):
        yield (
            f"{choice_of('protocol', config['protocol']['_target_'])}: its hints depend on the network, which takes "
            "too long during training. Train with protocol=random_pixels, then run chromahint evaluate run=RUN with it."
        )
    size, expected = config["data"].get("eval_size"), config["protocol"].get("size")
    if size != expected:
        yield (
            f"data.eval_size={size}: must be protocol.size={expected}, the size of validation images. "
            f"Leave out data.eval_size, or pass protocol.size={size}."
        )


def _class_contradictions(config: Config, loss: str, model: str) -> Iterator[str]:
    """Compare the color classes that a loss needs with those that a model has."""
    needed = signature(loss).constants.get("num_classes")
    found = signature(model).constants.get("num_classes", needed)
    models = (name for name, each in targets("model") if signature(each).constants.get("num_classes") == needed)
    fitting = next(models, "a network with these classes")
    if not has_method(config["model"], "with_classes"):
        yield (
            f"{choice_of('loss', loss)}: needs a model with color classes, and {choice_of('model', model)} has none. "
            f"Try model={fitting}, or another loss."
        )
    elif found != needed:
        yield (
            f"{choice_of('loss', loss)}: needs {needed} color classes, and {choice_of('model', model)} has {found}. "
            f"Try model={fitting}, or another loss."
        )


def _join(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)
