"""One process of a run: `python -m chromahint.training.train RUN` reads RUN/config.yaml and trains.

Everything that starts training (a command, a sweep, a resume, each process of a distributed run) starts this. Where
the folder holds a last.ckpt, training goes on from there.
"""

from __future__ import annotations

import contextlib
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

from chromahint.config.instantiate import instantiate_node
from chromahint.config.paths import add_cwd_to_path
from chromahint.models.pretrained import weights_file
from chromahint.models.state_dict import load_weights
from chromahint.runs.lock import RunLockedError, lock_run
from chromahint.runs.run import Run, iso_now, open_run
from chromahint.runs.slurm_env import current_slurm_job
from chromahint.training.callbacks.checkpoint import find_resume_state
from chromahint.training.callbacks.nan_guard import NaNGuard
from chromahint.training.callbacks.preemption import (
    PreemptionHandler,
    PruningCallbackBase,
    TrainingInterrupted,
    raise_on_signal,
    requeue,
)
from chromahint.training.callbacks.progress_bar import RunProgressBar
from chromahint.training.callbacks.training_limits import TrainingLimits
from chromahint.training.callbacks.unreadable_images import UnreadableImages
from chromahint.training.errors import explain_error
from chromahint.training.final_evaluation import evaluate_best_weights
from chromahint.training.lightning_module import ColorizationModule
from chromahint.training.loggers.csv import CSVLogger
from chromahint.training.loggers.wandb import define_metrics, log_test_results
from chromahint.training.logging import silence_library_warnings


def main(arguments: Sequence[str]) -> int:
    """Train the run whose folder is the only argument; returns the exit status."""
    run = open_run(arguments[0])
    add_cwd_to_path()
    silence_library_warnings()
    try:
        with raise_on_signal(), lock_run(run.path) if _is_first() else contextlib.nullcontext():
            if run.metadata.get("error"):  # of an earlier try
                _note(run, state="created", error=None)
            train(run)
    except RunLockedError as error:
        _say(f"Error: {error}")
        return 2
    except ValueError as error:
        _fail(run, str(error))
        return 2
    except (KeyboardInterrupt, TrainingInterrupted) as stop:
        number = stop.number if isinstance(stop, TrainingInterrupted) else signal.SIGINT
        if run.metadata["state"] != "failed":  # where another process failed, this one is merely told to leave
            _note(run, state="interrupted", ended=iso_now())
            _say(f"stopped by {signal.Signals(number).name}; {_how_to_go_on(run)}")
            if number == getattr(signal, "SIGUSR1", None):
                _requeue()
        return 128 + number
    except BaseException as error:
        explained = explain_error(error, run, run.config)
        _fail(run, explained or f"{type(error).__name__}: {error}", say=explained is not None)
        if explained is None:
            raise
        return 1
    return 0


def train(run: Run) -> None:
    """Train, then evaluate the best weights on photos that neither training nor the choice of weights has seen."""
    config = run.config
    seed_everything(config["seed"], workers=True, verbose=False)
    torch.set_float32_matmul_precision("high")
    saved = find_resume_state(run.checkpoints)
    # weights to start from are of no use any more where training goes on
    task, data = (
        build_module(config if saved is None else config | {"weights": "none"}),
        instantiate_node(config["data"]),
    )
    logger = instantiate_node(config["logger"])(folder=run.path, config=config, about=run.metadata)
    figures = CSVLogger(run.path)
    around = [RunProgressBar(), PreemptionHandler(), UnreadableImages(run.path / "broken.txt"), NaNGuard(run.path)]
    callbacks = [*around, *_callbacks(config["callbacks"], run)]
    loggers = [figures, *([logger] if logger else [])]
    trainer = instantiate_node(config["trainer"])(
        folder=run.path, callbacks=callbacks, loggers=loggers, network=task.network
    )
    started = {"started": iso_now()} if saved is None else {"resumed": [*run.metadata.get("resumed", []), iso_now()]}
    if trainer.is_global_zero:
        data.write_lists(run.path)
    facts = {"processes": trainer.world_size, "precision": str(trainer.precision), "slurm_job": current_slurm_job()}
    _note(run, state="running", **started, **facts)
    if saved is None:
        figures.truncate(0)
    else:
        _say(f"going on after step {saved.step}")
    state = 1
    try:
        if logger:
            define_metrics(logger, task.protocol.hint_counts)
            logger.catch_up(figures)
        seconds = saved.seconds if saved is not None else 0.0
        if saved is None or not saved.ended:
            try:
                trainer.fit(task, datamodule=data, ckpt_path=saved and saved.file, weights_only=True)
            except SystemExit:  # what Lightning makes of Ctrl-C
                raise KeyboardInterrupt from None
            seconds = TrainingLimits.of(trainer).elapsed
        if any(isinstance(callback, PruningCallbackBase) and callback.given_up for callback in callbacks):
            _note(run, state="pruned", ended=iso_now())
        elif trainer.is_global_zero:
            outcome = evaluate_best_weights(run, config, data, trainer.strategy.root_device, seconds / 60)
            if logger:
                log_test_results(logger, outcome.metrics, outcome.pictures)
            _note(run, state="finished", ended=iso_now())
        state = 0
    finally:
        if logger:
            _finish(state)


def build_module(config: dict[str, Any]) -> ColorizationModule:
    """Build the LightningModule of a checked config, with its starting weights."""
    network = instantiate_node(config["model"])
    if (weights := weights_file(config["weights"], config["model"])) is not None:
        load_weights(network, weights)
    parts = ("loss", "hints", "augment", "protocol", "optimizer", "lr_schedule")
    network.to(memory_format=torch.channels_last)
    return ColorizationModule(
        network=network, seed=config["seed"], **{part: instantiate_node(config[part]) for part in parts}
    )


def _callbacks(nodes: dict[str, Any], run: Run) -> list[Callback]:
    """Build the group `callbacks`; those that write are told where."""
    built: list[Callback] = []
    for name, node in nodes.items():
        if node is None:
            continue
        made = instantiate_node(node)
        if node.get("_partial_"):
            made = made(folder=run.checkpoints if name == "checkpoint" else run.path / name)
        built += made if isinstance(made, list) else [made]
    return built


def _is_first() -> bool:
    """Whether this is the process that writes; torch's launcher or SLURM's tells each its number."""
    return os.environ.get("RANK", os.environ["SLURM_PROCID"] if "CHROMAHINT_TASKS" in os.environ else "0") == "0"


def _how_to_go_on(run: Run) -> str:
    saved = find_resume_state(run.checkpoints)
    what = "nothing was saved yet" if saved is None else f"saved after step {saved.step}"
    return f"{what}; go on with: {shlex.join(['chromahint', 'train', f'resume={run.path}'])}"


@rank_zero_only
def _requeue() -> None:
    if job := requeue():
        _say(f"SLURM will run job {job} again, which goes on with this run")


@rank_zero_only
def _note(run: Run, **facts: Any) -> None:
    run.update_metadata(**facts)


def _fail(run: Run, error: str, say: bool = True) -> None:
    """Note and say why the run fails, from whichever of its processes is the first: the others merely lost that one."""
    if run.metadata["state"] == "failed":
        return
    run.update_metadata(state="failed", ended=iso_now(), error=error)
    if say:
        print(f"Error: {error}", file=sys.stderr, flush=True)  # noqa: T201


@rank_zero_only
def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


@rank_zero_only
def _finish(state: int) -> None:
    import wandb

    wandb.finish(exit_code=state)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main(sys.argv[1:]))
