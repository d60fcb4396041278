"""The command `chromahint train`: compose, check, make the run folder, start its processes."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from chromahint.config.compose import ComposedConfig, compose
from chromahint.config.errors import ConfigError
from chromahint.config.paths import experiment_plans
from chromahint.config.validate import validate
from chromahint.models.pretrained import weights_file
from chromahint.runs.files import read_json
from chromahint.runs.lock import RunLockedError, lock_run
from chromahint.runs.run import Run, create_run, iso_now, open_run, timestamp
from chromahint.runs.slurm_env import current_slurm_job


def main(overrides: Sequence[str]) -> int:
    """Train one network in this process, or in one process a device; returns the exit status."""
    composed = compose_and_validate(overrides)
    processes = preflight_check(composed.config)
    if (name := composed.choices["experiment"]) in experiment_plans():
        print(f"this is one run; the whole experiment: chromahint experiment {name}")  # noqa: T201
    # SLURM types the command again when it runs a job again
    run = requeued_run(composed) or create_run_folder(composed, default_run_dir(composed), run_label(composed))
    return run_training(run, processes)


def run_training(run: Run, processes: int) -> int:
    """Train a run in this process, or in one process a device; returns the exit status."""
    print(f"run: {run.path}", flush=True)  # noqa: T201
    if processes > 1:
        return launch_and_wait(run, processes)
    from chromahint.training.train import main as job

    return job([str(run.path)])


def compose_and_validate(overrides: Sequence[str]) -> ComposedConfig:
    """Compose and check a training config, without importing torch."""
    composed = compose("train", overrides)
    validate(composed.config, "train")
    return composed


def preflight_check(config: dict[str, Any]) -> int:
    """Check what only torch can tell: devices, weights, what the parts say. Returns the number of processes.

    Lightning is not imported yet: what is wrong shows within two seconds.

    Raises:
        ValueError: this machine, the weights or a part do not fit the config.
    """
    trainer = config["trainer"]
    if (nodes := trainer.get("num_nodes", 1)) > 1:  # which older runs do not have
        raise ConfigError(
            f"trainer.num_nodes={nodes}: several machines are a matter of SLURM; type `chromahint train -m "
            f"launcher=slurm trainer.num_nodes={nodes}`. A run that SLURM began goes on with `sbatch --array=NUMBER "
            "SCRIPT`, of the script beside its folder"
        )
    check_weights_and_parts(config)
    from chromahint.training.trainer import process_count

    return process_count(trainer["accelerator"], trainer["devices"])


def check_weights_and_parts(config: dict[str, Any]) -> None:
    """Check the weights and what the parts say, for whichever machine.

    Raises:
        ValueError: the weights or a part do not fit the config.
    """
    weights = weights_file(config["weights"], config["model"])

    import torch

    from chromahint.config.instantiate import instantiate_node
    from chromahint.models.state_dict import load_weights

    for part in ("protocol", "hints", "lr_schedule", "loss", "augment"):
        instantiate_node(config[part])
    instantiate_node(config["optimizer"])([("weight", torch.nn.Parameter(torch.zeros(1)))])
    with torch.device("meta" if weights is None else "cpu"):
        network = instantiate_node(config["model"])
    if not any(True for _ in network.parameters()):
        name = config["model"]["_target_"].rpartition(".")[2]
        raise ConfigError(f"{name} has nothing to train: type `chromahint evaluate model=...` to see how good it is")
    if weights is not None:
        load_weights(network, weights)


def run_label(composed: ComposedConfig) -> str:
    """What runs of this kind are called: the name that was given, the experiment's, or the model's."""
    name = composed.config["name"] or composed.choices["experiment"] or composed.choices["model"]
    assert isinstance(name, str)
    return name


def default_run_dir(composed: ComposedConfig) -> Path:
    """Where a run goes: RUNS/<experiment or model>/<date-time>."""
    return Path(composed.config["runs_dir"]).expanduser() / run_label(composed) / timestamp()


def requeued_run(composed: ComposedConfig) -> Run | None:
    """The unfinished run that this SLURM job began before it was requeued."""
    job, again = current_slurm_job(), os.environ.get("SLURM_RESTART_COUNT", "0")
    if job is None or again == "0":
        return None
    begun = Path(composed.config["runs_dir"]).expanduser() / run_label(composed)
    for folder in sorted(begun.glob("*/run.json"), reverse=True):
        about = read_json(folder)
        if about.get("slurm_job") == job and about.get("state") != "finished":
            return open_run(folder.parent)
    return None


def create_run_folder(composed: ComposedConfig, folder: Path, group: str) -> Run:
    """Make the run folder, with all that its processes need to know."""
    about = {
        "name": f"{folder.parent.name}/{folder.name}",
        "group": group,
        "command": shlex.join(["chromahint", *sys.argv[1:]]),
        "overrides": composed.overrides,
        "choices": composed.choices,
        "wandb_id": secrets.token_hex(4),
    }
    if job := current_slurm_job():
        about["slurm_job"] = job
    try:
        return create_run(folder, composed.config, about)
    except OSError as error:
        raise ConfigError(
            f"runs_dir={folder.parent}: cannot be written ({error.strerror}); type runs_dir=FOLDER"
        ) from None


def launch_and_wait(run: Run, processes: int) -> int:
    """Start the processes of a run and wait for them; when one fails, the others are ended. Returns the exit status."""
    if processes == 1:
        status = subprocess.run([sys.executable, *_job(run)], check=False).returncode  # noqa: S603
    else:
        from chromahint.launch.elastic import launch_processes

        status = launch_processes(_job(run), processes)
    record_exit_status(run, status)
    return status


@contextlib.contextmanager
def launched(run: Run, processes: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start the processes of a run, which write into RUN/output.txt; at the end of the block they save and leave.

    Ctrl-C reaches them through this process alone.
    """
    job = _job(run)
    if processes > 1:
        job = ["-m", "chromahint.launch.elastic", str(processes), *job]
    with (run.path / "output.txt").open("ab") as output:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, *job],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        record_exit_status(run, process.wait())


