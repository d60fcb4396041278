"""The network that a file of weights is for: that of the run where it lies, or the one that its tensors tell."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from chromahint.config.compose import ComposedConfig, Config, compose
from chromahint.config.errors import ConfigError
from chromahint.config.overrides import parse_override
from chromahint.config.validate import validate, weights_path_error
from chromahint.runs.run import Run, open_run


def compose_for_weights(file: Path, overrides: Sequence[str], on_message: Callable[[str], None]) -> ComposedConfig:
    """Compose what `chromahint evaluate` does for a file of weights alone.

    Args:
        file: of the weights.
        overrides: as typed; they come before what is found.
        say: told what was found.

    Raises:
        ConfigError: there is no such file.
        ValueError: it holds no weights, or those of a stranger.
    """
    if (file / "run.json").is_file():
        raise ConfigError(f"weights={file}: is a run's folder: type run={file}")
    if wrong := weights_path_error(str(file)):
        raise ConfigError(wrong)
    folder = file.absolute().parent.parent
    if not (folder / "run.json").is_file():
        return _of_loose_weights(file, overrides, on_message)
    run = open_run(folder)
    composed = compose("evaluate", [f"model={run.metadata.get('choices', {}).get('model')}", *overrides])
    composed.config["model"] = config_nodes(run, "model")["model"] | typed_options(composed.config, "model", overrides)
    on_message(f"{file.name}: the network of the run {folder.parent.name}/{folder.name}")
    return composed


def get_override(overrides: Sequence[str], key: str) -> str | None:
    """The value of an option as it was typed last."""
    values = [override.value() for override in map(parse_override, overrides) if override.key_or_group == key]
    return None if not values or values[-1] is None else str(values[-1])


def config_nodes(run: Run, *names: str) -> Config:
    """The nodes of that name in a run's config."""
    config: Config = run.config
    if missing := sorted(set(names) - set(config)):
        raise ConfigError(f"{run.path / 'config.yaml'}: has no {' and no '.join(missing)}; choose another run")
    return {name: config[name] for name in names}


def override_keys(overrides: Sequence[str]) -> set[str]:
    """What overrides set."""
    return {text.lstrip("+~").partition("=")[0] for text in overrides}


def typed_options(config: Config, group: str, overrides: Sequence[str]) -> Config:
    """Options of a group as they were typed."""
    named = {key.split(".")[1] for key in override_keys(overrides) if key.startswith(f"{group}.")}
    return {option: value for option, value in config[group].items() if option in named}


def _of_loose_weights(file: Path, overrides: Sequence[str], say: Callable[[str], None]) -> ComposedConfig:
    """Tell the network from names and shapes, with the scaling and the size that released weights need."""
    from chromahint.config.instantiate import instantiate_node
    from chromahint.inference.detect_architecture import AMBIGUOUS_OPTIONS, detect_architecture, infer_option
    from chromahint.inference.load import prepare_network, resolve_device

    found = detect_architecture(file)
    side = [f"input_size={found.image_size}"] if found.image_size is not None else []
    composed = compose("evaluate", [*found.options, *side, *overrides])
    validate(composed.config, "evaluate")
    model = composed.config["model"]
    assumed = f", {found.assumed}" if found.assumed else ""
    say(f"{file.name}: {found.name}{assumed}: {shlex.join([*found.options, *side])}")
    for option in AMBIGUOUS_OPTIONS:
        if option in model and get_override(overrides, f"model.{option}") is None:
            device = resolve_device(composed.config["device"])
            tried = infer_option(
                prepare_network(instantiate_node(model), file, device), option, found.image_size or 256, device
            )
            model[option] = tried.value
            say(tried.reason)
    return composed
