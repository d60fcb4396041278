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

from chromahint.training.callbacks.checkpoint import AtomicCheckpointIO
from chromahint.training.callbacks.compile import CompileModel
from chromahint.training.callbacks.training_limits import TrainingLimits

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


def process_count(accelerator: str, devices: int | Literal["auto"]) -> int:
    """How many processes a run has on this machine.

    Raises:
        ValueError: GPUs were asked for that are not there.
    """
    gpus = torch.cuda.device_count()
    if accelerator == "cpu" or (accelerator == "auto" and gpus == 0):
        return 1 if devices == "auto" else devices
    if gpus == 0:
        raise ValueError("trainer.accelerator=gpu: this machine has no GPU that torch can use; type trainer=cpu")
    if devices != "auto" and devices > gpus:
        raise ValueError(f"trainer.devices={devices}: there are {gpus} GPUs here; type trainer.devices={gpus}")
    return gpus if devices == "auto" else devices


def choose_precision(wanted: Precision | Literal["auto"], on_gpu: bool, network: nn.Module | None = None) -> Precision:
    """Resolve `auto`: bf16-mixed where the hardware computes in bf16, and rightly so, else 32-true.

    Raises:
        ValueError: bf16 was asked for, and the gradients of a layer come out wrong in it.
    """
    layer = None if on_gpu or network is None else first_unsafe_bf16_layer(network)
    if wanted == "bf16-mixed" and layer is not None:
        raise ValueError(
            f"trainer.precision=bf16-mixed: on a processor, gradients of dilated convolutions such as {layer} come out "
            "wrong in bf16; type trainer.precision=32-true, or give the layer a multiple of 16 channels to read"
        )
    if wanted != "auto":
        return wanted
    native = torch.cuda.is_bf16_supported(including_emulation=False) if on_gpu else _cpu_computes_bf16()
    return "bf16-mixed" if native and layer is None else "32-true"


def first_unsafe_bf16_layer(network: nn.Module) -> str | None:
    """The first layer whose weights would get wrong gradients in bf16 on a processor, if there is one.

    Seen with torch 2.13 on avx512_bf16 and channels_last: dilated convolutions that read more than 16 channels, and not
    a multiple of 16, get gradients that are off by half or not a number; so do those in groups.
    """
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d) and any(
            d > 1 < k for d, k in zip(layer.dilation, layer.kernel_size, strict=True)
        ):
            read = layer.in_channels
            if layer.groups > 1 or (read > 16 and read % 16):
                return str(name)
    return None


def _cpu_computes_bf16() -> bool:
    # emulated bf16, on a processor without the instructions, is slower than float32
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


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
    accumulate_grad_batches: int = 1,
    gradient_clip_val: float | None = 1.0,
    val_check_interval: int | None = 200,
    log_every_n_steps: int = 10,
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
    around = [TrainingLimits(max_steps, max_epochs, max_minutes), *([CompileModel()] if compile else []), *callbacks]
    return Trainer(
        default_root_dir=folder,
        accelerator="gpu" if on_gpu else "cpu",
        devices=count,
        num_nodes=num_nodes,
        strategy="ddp" if count * num_nodes > 1 else "auto",
        precision=choose_precision(precision, on_gpu, network),
        max_epochs=-1,
        accumulate_grad_batches=accumulate_grad_batches,
        gradient_clip_val=gradient_clip_val,
        val_check_interval=None if val_check_interval is None else val_check_interval * accumulate_grad_batches,
        check_val_every_n_epoch=1 if val_check_interval is None else None,
        log_every_n_steps=log_every_n_steps,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_checkpointing=False,  # ours are callbacks
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=around,
        logger=loggers,
        plugins=[AtomicCheckpointIO(), _environment()],
    )


def _environment() -> ClusterEnvironment:
    """How this process finds the others of its run: by who started it."""
    if TorchElasticEnvironment.detect():
        return TorchElasticEnvironment()
    if "CHROMAHINT_TASKS" in os.environ:  # launcher=slurm starts them; we save and requeue ourselves
        return SLURMEnvironment(auto_requeue=False)
    return LightningEnvironment()
