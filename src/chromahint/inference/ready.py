"""A network with its weights, on a device, ready to colour."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from chromahint.inference.at_side import AtSide
from chromahint.models.state_dict import load_weights


def make_ready(network: nn.Module, weights: Path | None, device: torch.device, side: int | None = None) -> nn.Module:
    """Load weights, move to the device and set evaluation mode.

    Args:
        network: a network as its constructor made it.
        weights: a checkpoint of ours, safetensors, or a published layout; None keeps the weights it has.
        device: where it is to run.
        side: of the square that pictures are squashed to for the network; None gives it pictures as they come.
    """
    if weights is not None:
        load_weights(network, weights)
    network.to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    network.eval().requires_grad_(False)
    return network if side is None else AtSide(network, side)


def choose_device(wanted: str) -> torch.device:
    """Resolve `auto` to the best device that torch can use.

    Raises:
        ValueError: the device does not exist here.
    """
    if wanted == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator if accelerator is not None else torch.device("cpu")
    try:
        device = torch.device(wanted)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise ValueError(f"device={wanted}: torch cannot use it here; type device=auto or device=cpu") from None
    return device
