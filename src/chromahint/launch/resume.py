"""The command `chromahint train resume=RUN`: go on with a run that was stopped, as if it never had been."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from chromahint.config.errors import ConfigError
from chromahint.config.overrides import parse_override
from chromahint.config.validate import validate
from chromahint.launch.launcher import preflight_check, run_training
from chromahint.runs.files import write_text
from chromahint.runs.lock import lock_run
from chromahint.runs.run import Run, open_run

MAY_CHANGE = ("trainer.max_steps", "trainer.max_epochs", "trainer.max_minutes", "data.root", "data.num_workers")


def main(overrides: Sequence[str]) -> int:
    """Continue a run with the config it has; returns the exit status."""
    return run_training(*prepare(overrides))


def prepare(overrides: Sequence[str]) -> tuple[Run, int]:
    """Check that a run can go on, and make its folder ready for that; returns the run and its number of processes."""
    typed = {override.get_key_element(): override.value() for override in map(parse_override, overrides)}
    run = open_run(str(typed.pop("resume")))
    if run.metadata["state"] == "finished":
        raise ConfigError(
            f"resume={run.path}: is finished. To train on from its weights, type what you want with "
            f"weights={run.checkpoints / 'last.ckpt'}"
        )
    with lock_run(run.path):  # says at once if it is being trained right now
        pass
    config = changed(run, typed)
    has_state = (run.checkpoints / "last.ckpt").exists()
    needed = config | {"weights": "none"} if has_state else config
    validate(needed, "train")
    processes = preflight_check(needed)
    if typed:
        write_text(run.path / "config.yaml", yaml.safe_dump(config, sort_keys=False))
    for partial in run.checkpoints.glob(".*.ckpt.*"):  # what a killed process was writing
        partial.unlink()
    return run, processes


def changed(run: Run, typed: dict[str, Any]) -> dict[str, Any]:
    """The run's config, with the few changes that let it stay the same run."""
    config = run.config
    for key, value in typed.items():
        if key not in MAY_CHANGE:
            raise ConfigError(
                f"{key}: a resumed run keeps its choices, so that it ends as if it had never been stopped; only "
                f"{', '.join(MAY_CHANGE)} may change. For a run with other choices that starts from these weights, "
                f"type what you want with weights={run.checkpoints / 'last.ckpt'}"
            )
        group, _, option = key.partition(".")
        config[group] = {**config[group], option: value}
    return config
