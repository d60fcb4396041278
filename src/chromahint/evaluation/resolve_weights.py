"""Find the network that a file of weights belongs to: that of its run, or the one detected from its tensors."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from chromahint.config.compose import ComposedConfig, Config, compose
from chromahint.config.errors import ConfigError
from chromahint.config.overrides import parse_override
from chromahint.config.validate import validate
from chromahint.inference.trust import trusted_config
from chromahint.models.pretrained import find_weights_file
from chromahint.runs.run import Run, open_run


def compose_for_weights(weights: str, overrides: Sequence[str], on_message: Callable[[str], None]) -> ComposedConfig:
    """Compose the config of `chromahint evaluate` for a file of weights, without a `model=` option.

    Args:
        weights: File of weights, or a run on W&B.
        overrides: Overrides of the command line; they take precedence over detected options.
        on_message: Called with a sentence about what was found.

    Raises:
        ValueError: The file does not exist or can't be read as weights, or the network is unknown.
    """
    if (Path(weights).expanduser() / "run.json").is_file():
        raise ConfigError(f"weights={weights}: this is a run folder. Use run={weights}.")
    file = find_weights_file(weights)
    folder = file.absolute().parent.parent
    if not (folder / "run.json").is_file():
        return _compose_for_detected_network(file, overrides, on_message)
    run = open_run(folder)
    composed = compose("evaluate", [f"model={run.metadata.get('choices', {}).get('model')}", *overrides])
    composed.config["model"] = config_nodes(run, "model")["model"] | typed_options(composed.config, "model", overrides)
    on_message(f"{file.name}: network of the run {folder.parent.name}/{folder.name}")
    return composed


def get_override(overrides: Sequence[str], key: str) -> str | None:
    """Return the value of an option in the overrides, or None. The last override wins."""
    values = [override.value() for override in map(parse_override, overrides) if override.key_or_group == key]
    return None if not values or values[-1] is None else str(values[-1])


def config_nodes(run: Run, *names: str) -> Config:
    """Return the named nodes of a run's config."""
    config = trusted_config(run)
    if missing := sorted(set(names) - set(config)):
        raise ConfigError(f"{run.path / 'config.yaml'}: has no {' and no '.join(missing)}. Use another run.")
    return {name: config[name] for name in names}


def override_keys(overrides: Sequence[str]) -> set[str]:
    """Return the keys that overrides set."""
    return {text.lstrip("+~").partition("=")[0] for text in overrides}


def typed_options(config: Config, group: str, overrides: Sequence[str]) -> Config:
    """Return the options of a group that overrides set, with their values in the config."""
    names = {key.split(".")[1] for key in override_keys(overrides) if key.startswith(f"{group}.")}
    return {option: value for option, value in config[group].items() if option in names}


def _compose_for_detected_network(
    file: Path, overrides: Sequence[str], on_message: Callable[[str], None]
) -> ComposedConfig:
    """Detect the network from the tensors, and the scaling and image size that released weights need."""
    from chromahint.config.instantiate import instantiate_node
    from chromahint.inference.detect_architecture import AMBIGUOUS_OPTIONS, detect_architecture, infer_option
    from chromahint.inference.load import prepare_network, resolve_device

    detected = detect_architecture(file)
    input_size = [f"input_size={detected.image_size}"] if detected.image_size is not None else []
    composed = compose("evaluate", [*detected.options, *input_size, *overrides])
    validate(composed.config, "evaluate")
    model = composed.config["model"]
    assumed = f", {detected.assumed}" if detected.assumed else ""
    on_message(f"{file.name}: {detected.name}{assumed}: {shlex.join([*detected.options, *input_size])}")
    for option in AMBIGUOUS_OPTIONS:
        if option in model and get_override(overrides, f"model.{option}") is None:
            device = resolve_device(composed.config["device"])
            network = prepare_network(instantiate_node(model), file, device)
            inferred = infer_option(network, option, detected.image_size or 256, device)
            model[option] = inferred.value
            on_message(inferred.reason)
    return composed
