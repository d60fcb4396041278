"""Compose what `chromahint evaluate` measures: the network of a run, of a weights file, or of a choice of model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from chromahint.models.pretrained import find_pretrained, pretrained_of_file, resolve_weights_file
from chromahint.runs.run import Run, open_run


@dataclass(frozen=True)
class Evaluation:
    """A valid evaluation that can start.

    Attributes:
        config: Config with the nodes model, data and protocol.
        weights: Weights file, or None.
        name: Name of the network in the table.
        parent: Folder in which the evaluation gets a folder of its own.
        output: Folder of the evaluation if one was requested, else None.
    """

    config: Config
    weights: Path | None
    name: str
    parent: Path
    output: Path | None

    @property
    def has_ground_truth(self) -> bool:
        """Whether the original colors are known, as they are not for hint and mask pairs."""
        return not has_method(self.config["data"], "pairs")


def compose_evaluation(overrides: Sequence[str], on_message: Callable[[str], None]) -> Evaluation:
    """Compose and validate an evaluation, without importing torch if that can be avoided.

    Args:
        overrides: Overrides of conf/evaluate.yaml.
        on_message: Called with messages about which network and weights were found.

    Raises:
        ValueError: The config is invalid, or the run or the weights file does not exist.
    """
    run_folder, model, file = (get_override(overrides, key) for key in ("run", "model", "weights"))
    run = None if run_folder is None else open_run(run_folder)
    if run is not None:
        composed = compose("evaluate", _with_kind_of_data(run, overrides))
        config = _with_run(composed.config, run, overrides)
    elif model is None and (pretrained := find_pretrained(str(file))) is not None:
        composed = compose("evaluate", [f"model={pretrained.model}", *overrides])
        config = composed.config
    elif model is None and file not in (None, "none"):
        composed = compose_for_weights(str(file), overrides, on_message)
        config = composed.config
    else:
        composed = compose("evaluate", overrides)
        config = composed.config
    validate(config, "evaluate")
    name = run.path.name if run is not None else str(composed.choices["model"])
    weights = run.best_checkpoint if run is not None else resolve_weights_file(config["weights"], config["model"])
    if (pretrained := pretrained_of_file(weights)) is not None:
        on_message(f"{name}: pretrained on {pretrained.trained_on}")
    if run is None and model is None and file is None:
        on_message("to evaluate another network, use run=RUN, model=NAME or weights=FILE")
    parent = run.path / "evaluation" if run is not None else Path("evaluation") / name
    output = None if config["output"] is None else Path(config["output"]).expanduser()
    return Evaluation(config, weights, name, parent, output)


def _with_kind_of_data(run: Run, overrides: Sequence[str]) -> list[str]:
    """Prepend the data group of a run, so that overrides such as data.root apply to it."""
    kind = run.metadata.get("choices", {}).get("data")
    return [*([f"data={kind}"] if kind in list_groups()["data"] else []), *overrides]


def _with_run(config: Config, run: Run, overrides: Sequence[str]) -> Config:
    """Take network and data from a run; overrides of data options take precedence over the run's."""
    keys = override_keys(overrides)
    if any(key == "model" or key.startswith("model.") for key in keys):
        raise ConfigError(f"model: a run has its own network. Leave out model=, or leave out run={run.path}.")
    nodes = config_nodes(run, "model", "data")
    config = config | {"model": nodes["model"]}
    if "data" not in keys:
        if "data.root" not in keys:
            config["split"] = config["split"] or "test"  # the run was trained on the others
        config["data"] = nodes["data"] | typed_options(config, "data", overrides)
    return config
