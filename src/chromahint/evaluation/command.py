"""The command `chromahint evaluate`: a run's network, or any network with weights, on any photos."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from chromahint.config.check import check, offers, wrong_weights
from chromahint.config.compose import Composed, Config, compose
from chromahint.config.errors import ConfigError
from chromahint.config.folders import options
from chromahint.config.reading import read
from chromahint.models.boxed import in_box, weights_file
from chromahint.runs.folder import Run, open_run

SPLITS = ("train", "val", "test", "all")


def main(overrides: Sequence[str]) -> int:
    """Evaluate as the overrides say; returns the exit status."""
    console = Console(soft_wrap=True, highlight=False)
    run_path, model, file = (_typed(overrides, key) for key in ("run", "model", "weights"))
    run = None if run_path is None else open_run(run_path)
    if run is not None:
        composed = compose("evaluate", _of_its_data(run, overrides))
        config = _with_run(composed.config, run, list(overrides))
    elif model is None and file not in (None, "none", "box"):
        composed = _of_weights(Path(str(file)).expanduser(), overrides, console)
        config = composed.config
    else:
        composed = compose("evaluate", overrides)
        config = composed.config
    if config["split"] not in (None, *SPLITS):
        raise ConfigError(f"split={config['split']}: split is one of {', '.join(SPLITS)}, or null")
    check(config, "evaluate")
    name = run.path.name if run is not None else str(composed.choices["model"])
    weights = run.weights if run is not None else weights_file(config["weights"], config["model"])
    boxed = in_box(config["model"]["_target_"])
    if boxed is not None and weights == boxed.file:
        console.print(f"{name}: the weights in the box, trained on {boxed.trained_on}", markup=False)
    if run_path is None and model is None and file is None:
        console.print("for another network type run=RUN, model=NAME or weights=FILE")

    # imports torch, after all that can be said without it
    from chromahint.evaluation.perform import evaluate_config, predict_config

    parent = run.path / "evaluation" if run is not None else Path("evaluation") / name
    output = None if config["output"] is None else Path(config["output"]).expanduser()
    perform = predict_config if offers(config["data"], "pairs") else evaluate_config
    perform(config, weights, name, parent, output, console)
    return 0


def _typed(overrides: Sequence[str], key: str) -> str | None:
    """The value of an option as it was typed last."""
    values = [override.value() for override in map(read, overrides) if override.key_or_group == key]
    return None if not values or values[-1] is None else str(values[-1])


def _of_weights(file: Path, overrides: Sequence[str], console: Console) -> Composed:
    """Take the network from the run that a checkpoint lies in, or else from the weights themselves."""
    if (file / "run.json").is_file():
        raise ConfigError(f"weights={file}: is a run's folder: type run={file}")
    if wrong := wrong_weights(str(file)):
        raise ConfigError(wrong)
    folder = file.absolute().parent.parent
    if not (folder / "run.json").is_file():
        return _of_loose_weights(file, overrides, console)
    run = open_run(folder)
    composed = compose("evaluate", [f"model={run.about.get('choices', {}).get('model')}", *overrides])
    composed.config["model"] = _nodes(run, "model")["model"] | _chosen(composed.config, "model", overrides)
    console.print(f"{file.name}: the network of the run {folder.parent.name}/{folder.name}", markup=False)
    return composed


def _of_loose_weights(file: Path, overrides: Sequence[str], console: Console) -> Composed:
    """Tell the network from names and shapes, with the scaling and the size that released weights need."""
    from chromahint.config.build import build
    from chromahint.inference.identify import UNTOLD, identify, try_option
    from chromahint.inference.ready import choose_device, make_ready

    found = identify(file)
    side = [f"side={found.side}"] if found.side is not None else []
    composed = compose("evaluate", [*found.options, *side, *overrides])
    check(composed.config, "evaluate")
    model = composed.config["model"]
    assumed = f", {found.assumed}" if found.assumed else ""
    console.print(f"{file.name}: {found.name}{assumed}: {shlex.join([*found.options, *side])}", markup=False)
    for option in UNTOLD:
        if option in model and _typed(overrides, f"model.{option}") is None:
            device = choose_device(composed.config["device"])
            tried = try_option(make_ready(build(model), file, device), option, found.side or 256, device)
            model[option] = tried.value
            console.print(tried.reason)
    return composed


def _of_its_data(run: Run, overrides: Sequence[str]) -> list[str]:
    """Let options of data that were typed be those of the run's kind of data."""
    kind = run.about.get("choices", {}).get("data")
    return [*([f"data={kind}"] if kind in options()["data"] else []), *overrides]


def _with_run(config: Config, run: Run, overrides: list[str]) -> Config:
    """Take network and data from a run; options of data that were typed go before the run's."""
    typed = _keys(overrides)
    if any(key == "model" or key.startswith("model.") for key in typed):
        raise ConfigError("run= brings its own network: leave out model=, or leave out run=")
    of_run = _nodes(run, "model", "data")
    config = config | {"model": of_run["model"]}
    if "data" not in typed:
        if "data.root" not in typed:
            config["split"] = config["split"] or "test"  # the others, training has seen
        config["data"] = of_run["data"] | _chosen(config, "data", overrides)
    return config


def _nodes(run: Run, *names: str) -> Config:
    """The nodes of that name in a run's config."""
    config: Config = run.config
    if missing := sorted(set(names) - set(config)):
        raise ConfigError(f"{run.path / 'config.yaml'}: has no {' and no '.join(missing)}; choose another run")
    return {name: config[name] for name in names}


def _keys(overrides: Sequence[str]) -> set[str]:
    return {text.lstrip("+~").partition("=")[0] for text in overrides}


def _chosen(config: Config, group: str, overrides: Sequence[str]) -> Config:
    """Options of a group as they were typed."""
    chosen = {key.split(".")[1] for key in _keys(overrides) if key.startswith(f"{group}.")}
    return {option: value for option, value in config[group].items() if option in chosen}
