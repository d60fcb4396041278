"""Build the Lightning Trainer from conf/trainer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt, Le
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.profilers import PassThroughProfiler, Profiler
from torch import nn

from chromahint.ranges import Count, Positive, validate_arguments
from chromahint.training.callbacks.batch_norm_average import BatchNormAverage
from chromahint.training.callbacks.checkpoint import AtomicCheckpointIO
from chromahint.training.callbacks.compile import CompileModel
from chromahint.training.callbacks.training_limits import TrainingLimits
from chromahint.training.precision import choose_precision


def profiler_summary(trainer: Trainer, max_lines: int = 25) -> str:
    """Return the costliest parts of a run with `trainer.profiler=simple` or `advanced`; empty without a profiler."""
    profiler: Profiler = trainer.profiler  # type: ignore[attr-defined]  # set by a connector
    if isinstance(profiler, PassThroughProfiler):
        return ""
    lines = profiler.summary().strip().splitlines()
    return "\n".join(lines[:max_lines])


def process_count(accelerator: str, devices: int | Literal["auto"]) -> int:
    """Return the number of processes of a run on this machine.

    Raises:
        ValueError: More GPUs are requested than available.
    """
    gpus = torch.cuda.device_count()
    if accelerator == "cpu" or (accelerator == "auto" and gpus == 0):
        return 1 if devices == "auto" else devices
    if gpus == 0:
        raise ValueError("trainer.accelerator=gpu: PyTorch finds no GPU on this machine. Use trainer=cpu.")
    if devices != "auto" and devices > gpus:
        raise ValueError(f"trainer.devices={devices}: this machine has {gpus} GPUs. Use trainer.devices={gpus}.")
    return gpus if devices == "auto" else devices


@validate_arguments("trainer")
def make_trainer(
    folder: Path,
    callbacks: list[Callback],
    loggers: list[Logger],
    network: nn.Module,
    accelerator: Literal["auto", "cpu", "gpu"] = "auto",
    devices: Annotated[int, Ge(1), Le(1024)] | Literal["auto"] = "auto",
    num_nodes: Annotated[int, Ge(1), Le(1024)] = 1,
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed", "32", "bf16", "16", 32, 16] = "auto",
    max_steps: Count | None = 800,
    max_epochs: Count | None = None,
    max_minutes: Annotated[float, Gt(0), Le(10**7)] | None = None,
    accumulate_grad_batches: Annotated[int, Ge(1), Le(10**6)] = 1,
    gradient_clip_val: Positive | None = 1.0,
    val_check_interval: Count | None = 200,
    log_every_n_steps: Count = 10,
    sync_batchnorm: bool | Literal["auto"] = "auto",
    compile: bool = False,
    **lightning_options: Any,
) -> Trainer:
    """Build the trainer of one process of a run.

    Args:
        folder: Run folder.
        callbacks: Further callbacks.
        loggers: Loggers.
        network: Network to train, for the choice of the precision.
        accelerator: auto, cpu or gpu.
        devices: Processes per machine, one per device.
        num_nodes: Number of machines, started by SLURM.
        precision: auto is bf16-mixed if the hardware computes in bf16 and the network supports it, else 32-true. 16,
            bf16 and 32 are short for 16-mixed, bf16-mixed and 32-true.
        max_steps: Optimizer steps before training ends; None means no limit, as for the next two.
        max_epochs: Epochs before training ends.
        max_minutes: Minutes before training ends, including validation.
        accumulate_grad_batches: Batches whose gradients are accumulated for one optimizer step.
        gradient_clip_val: Largest gradient norm; None disables clipping.
        val_check_interval: Optimizer steps between validations; None validates once per epoch.
        log_every_n_steps: Optimizer steps between logged training metrics.
        sync_batchnorm: Normalize batches over all processes, which needs GPUs; auto does on several GPUs.
        compile: Compile the network before the first step.
        lightning_options: Further options of Lightning's Trainer, such as `profiler` or `limit_val_batches`.

    Raises:
        ValueError: Lightning rejects an option.
    """
    on_gpu = accelerator == "gpu" or (accelerator == "auto" and torch.cuda.is_available())
    num_devices = process_count(accelerator, devices)
    if sync_batchnorm is True and not on_gpu:
        raise ValueError(
            "trainer.sync_batchnorm=true: needs GPUs. Use trainer.sync_batchnorm=auto, which averages the running "
            "statistics of processes on a CPU."
        )
    limits = TrainingLimits(max_steps, max_epochs, max_minutes)
    options: dict[str, Any] = {
        "strategy": "ddp" if num_devices * num_nodes > 1 else "auto",
        "num_sanity_val_steps": 0,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        **lightning_options,
    }
    arguments: dict[str, Any] = dict(
        default_root_dir=folder,
        accelerator="gpu" if on_gpu else "cpu",
        devices=num_devices,
        num_nodes=num_nodes,
        precision=choose_precision(precision, on_gpu, network),
        max_epochs=-1,
        accumulate_grad_batches=accumulate_grad_batches,
        gradient_clip_val=gradient_clip_val,
        val_check_interval=None if val_check_interval is None else val_check_interval * accumulate_grad_batches,
        check_val_every_n_epoch=1 if val_check_interval is None else None,
        log_every_n_steps=log_every_n_steps,
        sync_batchnorm=on_gpu and num_devices * num_nodes > 1 if sync_batchnorm == "auto" else sync_batchnorm,
        use_distributed_sampler=False,
        enable_checkpointing=False,  # checkpoints are written by LastCheckpoint and BestCheckpoint
        callbacks=[limits, BatchNormAverage(), *([CompileModel()] if compile else []), *callbacks],
        logger=loggers,
        plugins=[AtomicCheckpointIO(), _cluster_environment()],
        **options,
    )
    try:
        return Trainer(**arguments)
    except (MisconfigurationException, TypeError, ValueError) as error:
        given = " ".join(f"trainer.{name}={value}" for name, value in lightning_options.items())
        raise ValueError(f"{given or 'trainer'}: Lightning rejects this: {' '.join(str(error).split())}") from None


def _cluster_environment() -> ClusterEnvironment:
    """Return how this process finds the others of its run, which depends on the launcher."""
    if TorchElasticEnvironment.detect():
        return TorchElasticEnvironment()
    if "CHROMAHINT_TASKS" in os.environ:  # set by launcher=slurm; the preemption handler saves and requeues
        return SLURMEnvironment(auto_requeue=False)
    return LightningEnvironment()
