"""Whether parts that are defined outside of Chromahint do what training needs, tried on a small batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch import Callback
from torch import Tensor, nn

from chromahint.color import rgb_to_lab
from chromahint.evaluation.protocols.base import InteractiveProtocol, LabImages, SquareProtocol
from chromahint.hints.hints import Hints, no_hints
from chromahint.training.losses import Loss, PlainLoss
from chromahint.training.lr_schedules import LRSchedule, torch_scheduler

_SHAPE = (2, 3, 64, 64)
"""Shape of the batch."""
_CONTRACTS = {
    "augment": "(rgb uint8 B3HW, torch.Generator) -> rgb float32 B3HW in 0..1",
    "hints": "(ab float32 B2HW in Lab units, torch.Generator) -> Hints of the same height and width",
    "model": "an nn.Module: (lightness float32 B1HW in 0..100, Hints) -> ab B2HW in Lab units",
    "loss": "(prediction B2HW, target B2HW) -> scalar tensor, of ab in Lab units; or a subclass of Loss",
    "optimizer": "named parameters -> torch.optim.Optimizer; set _partial_: true for a class of torch.optim",
    "protocol": "a frozen dataclass that inherits from SquareProtocol: hints(truth, ids, count) -> Hints",
    "callbacks": "a Lightning Callback or a list of them; or with _partial_: true, (folder) -> Callback",
    "lr_schedule": "a subclass of LRSchedule; or a scheduler of torch.optim.lr_scheduler, with _partial_: true",
}
"""What each part must be."""


def check_contracts(parts: Mapping[str, Any], targets: Mapping[str, str]) -> None:
    """Try the parts that are defined outside of Chromahint.

    Args:
        parts: Any of the keys of `_CONTRACTS`, or such a key with a dot and a name -> the part.
        targets: The same keys -> full name of the class or function.

    Raises:
        ValueError: A part does not do what it should; the message says what that is.
    """
    trials: dict[str, Callable[[Any], str | None]] = {
        "augment": _try_augment,
        "hints": _try_hints,
        "model": _try_network,
        "loss": _try_loss,
        "optimizer": _try_optimizer,
        "protocol": _try_protocol,
        "callbacks": _try_callback,
        "lr_schedule": _try_lr_schedule,
    }
    for name, part in parts.items():
        if targets[name].startswith("chromahint."):
            continue
        kind = name.partition(".")[0]
        try:
            problem = trials[kind](part)
        except Exception as error:  # whatever the user's code raises
            problem = f"raised {type(error).__name__}: {error}"
        if problem is not None:
            raise ValueError(f"{name}: {targets[name]} {problem}. It must be {_CONTRACTS[kind]}.")


def unused_parameters(network: nn.Module) -> list[str]:
    """Return the names of the trained parameters that get no gradient from a small batch."""
    _, lightness, ab = _batch()
    network.zero_grad(set_to_none=True)
    network.train()(lightness, Hints(ab, torch.ones_like(lightness))).sum().backward()
    return [
        name for name, parameter in network.named_parameters() if parameter.requires_grad and parameter.grad is None
    ]


def _batch() -> tuple[Tensor, Tensor, Tensor]:
    rgb = torch.randint(0, 256, _SHAPE, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return (rgb, *rgb_to_lab(rgb))


def _try_augment(augment: Any) -> str | None:
    rgb, _, _ = _batch()
    return _wrong_tensor(augment(rgb, torch.Generator()), rgb.shape)


def _try_hints(sampler: Any) -> str | None:
    _, _, ab = _batch()
    hints = sampler(ab, torch.Generator())
    if not isinstance(hints, Hints):
        return f"returned {type(hints).__name__}"
    return _wrong_tensor(hints.ab, ab.shape) or _wrong_tensor(hints.mask, ab[:, :1].shape)


def _try_network(network: Any) -> str | None:
    if not isinstance(network, nn.Module):
        return "is not an nn.Module"
    _, lightness, ab = _batch()
    with torch.no_grad():
        prediction = network.eval()(lightness, no_hints(lightness))
    return _wrong_tensor(prediction, ab.shape)


def _try_loss(loss: Any) -> str | None:
    _, lightness, ab = _batch()
    prediction = (0.5 * ab).requires_grad_()
    value = (loss if isinstance(loss, Loss) else PlainLoss(loss))(prediction, ab, lightness)
    if value.ndim > 0:
        return f"returned shape {tuple(value.shape)}"
    return None if value.requires_grad else "returned a value without a gradient"


def _try_optimizer(make: Any) -> str | None:
    made = make([("weight", nn.Parameter(torch.zeros(1)))])
    return None if isinstance(made, torch.optim.Optimizer) else f"returned {type(made).__name__}"


def _try_protocol(protocol: Any) -> str | None:
    if not isinstance(protocol, SquareProtocol) or not hasattr(protocol, "hints"):
        return "is no SquareProtocol with a method hints"
    size, count = protocol.size, 0 if isinstance(protocol, InteractiveProtocol) else protocol.hint_counts[-1]
    rgb = F.interpolate(_batch()[0].float(), (size, size)).to(torch.uint8)
    truth = LabImages.from_rgb(rgb)
    hints = protocol.hints(truth, ["first", "second"], count)
    if not isinstance(hints, Hints):
        return f"returned {type(hints).__name__}"
    return _wrong_tensor(hints.ab, truth.ab.shape) or _wrong_tensor(hints.mask, truth.ab[:, :1].shape)


def _try_callback(callback: Any) -> str | None:
    if isinstance(callback, functools.partial):
        return None
    each = callback if isinstance(callback, list) else [callback]
    return None if all(isinstance(one, Callback) for one in each) else "is no Callback"


def _try_lr_schedule(schedule: Any) -> str | None:
    if not isinstance(schedule, LRSchedule):
        torch_scheduler(schedule, torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1))
    return None


def _wrong_tensor(value: Any, shape: torch.Size) -> str | None:
    if not isinstance(value, Tensor):
        return f"returned {type(value).__name__}"
    return None if value.shape == shape else f"returned shape {tuple(value.shape)} instead of {tuple(shape)}"
