"""The command `chromahint evaluate`: a run's network, or any network with weights, on any photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from chromahint.config.check import check, offers
from chromahint.config.compose import Config, compose
from chromahint.config.errors import ConfigError
from chromahint.config.folders import options
from chromahint.config.reading import read
from chromahint.runs.folder import Run, open_run

SPLITS = ("train", "val", "test", "all")


def main(overrides: Sequence[str]) -> int:
    """Evaluate as the overrides say; returns the exit status."""
    run = _run(overrides)
    composed = compose("evaluate", overrides if run is None else _of_its_data(run, overrides))
    config = composed.config
    if run is not None:
        config = _with_run(config, run, list(overrides))
    elif config.get("model") is None:
        raise ConfigError("nothing to evaluate: type run=RUN, a run's folder, or model=NAME [weights=FILE]")
    if config["split"] not in (None, *SPLITS):
        raise ConfigError(f"split={config['split']}: split is one of {', '.join(SPLITS)}, or null")
    check(config, "evaluate")
    weights = run.weights if run is not None else _file(config["weights"])

    # imports torch, after all that can be said without it
    from chromahint.evaluation.perform import evaluate_config, predict_config

    name = run.path.name if run is not None else str(composed.choices["model"])
    parent = run.path / "evaluation" if run is not None else Path("evaluation") / name
    output = None if config["output"] is None else Path(config["output"]).expanduser()
    console = Console(soft_wrap=True)
    perform = predict_config if offers(config["data"], "pairs") else evaluate_config
    perform(config, weights, name, parent, output, console)
    return 0


def _run(overrides: Sequence[str]) -> Run | None:
    """Open the run that was typed."""
    typed = [override.value() for override in map(read, overrides) if override.key_or_group == "run"]
    return None if not typed or typed[-1] is None else open_run(str(typed[-1]))


def _of_its_data(run: Run, overrides: Sequence[str]) -> list[str]:
    """Let options of data that were typed be those of the run's kind of data."""
    kind = run.about.get("choices", {}).get("data")
    return [*([f"data={kind}"] if kind in options()["data"] else []), *overrides]


def _with_run(config: Config, run: Run, overrides: list[str]) -> Config:
    """Take network and data from a run; options of data that were typed go before the run's."""
    typed = {text.lstrip("+~").partition("=")[0] for text in overrides}
    if any(key == "model" or key.startswith("model.") for key in typed):
        raise ConfigError("run= brings its own network: leave out model=, or leave out run=")
    of_run: dict[str, Any] = run.config
    if missing := {"model", "data"} - set(of_run):
        raise ConfigError(f"{run.path / 'config.yaml'}: has no {' and no '.join(sorted(missing))}; choose another run")
    config = config | {"model": of_run["model"]}
    if "data" not in typed:
        if "data.root" not in typed:
            config["split"] = config["split"] or "test"  # the others, training has seen
        chosen = {key.partition(".")[2] for key in typed if key.startswith("data.")}
        config["data"] = of_run["data"] | {option: config["data"][option] for option in chosen}
    return config


def _file(weights: str) -> Path | None:
    return None if weights == "none" else Path(weights).expanduser()
