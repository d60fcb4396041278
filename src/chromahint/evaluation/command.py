"""The command `chromahint evaluate`: a run's network, or any network with weights, on any photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from chromahint.config.check import check
from chromahint.config.compose import Config, compose
from chromahint.config.errors import ConfigError
from chromahint.runs.folder import Run, open_run

SPLITS = ("train", "val", "test", "all")


def main(overrides: Sequence[str]) -> int:
    """Evaluate as the overrides say; returns the exit status."""
    composed = compose("evaluate", overrides)
    config = composed.config
    run = open_run(config["run"]) if config["run"] is not None else None
    if run is not None:
        config = _with_run(config, run, list(overrides))
    elif config.get("model") is None:
        raise ConfigError("nothing to evaluate: type run=RUN, a run's folder, or model=NAME [weights=FILE]")
    if config["split"] not in (None, *SPLITS):
        raise ConfigError(f"split={config['split']}: split is one of {', '.join(SPLITS)}, or null")
    check(config, "evaluate")
    weights = run.weights if run is not None else _file(config["weights"])

    from chromahint.evaluation.perform import evaluate_config  # imports torch, after all that can be said without it

    name = run.path.name if run is not None else str(composed.choices["model"])
    parent = run.path / "evaluation" if run is not None else Path("evaluation") / name
    output = None if config["output"] is None else Path(config["output"]).expanduser()
    console = Console(soft_wrap=True)
    evaluate_config(config, weights, name, parent, output, console)
    return 0


def _with_run(config: Config, run: Run, overrides: list[str]) -> Config:
    """Take network and data from a run; options of data that were typed go before the run's."""
    typed = {text.lstrip("+~").partition("=")[0] for text in overrides}
    if any(key == "model" or key.startswith("model.") for key in typed):
        raise ConfigError("run= brings its own network: leave out model=, or leave out run=")
    of_run: dict[str, Any] = run.config
    config = config | {"model": of_run["model"]}
    if "data" not in typed:
        options = {key.partition(".")[2] for key in typed if key.startswith("data.")}
        config["data"] = of_run["data"] | {option: config["data"][option] for option in options}
    return config


def _file(weights: str) -> Path | None:
    return None if weights == "none" else Path(weights).expanduser()
