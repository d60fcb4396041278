"""Start a sweep, or a part of it: a worker, the file for W&B, or a trial for one of W&B's agents.

Everything is validated before slow imports.
"""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from chromahint.config.compose import ComposedConfig
from chromahint.config.errors import ConfigError
from chromahint.launch.launcher import compose_and_validate, create_run_folder, preflight_check, run_training
from chromahint.launch.multirun import folder_name
from chromahint.runs.files import write_text
from chromahint.runs.run import timestamp
from chromahint.sweeps.sweep_config import SweepConfig, load_sweep, read_sweep
from chromahint.sweeps.wandb_export import parse_agent_values, wandb_sweep_yaml


def run_worker(name_or_path: str, overrides: Sequence[str]) -> int:
    """Run trials of a sweep until none is left; returns the exit status.

    The folder of the sweep is RUNS_DIR/sweep/NAME. The same call, here or on another machine, is another worker.

    Args:
        name_or_path: name or YAML file of the sweep.
        overrides: options of the sweep, or overrides of every trial.
    """
    sweep = read_sweep(name_or_path, overrides)
    trials = compose_trials(sweep)
    for composed in trials:
        preflight_check(composed.config)
    config = trials[0].config
    folder = Path(config["runs_dir"]).expanduser() / "sweep" / (config["name"] or sweep.name)
    from chromahint.sweeps.worker import Worker

    worker = Worker(dataclasses.replace(sweep, name=folder.name), folder, config["seed"])
    # SIGTERM ends a worker in the same way as Ctrl-C
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return worker.run()
    finally:
        signal.signal(signal.SIGTERM, previous)


def compose_trials(sweep: SweepConfig) -> list[ComposedConfig]:
    """Compose and validate trials that cover every category and every bound of the search space.

    Raises:
        ConfigError: a trial is invalid.
    """
    trials = [compose_and_validate(sweep.trial_overrides(values)) for values in sweep.validation_values()]
    count = sweep.objective_hint_count
    for composed in trials:
        if count is not None and count not in (known := composed.config["protocol"]["hint_counts"]):
            raise ConfigError(
                f"objective={sweep.objective}: training validates at {', '.join(map(str, known))} hints. Choose one of "
                "these, or change protocol.hint_counts."
            )
    return trials


def find_sweep(name_or_folder: str, runs_dir: Path) -> tuple[SweepConfig, Path]:
    """Find a sweep that was started; returns its config and its folder.

    Raises:
        ConfigError: the sweep was not started here.
    """
    parent = runs_dir.expanduser() / "sweep"
    for folder in (Path(name_or_folder).expanduser(), parent / name_or_folder):
        if (folder / "sweep.yaml").is_file():
            return load_sweep(folder), folder
    names = sorted(file.parent.name for file in parent.glob("*/sweep.yaml"))
    known = f"choose one of {', '.join(names)}, or pass its folder" if names else f"{runs_dir} contains no sweep"
    raise ConfigError(f"{name_or_folder}: no such sweep was started here; {known}.")


def write_wandb_sweep(name_or_path: str, overrides: Sequence[str], output: Path | None) -> tuple[Path, str]:
    """Write a sweep as a file for `wandb sweep`.

    Args:
        name_or_path: name or YAML file of the sweep.
        overrides: options of the sweep, or overrides of every trial.
        output: path of the file; None for NAME_wandb.yaml.

    Returns:
        The path of the file, and the ID of the sweep on W&B with SWEEP in place of the part that is not known yet.

    Raises:
        ConfigError: a trial is invalid, or would not be uploaded.
    """
    sweep = read_sweep(name_or_path, overrides)
    trials = compose_trials(sweep)
    for composed in trials:
        logger = composed.config["logger"].get("wandb")
        if logger is None or logger["mode"] == "offline":
            raise ConfigError(
                "logger: W&B chooses values by what the trials upload. Type logger=wandb logger.wandb.mode=auto."
            )
        preflight_check(composed.config)
    logger = trials[0].config["logger"]["wandb"]
    text = wandb_sweep_yaml(sweep, name_or_path, overrides, logger["project"], logger["entity"])
    file = output or Path(f"{sweep.name}_wandb.yaml")
    write_text(file, text)
    return file, "/".join([part for part in (logger["entity"], logger["project"]) if part] + ["SWEEP"])


def run_wandb_trial(name_or_path: str, overrides: Sequence[str], values: Sequence[str]) -> int:
    """Train one trial in the W&B run that the agent has prepared; returns the exit status.

    Args:
        name_or_path: name or YAML file of the sweep.
        overrides: options of the sweep, or overrides of every trial.
        values: NAME=VALUE, as chosen by W&B.
    """
    sweep = read_sweep(name_or_path, overrides)
    chosen = parse_agent_values(sweep, values)
    composed = compose_and_validate(sweep.trial_overrides(chosen))
    processes = preflight_check(composed.config)
    name = composed.config["name"] or sweep.name
    # without an agent, this is an ordinary run, which shows whether a trial works
    sweep_id, run_id = os.environ.get("WANDB_SWEEP_ID", "trial"), os.environ.get("WANDB_RUN_ID")
    parent = Path(composed.config["runs_dir"]).expanduser() / "sweep" / f"{name}-{sweep_id}"
    folder = parent / f"{run_id or timestamp()}-{folder_name(sweep.display_overrides(chosen))}"
    run = create_run_folder(composed, folder, f"sweep/{name}")
    run.update_metadata(trial=sweep.categorical_labels(chosen), **({"wandb_id": run_id} if run_id else {}))
    status = run_training(run, processes)
    # W&B stops trials early by a signal, and its agents give up if several trials end with an error
    return 0 if run.metadata["state"] == "interrupted" else status
