"""How many processes a run has, and in which precision they compute."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

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
    layer = None if on_gpu or network is None else wrong_in_bf16(network)
    if wanted == "bf16-mixed" and layer is not None:
        raise ValueError(
            f"trainer.precision=bf16-mixed: on a processor, gradients of dilated convolutions such as {layer} come out "
            "wrong in bf16; type trainer.precision=32-true, or give the layer a multiple of 16 channels to read"
        )
    if wanted != "auto":
        return wanted
    native = torch.cuda.is_bf16_supported(including_emulation=False) if on_gpu else _cpu_computes_bf16()
    return "bf16-mixed" if native and layer is None else "32-true"


def wrong_in_bf16(network: nn.Module) -> str | None:
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