def _job(run: Run) -> list[str]:
    return ["-m", "chromahint.training.train", str(run.path)]


STOP_SIGNALS = ("SIGINT", "SIGTERM", "SIGUSR1")
"""Signals by which a run is asked to leave, and may go on later."""


def record_exit_status(run: Run, status: int) -> None:
    """Note why a run has ended, where its processes were killed or one that does not write failed alone.

    Args:
        run: the run.
        status: of its processes: 0, an exit status, or the negative number of a signal or 128 more than it.
    """
    if status == 0:
        return
    try:
        with lock_run(run.path):
            _record(run, status)
    except RunLockedError:  # which is why ours has ended: the other process has the word
        return


def _record(run: Run, status: int) -> None:
    about = run.metadata
    name = signal_name(status)
    if name is not None and name not in STOP_SIGNALS:
        why = ", mostly for want of memory" if name == "SIGKILL" else ""
        run.update_metadata(
            state="failed", ended=iso_now(), error=f"a process of the run was ended from outside by {name}{why}"
        )
    elif name is not None and about["state"] in ("created", "running"):
        run.update_metadata(state="interrupted", ended=iso_now())
    elif name is None and about["state"] != "failed":
        error = about.get("error") or f"a process of the run ended with status {status}"
        run.update_metadata(state="failed", ended=iso_now(), error=error)


def signal_name(status: int) -> str | None:
    """The signal that an exit status tells of, if any.

    >>> signal_name(-9), signal_name(143), signal_name(1)
    ('SIGKILL', 'SIGTERM', None)
    """
    number = -status if status < 0 else status - 128
    return signal.Signals(number).name if number in {each.value for each in signal.Signals} else None
