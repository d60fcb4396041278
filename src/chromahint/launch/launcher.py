"""Start a training run: compose and check its config, create its folder, start its processes."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from chromahint.atomic_write import NO_SPACE, WriteError
from chromahint.config.compose import ComposedConfig, compose
from chromahint.config.errors import ConfigError
from chromahint.config.paths import choice_of, experiment_plans
from chromahint.config.validate import validate
from chromahint.models.pretrained import resolve_weights_file
from chromahint.parent_process import environment_for_children
from chromahint.runs.files import read_json
from chromahint.runs.lock import RunLockedError, lock_run
from chromahint.runs.run import Run, create_run, iso_now, open_run, timestamp
from chromahint.runs.slurm_env import current_slurm_job

STOP_SIGNALS = ("SIGINT", "SIGTERM", "SIGUSR1")
"""Signals that ask a run to save a checkpoint and exit. It can be resumed later."""


def launch_training(overrides: Sequence[str]) -> int:
    """Train one network in this process, or in one process per device; returns the exit status."""
    composed = compose_and_validate(overrides)
    processes = preflight_check(composed.config)
    if (name := composed.choices["experiment"]) in experiment_plans():
        print(f"this is one run; for the whole experiment: chromahint experiment {name}")  # noqa: T201
    # SLURM requeues a job by running the same command again
    run = requeued_run(composed) or create_run_folder(composed, default_run_dir(composed), run_label(composed))
    return run_training(run, processes)


def run_training(run: Run, processes: int) -> int:
    """Train a run in this process, or in one process per device; returns the exit status."""
    print(f"run: {run.path}", flush=True)  # noqa: T201
    if processes > 1:
        return launch_and_wait(run, processes)
    from chromahint.training.train import main as train_in_this_process

    return train_in_this_process([str(run.path)])


def compose_and_validate(overrides: Sequence[str]) -> ComposedConfig:
    """Compose and validate the config of a training run, without importing torch."""
    composed = compose("train", overrides)
    validate(composed.config, "train")
    return composed


def preflight_check(config: dict[str, Any]) -> int:
    """Check what requires torch: devices, weights, the constructors of all parts, and that there are photos.

    Returns:
        Number of processes to start.

    Raises:
        ValueError: The config does not work on this machine.
    """
    trainer = config["trainer"]
    if (nodes := trainer.get("num_nodes", 1)) > 1:
        raise ConfigError(
            f"trainer.num_nodes={nodes}: training on several machines requires SLURM. Type `chromahint train -m "
            f"launcher=slurm trainer.num_nodes={nodes}`, or, for a run that SLURM started, `sbatch --array=NUMBER "
            "SCRIPT` with the script next to its folder."
        )
    check_weights_and_parts(config)
    _check_photos(json.dumps(config["data"], sort_keys=True))
    import torch

    from chromahint.data.datamodule import check_batch_size
    from chromahint.training.precision import choose_precision
    from chromahint.training.trainer import process_count

    processes = process_count(trainer["accelerator"], trainer["devices"])
    check_batch_size(config["data"]["batch_size"], processes)
    choose_precision(trainer["precision"], on_gpu=trainer["accelerator"] != "cpu" and torch.cuda.is_available())
    return processes


def check_weights_and_parts(config: dict[str, Any]) -> None:
    """Check weights and constructors of the components, independently of the devices of this machine.

    Raises:
        ValueError: The weights don't fit the network, or a component rejects its options or does not do what it should.
    """
    weights = resolve_weights_file(config["weights"], config["model"])

    import torch

    from chromahint.config.instantiate import instantiate_node
    from chromahint.models.state_dict import load_weights
    from chromahint.training.contracts import check_contracts
    from chromahint.training.loggers.check import check_loggers

    check_loggers(config["logger"])
    groups = ("augment", "hints", "loss", "optimizer", "lr_schedule", "protocol")
    nodes = {group: config[group] for group in groups}
    nodes |= {f"callbacks.{name}": node for name, node in config["callbacks"].items() if node is not None}
    parts = {part: instantiate_node(node) for part, node in nodes.items()}
    parts["optimizer"]([("weight", torch.nn.Parameter(torch.zeros(1)))])
    is_own = config["model"]["_target_"].startswith("chromahint.")
    with torch.device("meta" if weights is None and is_own else "cpu"):
        network = parts["model"] = instantiate_node(config["model"])
    if not any(True for _ in network.parameters()):
        choice = choice_of("model", config["model"]["_target_"])
        raise ConfigError(f"{choice}: has no parameters to train. Use `chromahint evaluate {choice}` to measure it.")
    targets = {part: node["_target_"] for part, node in nodes.items()}
    check_contracts(parts, targets | {"model": config["model"]["_target_"]})
    if weights is not None:
        load_weights(network, weights)


@functools.lru_cache(maxsize=64)
def _check_photos(node: str) -> None:
    """Raise ValueError unless each split has photos. The runs of a multirun mostly share their data."""
    from chromahint.config.instantiate import instantiate_node

    data = instantiate_node(json.loads(node))
    for split in ("train", "val", "test"):
        data.source.photos(split, data.max_images)


def run_label(composed: ComposedConfig) -> str:
    """Return the name under which similar runs are grouped: `name`, or the choice of experiment or model."""
    name = composed.config["name"] or composed.choices["experiment"] or composed.choices["model"]
    assert isinstance(name, str)
    return name


def default_run_dir(composed: ComposedConfig) -> Path:
    """Return the path of a new run: RUNS_DIR/LABEL/<date-time>."""
    return Path(composed.config["runs_dir"]).expanduser() / run_label(composed) / timestamp()


def requeued_run(composed: ComposedConfig) -> Run | None:
    """Find the unfinished run that this SLURM job started before it was requeued."""
    job, restarts = current_slurm_job(), os.environ.get("SLURM_RESTART_COUNT", "0")
    if job is None or restarts == "0":
        return None
    parent = Path(composed.config["runs_dir"]).expanduser() / run_label(composed)
    for file in sorted(parent.glob("*/run.json"), reverse=True):
        metadata = read_json(file)
        if metadata.get("slurm_job") == job and metadata.get("state") != "finished":
            return open_run(file.parent)
    return None


def create_run_folder(composed: ComposedConfig, folder: Path, group: str) -> Run:
    """Create the folder of a run, with everything that its processes need to know.

    Args:
        composed: Valid config.
        folder: Preferred path.
        group: Group of the run on W&B.

    Raises:
        ConfigError: The folder can't be written.
        OSError: The disk is full.
    """
    metadata = {
        "name": f"{folder.parent.name}/{folder.name}",
        "group": group,
        "command": shlex.join(["chromahint", *sys.argv[1:]]),
        "overrides": composed.overrides,
        "choices": composed.choices,
        "wandb_id": secrets.token_hex(4),
    }
    if job := current_slurm_job():
        metadata["slurm_job"] = job
    try:
        return create_run(folder, _embed_color_prior(composed.config), metadata)
    except OSError as error:
        if error.errno in NO_SPACE:  # another folder would not help
            raise
        raise ConfigError(
            f"runs_dir={folder.parent}: can't be written ({error.strerror}). Pass runs_dir=FOLDER."
        ) from None


def _embed_color_prior(config: dict[str, Any]) -> dict[str, Any]:
    """Replace the file of a color prior by its numbers, so that the run does not depend on the file."""
    file = config["loss"].get("color_prior")
    if not isinstance(file, str):
        return config
    from chromahint.data.color_prior import read_color_prior

    return config | {"loss": config["loss"] | {"color_prior": read_color_prior(file)}}


def launch_and_wait(run: Run, processes: int) -> int:
    """Start the processes of a run and wait for them; if one fails, the others are stopped.

    Returns:
        Exit status.
    """
    if processes == 1:
        command = [sys.executable, *_python_arguments(run)]
        status = subprocess.run(command, env=environment_for_children(), check=False).returncode  # noqa: S603
    else:
        from chromahint.launch.elastic import launch_processes

        status = launch_processes(_python_arguments(run), processes)
    record_exit_status(run, status)
    return status


@contextlib.contextmanager
def launched(run: Run, processes: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start the processes of a run, which write to RUN/output.txt; at the end of the block, they save and exit.

    They also do so if this process is killed. They are in a session of their own, so Ctrl-C reaches them only through
    this process.
    """
    arguments = _python_arguments(run)
    if processes > 1:
        arguments = ["-m", "chromahint.launch.elastic", str(processes), *arguments]
    with (run.path / "output.txt").open("ab") as output:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, *arguments],
            env=environment_for_children(),
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


