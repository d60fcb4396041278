"""How many processes a run has, and in which precision they compute."""

from __future__ import annotations

from typing import Literal

import torch

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


def choose_precision(wanted: Precision | Literal["auto"], on_gpu: bool) -> Precision:
    """Resolve `auto`: bf16-mixed where the hardware computes in bf16, else 32-true."""
    if wanted != "auto":
        return wanted
    native = torch.cuda.is_bf16_supported(including_emulation=False) if on_gpu else _cpu_computes_bf16()
    return "bf16-mixed" if native else "32-true"


def _cpu_computes_bf16() -> bool:
    # emulated bf16, on a processor without the instructions, is slower than float32
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
