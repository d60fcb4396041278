"""Continue a run that was stopped, so that it ends as if it had never been stopped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chromahint.config.errors import ConfigError
from chromahint.config.overrides import parse_override
from chromahint.config.validate import validate
from chromahint.inference.trust import trusted_config
from chromahint.launch.launcher import preflight_check, run_training
from chromahint.runs.lock import lock_run
from chromahint.runs.run import Run, open_run

CHANGEABLE_KEYS = ("trainer.max_steps", "trainer.max_epochs", "trainer.max_minutes", "data.root", "data.num_workers")
"""Options that a resumed run may change; with any other, it would not be the same run."""


def resume(folder: str | Path, overrides: Sequence[str] = ()) -> int:
    """Continue the run in a folder; returns the exit status."""
    return run_training(*prepare_to_resume(folder, overrides))


def prepare_to_resume(folder: str | Path, overrides: Sequence[str] = ()) -> tuple[Run, int]:
    """Check that a run can be resumed, and prepare its folder.

    Args:
        folder: Folder of the run.
        overrides: Options that change, all of CHANGEABLE_KEYS.

    Returns:
        The run, and its number of processes.

    Raises:
        ValueError: The run is finished, another process trains it, or an option can't be changed.
    """
    run = open_run(folder)
    if run.metadata["state"] == "finished":
        raise ConfigError(
            f"{run.path}: already finished. To continue training from its weights, start a new run with "
            f"weights={run.checkpoints / 'last.ckpt'}."
        )
    with lock_run(run.path):  # fails at once if another process is training the run
        pass
    config = _change_config(run, overrides)
    has_checkpoint = (run.checkpoints / "last.ckpt").exists()
    needed = config | {"weights": "none"} if has_checkpoint else config
    validate(needed, "train")
    processes = preflight_check(needed)
    if overrides:
        run.write_config(config)
    for partial in run.checkpoints.glob(".*.ckpt.*"):  # left by a process that was killed while writing
        partial.unlink()
    return run, processes


def _change_config(run: Run, overrides: Sequence[str]) -> dict[str, Any]:
    config = trusted_config(run)
    for override in map(parse_override, overrides):
        key = override.get_key_element()
        if key not in CHANGEABLE_KEYS:
            raise ConfigError(
                f"{key}: cannot change, because a resumed run must end as if it had never been stopped; only "
                f"{', '.join(CHANGEABLE_KEYS)} can. To start a new run from these weights instead, type "
                f"`chromahint train` with weights={run.checkpoints / 'last.ckpt'}."
            )
        group, _, option = key.partition(".")
        config[group] = {**config[group], option: override.value()}
    return config
