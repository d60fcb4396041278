"""Export the best trial of a sweep as an experiment for `chromahint train experiment=NAME`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import optuna
import yaml
from omegaconf import OmegaConf

from chromahint.config.compose import compose
from chromahint.config.overrides import parse_override
from chromahint.config.paths import experiment_folders, group_defaults, packaged_dir, user_conf_dir
from chromahint.runs.files import write_text
from chromahint.sweeps.study import RUN_ATTR, SLOT_ATTR, best_finished_trial, trials_by_slot
from chromahint.sweeps.sweep_config import SweepConfig

RUN_LOCATION_KEYS = ("runs_dir", "name", "experiment")
"""Keys that say where a run is stored, as opposed to how it is trained."""


def write_best_experiment(study: optuna.Study, sweep: SweepConfig, folder: Path) -> Path | None:
    """Write ./experiments/SWEEP_best with config.yaml and README.md.

    Args:
        study: the study of the sweep.
        sweep: config of the sweep.
        folder: folder of the sweep.

    Returns:
        The folder of the experiment, or None if no trial has finished.
    """
    best = best_finished_trial(study)
    if best is None:
        return None
    overrides = sweep.trial_overrides(best.params)
    experiment = Path("experiments") / f"{sweep.name}_best"
    slot = best.user_attrs[SLOT_ATTR]
    num_ended = sum(trial.state.is_finished() for trial in trials_by_slot(study).values())
    result = f"{sweep.objective} {sweep.metric.format(best.value or 0.0)}, trial {slot} of {num_ended} ended trials"
    text = yaml.safe_dump(experiment_config(overrides), sort_keys=False)
    write_text(
        experiment / "config.yaml",
        f"# @package _global_\n# Best trial of the sweep {sweep.name}: {result}.\n{text}",
    )
    command = shlex.join(["chromahint", "train", f"experiment={experiment.name}"])
    rows = "\n".join(f"| {name} | {value} |" for name, value in best.params.items())
    write_text(
        experiment / "README.md",
        f"# Best trial of {sweep.name}\n\n{result}; sampler {sweep.sampler}, pruner {sweep.pruner}. "
        f"Run: `{folder / best.user_attrs[RUN_ATTR]}`.\n\n```\n{command}\n```\n\n"
        f"| parameter | best value |\n| --- | --- |\n{rows}\n",
    )
    return experiment


def experiment_config(overrides: list[str]) -> dict[str, Any]:
    """Build the content of a config.yaml that composes to the same config as some overrides.

    Args:
        overrides: overrides of `chromahint train`.
    """
    choices, defaults = compose("train", overrides).choices, group_defaults("train")
    # these two groups hold values for other groups, which are copied
    value_files = {"experiment": [folder / "NAME" / "config.yaml" for folder in experiment_folders()]}
    value_files["debug"] = [
        folder / "debug" / "NAME.yaml" for folder in (user_conf_dir(), packaged_dir("conf")) if folder
    ]
    values = OmegaConf.create()
    for group, files in value_files.items():
        if name := choices[group]:
            candidates = (Path(str(file).replace("NAME", name)) for file in files)
            values.merge_with(OmegaConf.load(next(file for file in candidates if file.is_file())))
    values.pop("defaults", None)
    changed_groups = [
        {f"override /{group}": choices[group]}
        for group in defaults
        if group not in value_files and choices[group] != defaults[group]
    ]
    for text in overrides:
        override = parse_override(text)
        key = override.get_key_element().lstrip("+")
        if key not in (*defaults, *RUN_LOCATION_KEYS):
            OmegaConf.update(values, key, override.value(), force_add=True)
    return {"defaults": changed_groups, **yaml.safe_load(OmegaConf.to_yaml(values))}
