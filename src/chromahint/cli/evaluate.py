"""The command `chromahint evaluate`: a run's network, or any network with weights, on any photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from chromahint.config.compose import Config, compose
from chromahint.config.errors import ConfigError
from chromahint.config.paths import list_groups
from chromahint.config.validate import has_method, validate
from chromahint.evaluation.resolve_weights import (
    compose_for_weights,
    config_nodes,
    get_override,
    override_keys,
    typed_options,
)
from chromahint.models.pretrained import find_pretrained, weights_file
from chromahint.runs.run import Run, open_run

SPLITS = ("train", "val", "test", "all")


def main(overrides: Sequence[str]) -> int:
    """Evaluate as the overrides say; returns the exit status."""
    console = Console(soft_wrap=True, highlight=False)

    def say(sentence: str) -> None:
        console.print(sentence, markup=False)

    run_path, model, file = (get_override(overrides, key) for key in ("run", "model", "weights"))
    run = None if run_path is None else open_run(run_path)
    if run is not None:
        composed = compose("evaluate", _of_its_data(run, overrides))
        config = _with_run(composed.config, run, list(overrides))
    elif model is None and file not in (None, "none", "pretrained"):
        composed = compose_for_weights(Path(str(file)).expanduser(), overrides, say)
        config = composed.config
    else:
        composed = compose("evaluate", overrides)
        config = composed.config
    if config["split"] not in (None, *SPLITS):
        raise ConfigError(f"split={config['split']}: split is one of {', '.join(SPLITS)}, or null")
    validate(config, "evaluate")
    name = run.path.name if run is not None else str(composed.choices["model"])
    weights = run.best_checkpoint if run is not None else weights_file(config["weights"], config["model"])
    boxed = find_pretrained(config["model"]["_target_"])
    if boxed is not None and weights == boxed.file:
        console.print(f"{name}: the weights in the box, trained on {boxed.trained_on}", markup=False)
    if run_path is None and model is None and file is None:
        console.print("for another network type run=RUN, model=NAME or weights=FILE")

    # imports torch, after all that can be said without it
    from chromahint.evaluation.runner import evaluate_config, predict_config

    parent = run.path / "evaluation" if run is not None else Path("evaluation") / name
    output = None if config["output"] is None else Path(config["output"]).expanduser()
    perform = predict_config if has_method(config["data"], "pairs") else evaluate_config
    perform(config, weights, name, parent, output, console)
    return 0


def _of_its_data(run: Run, overrides: Sequence[str]) -> list[str]:
    """Let options of data that were typed be those of the run's kind of data."""
    kind = run.metadata.get("choices", {}).get("data")
    return [*([f"data={kind}"] if kind in list_groups()["data"] else []), *overrides]


def _with_run(config: Config, run: Run, overrides: list[str]) -> Config:
    """Take network and data from a run; options of data that were typed go before the run's."""
    named = override_keys(overrides)
    if any(key == "model" or key.startswith("model.") for key in named):
        raise ConfigError("run= brings its own network: leave out model=, or leave out run=")
    of_run = config_nodes(run, "model", "data")
    config = config | {"model": of_run["model"]}
    if "data" not in named:
        if "data.root" not in named:
            config["split"] = config["split"] or "test"  # the others, training has seen
        config["data"] = of_run["data"] | typed_options(config, "data", overrides)
    return config
