"""Choose the numerical precision of training."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
_SHORT_PRECISIONS: dict[str, Precision] = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}


def choose_precision(precision: str | int, on_gpu: bool, network: nn.Module | None = None) -> Precision:
    """Resolve `auto` to bf16-mixed if the hardware computes in bf16 and the network supports it, else to 32-true.

    Raises:
        ValueError: 16-mixed is requested on a CPU, or bf16-mixed, and a layer of the network would get wrong gradients.
    """
    precision = _SHORT_PRECISIONS.get(str(precision), str(precision))
    if precision == "16-mixed" and not on_gpu:
        raise ValueError("trainer.precision=16-mixed: needs a GPU. Use trainer.precision=bf16-mixed on a CPU.")
    layer = None if on_gpu or network is None else first_unsafe_bf16_layer(network)
    if precision == "bf16-mixed" and layer is not None:
        raise ValueError(
            f"trainer.precision=bf16-mixed: on CPUs, dilated convolutions such as {layer} get wrong gradients in bf16. "
            "Use trainer.precision=32-true, or give the layer a multiple of 16 input channels."
        )
    if precision != "auto":
        return precision  # type: ignore[return-value]
    native = torch.cuda.is_bf16_supported(including_emulation=False) if on_gpu else cpu_computes_bf16()
    return "bf16-mixed" if native and layer is None else "32-true"


def first_unsafe_bf16_layer(network: nn.Module) -> str | None:
    """Return the name of the first layer whose weights would get wrong gradients in bf16 on a CPU, if any.

    Observed with torch 2.13, avx512_bf16 and channels_last: gradients are off by half, or NaN, for dilated convolutions
    that are grouped, or whose number of input channels is above 16 and not a multiple of 16.
    """
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d) and any(
            d > 1 < k for d, k in zip(layer.dilation, layer.kernel_size, strict=True)
        ):
            channels = layer.in_channels
            if layer.groups > 1 or (channels > 16 and channels % 16):
                return str(name)
    return None


def cpu_computes_bf16() -> bool:
    """Tell whether the CPU has instructions for bf16. Without them it is emulated, and slower than float32."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
