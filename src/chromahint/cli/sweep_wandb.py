"""The commands `chromahint sweep wandb NAME` and `sweep trial NAME`: a sweep that W&B leads."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from chromahint.config.errors import ConfigError
from chromahint.launch.launcher import compose_and_validate, create_run_folder, preflight_check, run_training
from chromahint.launch.multirun import folder_name
from chromahint.runs.files import write_text
from chromahint.runs.run import timestamp
from chromahint.sweeps.sweep_config import read_sweep, sweep_names
from chromahint.sweeps.wandb_export import VALUES_SEPARATOR, parse_agent_values, wandb_sweep_yaml

LOGGER = "chromahint.training.loggers.wandb.wandb_logger"
DOES = {
    "wandb": "Write a sweep as a file for `wandb sweep`: W&B chooses, and its agents train.",
    "trial": "Make one trial of a sweep; W&B's agents run this.",
}


def main(what: str, *words: str) -> int:
    """Write the file for W&B, or make the trial that one of its agents asks for; returns the exit status."""
    split = words.index(VALUES_SEPARATOR) if VALUES_SEPARATOR in words else len(words)
    parser = argparse.ArgumentParser(f"chromahint sweep {what}", description=DOES[what])
    parser.add_argument("name", metavar="NAME", help=f"{', '.join(sweep_names())}; or the path of a YAML file")
    parser.add_argument("typed", metavar="key=value", nargs="*", help="as for `chromahint sweep`")
    if what == "wandb":
        parser.add_argument("--output", type=Path, help="the file to write (NAME_wandb.yaml)")
    else:
        parser.epilog = f"The values of the trial stand behind {VALUES_SEPARATOR}, where W&B's agent writes them."
    arguments = parser.parse_intermixed_args(words[:split])
    for word in arguments.typed:
        if "=" not in word:
            raise ConfigError(f"{word}: is not key=value; see `chromahint sweep {what} --help`")
    if what == "wandb":
        return write(arguments.name, arguments.typed, arguments.output)
    return trial(arguments.name, arguments.typed, words[split + 1 :])


def write(where: str, typed: Sequence[str], output: Path | None) -> int:
    """Check every choice, write the file, and say what to type next.

    Args:
        where: name of the sweep, or the path of a YAML file.
        typed: key=value: options of the sweep, or overrides for every trial.
        output: the file to write.

    Raises:
        ConfigError: a choice can't be trained, or the trials would not reach W&B.
    """
    sweep = read_sweep(where, typed)
    first, *others = [compose_and_validate(sweep.trial_overrides(values)) for values in sweep.validation_values()]
    for composed in (first, *others):
        logger = composed.config["logger"]
        if logger.get("_target_") != LOGGER or logger["mode"] == "offline":
            raise ConfigError("logger: W&B chooses by what trials log to it; type logger=wandb logger.mode=auto")
        preflight_check(composed.config)
    logger = first.config["logger"]
    text = wandb_sweep_yaml(sweep, where, typed, logger["project"], logger["entity"])
    file = output or Path(f"{sweep.name}_wandb.yaml")
    write_text(file, text)
    sweep_id = "/".join([part for part in (logger["entity"], logger["project"]) if part] + ["SWEEP"])
    for line in (
        f"wrote: {file}",
        f"begin: {shlex.join(['wandb', 'sweep', str(file)])}",
        f"train: wandb agent {sweep_id}",
        "`wandb sweep` says what SWEEP is; each agent, here or on another machine, is another worker. Both need "
        "`wandb login`.",
    ):
        print(line)  # noqa: T201
    return 0


def trial(where: str, typed: Sequence[str], words: Sequence[str]) -> int:
    """Train one trial in the W&B run that the agent has prepared.

    Args:
        where: name of the sweep, or the path of a YAML file.
        typed: key=value, as they stand in the file for W&B.
        words: the values that W&B chose.
    """
    sweep = read_sweep(where, typed)
    values = parse_agent_values(sweep, words)
    composed = compose_and_validate(sweep.trial_overrides(values))
    processes = preflight_check(composed.config)
    name = composed.config["name"] or sweep.name
    # without an agent it is a run like any other, to see whether a trial works
    leader, known = os.environ.get("WANDB_SWEEP_ID", "trial"), os.environ.get("WANDB_RUN_ID")
    parent = Path(composed.config["runs_dir"]).expanduser() / "sweep" / f"{name}-{leader}"
    run = create_run_folder(
        composed, parent / f"{known or timestamp()}-{folder_name(sweep.display_overrides(values))}", f"sweep/{name}"
    )
    run.update_metadata(trial=sweep.categorical_labels(values), **({"wandb_id": known} if known else {}))
    status = run_training(run, processes)
    # W&B ends trials early by a signal, and its agents give up where a few end with an error
    return 0 if run.metadata["state"] == "interrupted" else status