def _python_arguments(run: Run) -> list[str]:
    return ["-m", "chromahint.training.train", str(run.path)]


def record_exit_status(run: Run, status: int) -> None:
    """Record why a run ended if its processes could not do so themselves, because they were killed.

    Args:
        run: The run.
        status: Exit status of its processes; a signal is its negative number, or 128 plus its number.
    """
    if status == 0:
        return
    try:
        with lock_run(run.path):
            _record_failure(run, status)
    except RunLockedError:  # another process is training the run, and ours exited because of that
        return
    except WriteError:  # of a run that failed because the disk is full
        return


def _record_failure(run: Run, status: int) -> None:
    metadata = run.metadata
    name = signal_name(status)
    if name is not None and name not in STOP_SIGNALS:
        reason = ", usually because it ran out of memory" if name == "SIGKILL" else ""
        run.update_metadata(state="failed", ended=iso_now(), error=f"a process of the run was killed by {name}{reason}")
    elif name is not None and metadata["state"] in ("created", "running"):
        run.update_metadata(state="interrupted", ended=iso_now())
    elif name is None and metadata["state"] != "failed":
        error = metadata.get("error") or f"a process of the run exited with status {status}"
        run.update_metadata(state="failed", ended=iso_now(), error=error)


def signal_name(status: int) -> str | None:
    """Return the signal that an exit status stands for, or None.

    >>> signal_name(-9), signal_name(143), signal_name(1)
    ('SIGKILL', 'SIGTERM', None)
    """
    number = -status if status < 0 else status - 128
    return signal.Signals(number).name if number in {each.value for each in signal.Signals} else None
