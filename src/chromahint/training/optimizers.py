"""Optimizers, each a function of `network.named_parameters()`; frozen parameters are left out."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

NamedParameters = Iterable[tuple[str, nn.Parameter]]

_FUSED_DEVICES = {"cpu", "cuda", "mps", "xpu"}


def adam(named_parameters: NamedParameters, lr: float, betas: list[float], eps: float = 1e-8) -> Optimizer:
    """Adam, without weight decay.

    Args:
        named_parameters: what `network.named_parameters()` gives.
        lr: learning rate before any schedule.
        betas: how slowly the running means of the gradient and of its square forget, two numbers from 0 to below 1.
        eps: added to the root of the mean square.
    """
    parameters = [parameter for _, parameter in _trainable(named_parameters)]
    return _unscaled(Adam(parameters, _rate(lr), _pair(betas), eps, fused=_can_fuse(parameters)))


def adamw(
    named_parameters: NamedParameters, lr: float, betas: list[float], weight_decay: float, eps: float = 1e-8
) -> Optimizer:
    """Adam with decoupled weight decay, which spares biases and the scales of norms.

    Args:
        named_parameters: what `network.named_parameters()` gives.
        lr: learning rate before any schedule.
        betas: as for `adam`.
        weight_decay: share of a weight that is taken away in a step, times the learning rate.
        eps: added to the root of the mean square.

    Returns:
        An optimizer with two groups of parameters: those that decay and those that don't (either may be missing).
    """
    named = _trainable(named_parameters)
    spared = [parameter for name, parameter in named if _is_spared(name, parameter)]
    decaying = [parameter for name, parameter in named if not _is_spared(name, parameter)]
    groups = [
        {"params": parameters, "weight_decay": decay}
        for parameters, decay in ((decaying, _decay(weight_decay)), (spared, 0.0))
        if parameters
    ]
    return _unscaled(AdamW(groups, _rate(lr), _pair(betas), eps, fused=_can_fuse(decaying + spared)))


def sgd(
    named_parameters: NamedParameters,
    lr: float,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    nesterov: bool = False,
) -> Optimizer:
    """Stochastic gradient descent.

    Args:
        named_parameters: what `network.named_parameters()` gives.
        lr: learning rate before any schedule.
        momentum: share of the last step that is kept, from 0 to below 1.
        weight_decay: added to the gradient, times the weight.
        nesterov: look ahead along the momentum, which must then be above 0.
    """
    if not 0 <= momentum < 1:
        raise ValueError(f"optimizer.momentum is {momentum}; it lies from 0 to below 1: optimizer.momentum=0.9")
    if nesterov and momentum == 0:
        raise ValueError("optimizer.nesterov needs momentum: optimizer.momentum=0.9, or optimizer.nesterov=false")
    parameters = [parameter for _, parameter in _trainable(named_parameters)]
    fused = _can_fuse(parameters)
    optimizer = SGD(parameters, _rate(lr), momentum, weight_decay=_decay(weight_decay), nesterov=nesterov, fused=fused)
    return _unscaled(optimizer)


def _trainable(named_parameters: NamedParameters) -> list[tuple[str, nn.Parameter]]:
    named = [(name, parameter) for name, parameter in named_parameters if parameter.requires_grad]
    if not named:
        raise ValueError(
            "this network has nothing to train: none of its parameters takes a gradient. Measure it as it is with "
            "`chromahint evaluate`, or choose another with model=..."
        )
    return named


def _is_spared(name: str, parameter: nn.Parameter) -> bool:
    return parameter.ndim < 2 or name.rpartition(".")[2].endswith("bias")


def _can_fuse(parameters: list[nn.Parameter]) -> bool:
    return all(p.device.type in _FUSED_DEVICES and p.is_floating_point() for p in parameters)


def _unscaled(optimizer: Optimizer) -> Optimizer:
    # A fused optimizer offers to undo the loss scaling of mixed precision itself, and Lightning then refuses to clip
    # gradients (in bf16 too, where nothing is scaled). Without the offer the scaler does it, and clipping works.
    optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
    return optimizer


def _rate(lr: float) -> float:
    if not lr > 0:
        raise ValueError(f"optimizer.lr is {lr}; a learning rate is above 0: optimizer.lr=0.001")
    return lr


def _decay(weight_decay: float) -> float:
    if not weight_decay >= 0:
        raise ValueError(f"optimizer.weight_decay is {weight_decay}; it is 0 or more: optimizer.weight_decay=0.05")
    return weight_decay


def _pair(betas: list[float]) -> tuple[float, float]:
    if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
        raise ValueError(
            f"optimizer.betas is {list(betas)}; it is two numbers from 0 to below 1: optimizer.betas=[0.9,0.999]"
        )
    return betas[0], betas[1]
