"""The Lightning trainer, from the words of conf/trainer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import torch
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import Logger
from torch import nn

from chromahint.training.checkpoints import WholeFiles
from chromahint.training.compiled import Compiled
from chromahint.training.devices import choose_precision, process_count
from chromahint.training.limits import Limits


def make_trainer(
    folder: Path,
    callbacks: list[Callback],
    loggers: list[Logger],
    network: nn.Module,
    accelerator: Literal["auto", "cpu", "gpu"] = "auto",
    devices: int | Literal["auto"] = "auto",
    num_nodes: int = 1,
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto",
    max_steps: int | None = 800,
    max_epochs: int | None = None,
    max_minutes: float | None = None,
    accumulate: int = 1,
    clip: float | None = 1.0,
    val_every: int | None = 200,
    log_every: int = 10,
    compile: bool = False,
) -> Trainer:
    """Make the trainer of one process of a run.

    Args:
        folder: the run's folder.
        callbacks: what else happens around the steps.
        loggers: where figures go.
        network: that is trained.
        accelerator: auto, cpu or gpu.
        devices: processes of the run on a machine, one a device.
        num_nodes: machines of the run, which SLURM brings together.
        precision: auto is bf16-mixed where the hardware computes in bf16 and the network bears it, else 32-true.
        max_steps: optimizer steps after which training ends; None is no limit. So for the next two.
        max_epochs: times that every training picture is seen.
        max_minutes: minutes of training, validations included.
        accumulate: batches whose gradients are summed before a step.
        clip: largest norm of the gradients.
        val_every: optimizer steps between validations; None is once an epoch.
        log_every: steps between logged training figures.
        compile: compile the network before the first step.
    """
    on_gpu = accelerator == "gpu" or (accelerator == "auto" and torch.cuda.is_available())
    count = process_count(accelerator, devices)
    around = [Limits(max_steps, max_epochs, max_minutes), *([Compiled()] if compile else []), *callbacks]
    return Trainer(
        default_root_dir=folder,
        accelerator="gpu" if on_gpu else "cpu",
        devices=count,
        num_nodes=num_nodes,
        strategy="ddp" if count * num_nodes > 1 else "auto",
        precision=choose_precision(precision, on_gpu, network),
        max_epochs=-1,
        accumulate_grad_batches=accumulate,
        gradient_clip_val=clip,
        val_check_interval=None if val_every is None else val_every * accumulate,
        check_val_every_n_epoch=1 if val_every is None else None,
        log_every_n_steps=log_every,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_checkpointing=False,  # ours are callbacks
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=around,
        logger=loggers,
        plugins=[WholeFiles(), _environment()],
    )


def _environment() -> ClusterEnvironment:
    """How this process finds the others of its run: by who started it."""
    if TorchElasticEnvironment.detect():
        return TorchElasticEnvironment()
    if "CHROMAHINT_TASKS" in os.environ:  # launcher=slurm starts them; we save and requeue ourselves
        return SLURMEnvironment(auto_requeue=False)
    return LightningEnvironment()
