"""The best trial of a sweep as an experiment that `chromahint train experiment=NAME` runs."""

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
from chromahint.sweeps.study import RUN, SLOT, best_of, slots
from chromahint.sweeps.sweep_config import Sweep

PLACES = ("runs", "name", "experiment")
"""Overrides that say where a run lies, and not what it is."""


def write_best(study: optuna.Study, sweep: Sweep, folder: Path) -> Path | None:
    """Write ./experiments/<sweep>_best: config.yaml and README.md; returns the folder, or None without a best trial.

    Args:
        study: the sweep's memory.
        sweep: what was tried.
        folder: of the sweep.
    """
    best = best_of(study)
    if best is None:
        return None
    words = sweep.words(best.params)
    experiment = Path("experiments") / f"{sweep.name}_best"
    slot = best.user_attrs[SLOT]
    ended = sum(trial.state.is_finished() for trial in slots(study).values())
    figures = f"val/psnr {best.value:.2f} dB, trial {slot} of {ended} that have ended"
    text = yaml.safe_dump(experiment_of(words), sort_keys=False)
    write_text(
        experiment / "config.yaml", f"# @package _global_\n# The best of the sweep {sweep.name}: {figures}.\n{text}"
    )
    command = shlex.join(["chromahint", "train", f"experiment={experiment.name}"])
    tried = "\n".join(f"| {name} | {value} |" for name, value in best.params.items())
    write_text(
        experiment / "README.md",
        f"# The best of {sweep.name}\n\n`val/psnr`{figures.removeprefix('val/psnr')}; sampler {sweep.sampler}, pruner "
        f"{sweep.pruner}. Its run: `{folder / best.user_attrs[RUN]}`.\n\n```\n{command}\n```\n\n"
        f"| tried | best |\n| --- | --- |\n{tried}\n",
    )
    return experiment


def experiment_of(words: list[str]) -> dict[str, Any]:
    """The content of a config.yaml that composes to what some overrides compose to.

    Args:
        words: overrides of `chromahint train`.
    """
    choices, usual = compose("train", words).choices, group_defaults("train")
    # these two are files of values for other groups, which are taken over
    places = {"experiment": [folder / "NAME" / "config.yaml" for folder in experiment_folders()]}
    places["debug"] = [folder / "debug" / "NAME.yaml" for folder in (user_conf_dir(), packaged_dir("conf")) if folder]
    values = OmegaConf.create()
    for group, files in places.items():
        if name := choices[group]:
            found = (Path(str(file).replace("NAME", name)) for file in files)
            values.merge_with(OmegaConf.load(next(file for file in found if file.is_file())))
    values.pop("defaults", None)
    different = [
        {f"override /{group}": choices[group]}
        for group in usual
        if group not in places and choices[group] != usual[group]
    ]
    for word in words:
        override = parse_override(word)
        key = override.get_key_element().lstrip("+")
        if key not in (*usual, *PLACES):
            OmegaConf.update(values, key, override.value(), force_add=True)
    return {"defaults": different, **yaml.safe_load(OmegaConf.to_yaml(values))}
