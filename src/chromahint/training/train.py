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

from chromahint.config.instantiate import build
from chromahint.config.paths import see_own_networks
from chromahint.models.pretrained import weights_file
from chromahint.models.state_dict import load_weights
from chromahint.runs.lock import Busy, alone_in
from chromahint.runs.run import Run, now, open_run
from chromahint.runs.slurm_env import this_job
from chromahint.training.callbacks.checkpoint import find_saved
from chromahint.training.callbacks.nan_guard import FiniteLoss
from chromahint.training.callbacks.preemption import GiveUp, LeaveOnSignal, Stopped, leaving_at_once, requeue
from chromahint.training.callbacks.progress_bar import ProgressLine
from chromahint.training.callbacks.training_limits import Limits
from chromahint.training.callbacks.unreadable_images import BrokenFiles
from chromahint.training.errors import explain
from chromahint.training.final_evaluation import conclude
from chromahint.training.lightning_module import Colorization
from chromahint.training.loggers.csv import MetricsFile
from chromahint.training.loggers.wandb import define_metrics, log_outcome
from chromahint.training.logging import terse


def main(arguments: Sequence[str]) -> int:
    """Train the run whose folder is the only argument; returns the exit status."""
    run = open_run(arguments[0])
    see_own_networks()
    terse()
    try:
        with leaving_at_once(), alone_in(run.path) if _is_first() else contextlib.nullcontext():
            if run.metadata.get("error"):  # of an earlier try
                _note(run, state="created", error=None)
            train(run)
    except Busy as error:
        _say(f"Error: {error}")
        return 2
    except ValueError as error:
        _fail(run, str(error))
        return 2
    except (KeyboardInterrupt, Stopped) as stop:
        number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
        if run.metadata["state"] != "failed":  # where another process failed, this one is merely told to leave
            _note(run, state="interrupted", ended=now())
            _say(f"stopped by {signal.Signals(number).name}; {_how_to_go_on(run)}")
            if number == getattr(signal, "SIGUSR1", None):
                _requeue()
        return 128 + number
    except BaseException as error:
        explained = explain(error, run, run.config)
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
    saved = find_saved(run.checkpoints)
    # weights to start from are of no use any more where training goes on
    task, data = make_task(config if saved is None else config | {"weights": "none"}), build(config["data"])
    logger = build(config["logger"])(folder=run.path, config=config, about=run.metadata)
    figures = MetricsFile(run.path)
    around = [ProgressLine(), LeaveOnSignal(), BrokenFiles(run.path / "broken.txt"), FiniteLoss(run.path)]
    callbacks = [*around, *_callbacks(config["callbacks"], run)]
    loggers = [figures, *([logger] if logger else [])]
    trainer = build(config["trainer"])(folder=run.path, callbacks=callbacks, loggers=loggers, network=task.network)
    started = {"started": now()} if saved is None else {"resumed": [*run.metadata.get("resumed", []), now()]}
    if trainer.is_global_zero:
        data.write_lists(run.path)
    facts = {"processes": trainer.world_size, "precision": str(trainer.precision), "slurm_job": this_job()}
    _note(run, state="running", **started, **facts)
    if saved is None:
        figures.cut(0)
    else:
        _say(f"going on after step {saved.step}")
    state = 1
    try:
        if logger:
            define_metrics(logger, task.protocol.counts)
            logger.catch_up(figures)
        seconds = saved.seconds if saved is not None else 0.0
        if saved is None or not saved.ended:
            try:
                trainer.fit(task, datamodule=data, ckpt_path=saved and saved.file, weights_only=True)
            except SystemExit:  # what Lightning makes of Ctrl-C
                raise KeyboardInterrupt from None
            seconds = Limits.of(trainer).elapsed
        if any(isinstance(callback, GiveUp) and callback.given_up for callback in callbacks):
            _note(run, state="pruned", ended=now())
        elif trainer.is_global_zero:
            outcome = conclude(run, config, data, trainer.strategy.root_device, seconds / 60)
            if logger:
                log_outcome(logger, outcome.metrics, outcome.pictures)
            _note(run, state="finished", ended=now())
        state = 0
    finally:
        if logger:
            _finish(state)


def make_task(config: dict[str, Any]) -> Colorization:
    """Build the LightningModule of a checked config, with its starting weights."""
    network = build(config["model"])
    if (weights := weights_file(config["weights"], config["model"])) is not None:
        load_weights(network, weights)
    parts = ("loss", "hints", "augment", "protocol", "optimizer", "schedule")
    network.to(memory_format=torch.channels_last)
    return Colorization(network=network, seed=config["seed"], **{part: build(config[part]) for part in parts})


def _callbacks(nodes: dict[str, Any], run: Run) -> list[Callback]:
    """Build the group `callbacks`; those that write are told where."""
    built: list[Callback] = []
    for name, node in nodes.items():
        if node is None:
            continue
        made = build(node)
        if node.get("_partial_"):
            made = made(folder=run.checkpoints if name == "checkpoints" else run.path / name)
        built += made if isinstance(made, list) else [made]
    return built


def _is_first() -> bool:
    """Whether this is the process that writes; torch's launcher or SLURM's tells each its number."""
    return os.environ.get("RANK", os.environ["SLURM_PROCID"] if "CHROMAHINT_TASKS" in os.environ else "0") == "0"


def _how_to_go_on(run: Run) -> str:
    saved = find_saved(run.checkpoints)
    what = "nothing was saved yet" if saved is None else f"saved after step {saved.step}"
    return f"{what}; go on with: {shlex.join(['chromahint', 'train', f'resume={run.path}'])}"


@rank_zero_only
def _requeue() -> None:
    if job := requeue():
        _say(f"SLURM will run job {job} again, which goes on with this run")


@rank_zero_only
def _note(run: Run, **facts: Any) -> None:
    run.note(**facts)


def _fail(run: Run, error: str, say: bool = True) -> None:
    """Note and say why the run fails, from whichever of its processes is the first: the others merely lost that one."""
    if run.metadata["state"] == "failed":
        return
    run.note(state="failed", ended=now(), error=error)
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
