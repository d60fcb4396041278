"""One process of a run: `python -m chromahint.training.job RUN` reads RUN/config.yaml and trains.

Everything that starts training (a command, a sweep, a resume, each process of a distributed run) starts this.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, seed_everything
from lightning.pytorch.utilities import rank_zero_only

from chromahint.config.build import build
from chromahint.models.weights import load_weights
from chromahint.runs.folder import Run, now, open_run
from chromahint.training.broken import BrokenFiles
from chromahint.training.limits import Limits
from chromahint.training.loggers import MetricsFile, define_metrics, log_outcome
from chromahint.training.outcome import conclude
from chromahint.training.progress import ProgressLine
from chromahint.training.task import Colorization
from chromahint.training.terse import terse


def main(arguments: Sequence[str]) -> int:
    """Train the run whose folder is the only argument; returns the exit status."""
    run = open_run(arguments[0])
    if str(Path.cwd()) not in sys.path:  # networks of one's own may lie in the current folder
        sys.path.append(str(Path.cwd()))
    terse()
    try:
        train(run)
    except ValueError as error:
        _note(run, state="failed", ended=now(), error=str(error))
        _say(f"Error: {error}")
        return 2
    except KeyboardInterrupt:
        _note(run, state="interrupted", ended=now())
        saved = any(run.checkpoints.glob("*.ckpt"))
        _say(f"stopped; {f'the last checkpoint is in {run.checkpoints}' if saved else 'no checkpoint was written yet'}")
        return 130
    except BaseException as error:
        _note(run, state="failed", ended=now(), error=f"{type(error).__name__}: {error}")
        raise
    return 0


def train(run: Run) -> None:
    """Train, then evaluate the best weights on photos that neither training nor the choice of weights has seen."""
    config = run.config
    seed_everything(config["seed"], workers=True, verbose=False)
    torch.set_float32_matmul_precision("high")
    task, data = make_task(config), build(config["data"])
    logger = build(config["logger"])(folder=run.path, config=config, about=run.about)
    loggers = [MetricsFile(run.path), *([logger] if logger else [])]
    callbacks = [ProgressLine(), BrokenFiles(run.path / "broken.txt"), *_callbacks(config["callbacks"], run)]
    trainer = build(config["trainer"])(folder=run.path, callbacks=callbacks, loggers=loggers)
    _note(run, state="running", started=now(), processes=trainer.world_size, precision=str(trainer.precision))
    state = 1
    try:
        if logger:
            define_metrics(logger, task.protocol.counts)
        try:
            trainer.fit(task, datamodule=data)
        except SystemExit:  # what Lightning makes of Ctrl-C
            raise KeyboardInterrupt from None
        if trainer.is_global_zero:
            outcome = conclude(run, config, data, trainer.strategy.root_device, Limits.of(trainer).elapsed / 60)
            if logger:
                log_outcome(logger, outcome.metrics, outcome.picture)
            _note(run, state="finished", ended=now())
        state = 0
    finally:
        if logger:
            _finish(state)


def make_task(config: dict[str, Any]) -> Colorization:
    """Build the LightningModule of a checked config, with its starting weights."""
    network = build(config["model"])
    if config["weights"] != "none":
        load_weights(network, Path(config["weights"]).expanduser())
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


@rank_zero_only
def _note(run: Run, **facts: Any) -> None:
    run.note(**facts)


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
