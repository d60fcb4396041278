"""Training process of a run: `python -m chromahint.training.train RUN` reads RUN/config.yaml and trains.

Commands, sweeps, resumed runs and every process of a distributed run all start this module. If the folder contains
last.ckpt, training resumes from it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, seed_everything
from lightning.pytorch.utilities import rank_zero_only

from chromahint.atomic_write import WriteError, explain_write_error
from chromahint.config.instantiate import instantiate_node
from chromahint.config.paths import add_cwd_to_path
from chromahint.models.pretrained import resolve_weights_file
from chromahint.models.state_dict import load_weights
from chromahint.parent_process import end_with_parent
from chromahint.runs.lock import RunLockedError, lock_run
from chromahint.runs.run import Run, iso_now, open_run
from chromahint.runs.slurm_env import current_slurm_job
from chromahint.training.allocator import keep_freed_memory
from chromahint.training.callbacks.checkpoint import find_resume_state
from chromahint.training.callbacks.nan_guard import NaNGuard
from chromahint.training.callbacks.preemption import (
    PreemptionHandler,
    TrainingInterrupted,
    raise_on_signal,
    requeue,
)
from chromahint.training.callbacks.progress_bar import RunProgressBar
from chromahint.training.callbacks.pruning import PruningCallbackBase
from chromahint.training.callbacks.training_limits import TrainingLimits
from chromahint.training.callbacks.training_stats import TrainingStats
from chromahint.training.callbacks.unreadable_images import UnreadableImages
from chromahint.training.errors import explain_error
from chromahint.training.final_evaluation import evaluate_best_weights
from chromahint.training.lightning_module import ColorizationModule
from chromahint.training.loggers.csv import MetricsCSVLogger
from chromahint.training.loggers.run_logger import RunLogger
from chromahint.training.trainer import profiler_summary


def main(arguments: Sequence[str]) -> int:
    """Train the run whose folder is the only argument, and return the exit status."""
    run = open_run(arguments[0])
    add_cwd_to_path()
    silence_library_warnings()
    try:
        with raise_on_signal(), lock_run(run.path) if _is_rank_zero() else contextlib.nullcontext():
            if run.metadata.get("error"):  # of an earlier attempt
                _update_metadata(run, state="created", error=None, write_error=False)
            train(run)
    except RunLockedError as error:
        _print_status(f"Error: {error}")
        return 2
    except ValueError as error:
        _record_failure(run, str(error))
        return 2
    except (KeyboardInterrupt, TrainingInterrupted) as interrupt:
        number = interrupt.signal_number if isinstance(interrupt, TrainingInterrupted) else signal.SIGINT
        if run.metadata["state"] != "failed":  # if another process has failed, this one was merely terminated
            with contextlib.suppress(WriteError):
                _update_metadata(run, state="interrupted", ended=iso_now())
            _print_status(f"interrupted by {signal.Signals(number).name}; {_resume_hint(run)}")
            if number == getattr(signal, "SIGUSR1", None):
                _requeue()
        return 128 + number
    except BaseException as error:
        explanation = explain_error(error, run, run.config)
        text = explanation or f"{type(error).__name__}: {error}"
        write_error = isinstance(error, OSError) and explain_write_error(error) is not None
        _record_failure(run, text, show=explanation is not None, write_error=write_error)
        if explanation is None:
            raise
        return 1
    return 0


def train(run: Run) -> None:
    """Train, then evaluate the best weights on test images, which played no part in training or model selection."""
    config = run.config
    seed_everything(config["seed"], workers=True, verbose=False)
    torch.set_float32_matmul_precision("high")
    resume = find_resume_state(run.checkpoints)
    # a resumed run takes its weights from last.ckpt
    module = build_module(config if resume is None else config | {"weights": "none"})
    data = instantiate_node(config["data"])
    loggers = build_loggers(run)
    csv_logger = MetricsCSVLogger(run.path)
    callbacks = [
        RunProgressBar(),
        PreemptionHandler(),
        UnreadableImages(run.path / "broken.txt"),
        NaNGuard(run.path),
        TrainingStats(),
        *_build_callbacks(config["callbacks"], run),
    ]
    trainer = instantiate_node(config["trainer"])(
        folder=run.path, callbacks=callbacks, loggers=[csv_logger, *loggers], network=module.network
    )
    if trainer.strategy.root_device.type == "cpu":
        keep_freed_memory()
    times = {"started": iso_now()} if resume is None else {"resumed": [*run.metadata.get("resumed", []), iso_now()]}
    if trainer.is_global_zero:
        data.write_lists(run.path)
    accumulate = trainer.accumulate_grad_batches
    batch = {
        "images_per_step": config["data"]["batch_size"] * accumulate,
        "images_per_device": config["data"]["batch_size"] // trainer.world_size,
        "accumulated_batches": accumulate,
    }
    if trainer.world_size > 1 or accumulate > 1:
        _print_status(
            f"batch: {batch['images_per_step']} images per step: {batch['images_per_device']} on each of "
            f"{trainer.world_size} devices, {accumulate} accumulated"
        )
    fields = {
        "batch": batch,
        "processes": trainer.world_size,
        "precision": str(trainer.precision),
        "slurm_job": current_slurm_job(),
    }
    _update_metadata(run, state="running", **times, **fields)
    if resume is None:
        csv_logger.truncate(0)
    else:
        _print_status(f"resuming from step {resume.step}")
    exit_code = 1
    try:
        for logger in loggers:
            logger.begin(module.protocol.hint_counts)
            logger.sync_from_csv(csv_logger)
        seconds = resume.seconds if resume is not None else 0.0
        if resume is None or not resume.ended:
            try:
                trainer.fit(module, datamodule=data, ckpt_path=resume and resume.file, weights_only=True)
            except SystemExit:  # Lightning turns Ctrl-C into this
                raise KeyboardInterrupt from None
            seconds = TrainingLimits.of(trainer).elapsed
        else:
            trainer.strategy.setup_environment()  # as `fit` does: the processes share the evaluation
        if summary := profiler_summary(trainer):
            _print_status(summary)
        if any(isinstance(callback, PruningCallbackBase) and callback.pruned for callback in callbacks):
            _update_metadata(run, state="pruned", ended=iso_now())
        elif results := evaluate_best_weights(run, config, data, trainer.strategy.root_device, seconds / 60):
            for logger in loggers:
                logger.log_results(results.metrics, results.images)
            _update_metadata(run, state="finished", ended=iso_now())
        exit_code = 0
    finally:
        for logger in loggers:
            logger.close(exit_code)


def build_module(config: dict[str, Any]) -> ColorizationModule:
    """Build the LightningModule of a validated config, with its initial weights."""
    network = instantiate_node(config["model"])
    if (weights := resolve_weights_file(config["weights"], config["model"])) is not None:
        load_weights(network, weights)
    parts = ("loss", "hints", "augment", "protocol", "optimizer", "lr_schedule")
    network.to(memory_format=torch.channels_last)
    return ColorizationModule(
        network=network, seed=config["seed"], **{part: instantiate_node(config[part]) for part in parts}
    )


def build_loggers(run: Run) -> list[RunLogger]:
    """Build the loggers of a run, which metrics.csv is not one of."""
    nodes = [node for node in run.config["logger"].values() if node is not None]
    return [instantiate_node(node)(folder=run.path, config=run.config, metadata=run.metadata) for node in nodes]


def silence_library_warnings() -> None:
    """Silence noisy third-party log messages and warnings."""
    for name in ("lightning", "lightning.pytorch", "lightning.fabric", "torch.distributed"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for message in (
        r".*`srun` command is available.*",  # srun is used by launcher=slurm only
        r".*num_workers.*",  # 0 is right for images in a memory map
        r".*sync_dist=True.*",  # logged metrics are already means over all processes
        r".*Checkpoint directory .* exists.*",
        r".*lr_scheduler\.step\(\).*",
        r".*torch\.distributed.*barrier.*",
        r".*_all_gather_base.*",
        r".*smaller than the logging interval.*",
        r".*destroy_process_group.*",
        r".*isinstance\(treespec.*",
    ):
        warnings.filterwarnings("ignore", message=message)


def _build_callbacks(nodes: dict[str, Any], run: Run) -> list[Callback]:
    """Build the group `callbacks`. Partial nodes receive the folder to write to."""
    callbacks: list[Callback] = []
    for name, node in nodes.items():
        if node is None:
            continue
        built = instantiate_node(node)
        if node.get("_partial_"):
            built = built(folder=run.checkpoints if name == "checkpoint" else run.path / name)
        callbacks += built if isinstance(built, list) else [built]
    return callbacks


def _is_rank_zero() -> bool:
    """Tell whether this process writes the run folder, before the trainer exists. Launchers set the variables."""
    return os.environ.get("RANK", os.environ["SLURM_PROCID"] if "CHROMAHINT_TASKS" in os.environ else "0") == "0"


def _resume_hint(run: Run) -> str:
    resume = find_resume_state(run.checkpoints)
    saved = "nothing saved yet" if resume is None else f"saved at step {resume.step}"
    return f"{saved}. Resume with: {shlex.join(['chromahint', 'resume', str(run.path)])}"


@rank_zero_only
def _requeue() -> None:
    if job := requeue():
        _print_status(f"requeued SLURM job {job}, which will resume this run")


@rank_zero_only
def _update_metadata(run: Run, **fields: Any) -> None:
    run.update_metadata(**fields)


def _record_failure(run: Run, error: str, show: bool = True, write_error: bool = False) -> None:
    """Record and print why a run failed. The first process to fail does so; the others merely lost that process."""
    if run.metadata["state"] == "failed":
        return
    if show:
        print(f"Error: {error}", file=sys.stderr, flush=True)  # noqa: T201
    with contextlib.suppress(WriteError):  # the disk may be full
        run.update_metadata(state="failed", ended=iso_now(), error=error, write_error=write_error)


@rank_zero_only
def _print_status(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    end_with_parent()
    warnings.simplefilter("ignore")
    sys.exit(main(sys.argv[1:]))
