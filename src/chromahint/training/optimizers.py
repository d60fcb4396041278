"""Optimizers as functions of `network.named_parameters()`. Frozen parameters are skipped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from annotated_types import Len
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from chromahint.ranges import Fraction, NonNegative, Positive, validate_arguments
from chromahint.training.muon import Muon

NamedParameters = Iterable[tuple[str, nn.Parameter]]
Betas = Annotated[list[Fraction], Len(2, 2)]

_MIN_MATRIX_SIDE = 16
"""Smaller matrices gain nothing from orthogonal updates."""

_FUSED_DEVICES = {"cpu", "cuda", "mps", "xpu"}


@validate_arguments("optimizer")
def adam(named_parameters: NamedParameters, lr: Positive, betas: Betas, eps: NonNegative = 1e-8) -> Optimizer:
    """Build an Adam optimizer without weight decay.

    Args:
        named_parameters: `network.named_parameters()`.
        lr: Learning rate, before any schedule.
        betas: Decay rates of the running averages of the gradient and its square.
        eps: Added to the denominator for numerical stability.
    """
    parameters = [parameter for _, parameter in _trainable(named_parameters)]
    return _without_amp_unscaling(Adam(parameters, lr, (betas[0], betas[1]), eps, fused=_can_fuse(parameters)))


@validate_arguments("optimizer")
def adamw(
    named_parameters: NamedParameters,
    lr: Positive,
    betas: Betas,
    weight_decay: NonNegative,
    eps: NonNegative = 1e-8,
) -> Optimizer:
    """Build an AdamW optimizer. Biases and normalization scales are excluded from weight decay.

    Args:
        named_parameters: `network.named_parameters()`.
        lr: Learning rate, before any schedule.
        betas: Decay rates of the running averages of the gradient and its square.
        weight_decay: Decoupled weight decay.
        eps: Added to the denominator for numerical stability.

    Returns:
        Optimizer with up to two parameter groups: with and without weight decay.
    """
    named = _trainable(named_parameters)
    decayed = [parameter for name, parameter in named if not _is_excluded(name, parameter)]
    excluded = [parameter for name, parameter in named if _is_excluded(name, parameter)]
    groups = [
        {"params": parameters, "weight_decay": decay}
        for parameters, decay in ((decayed, weight_decay), (excluded, 0.0))
        if parameters
    ]
    return _without_amp_unscaling(AdamW(groups, lr, (betas[0], betas[1]), eps, fused=_can_fuse(decayed + excluded)))


@validate_arguments("optimizer")
def muon(
    named_parameters: NamedParameters,
    lr: Positive,
    momentum: Fraction,
    weight_decay: NonNegative,
    betas: Betas,
    eps: NonNegative = 1e-8,
) -> Optimizer:
    """Build a Muon optimizer: orthogonal updates of weight matrices and convolutions, AdamW for everything else.

    Args:
        named_parameters: `network.named_parameters()`.
        lr: Learning rate, before any schedule; in the range of AdamW's.
        momentum: Nesterov momentum of the matrices.
        weight_decay: Decoupled weight decay of the matrices.
        betas: Decay rates of AdamW's running averages.
        eps: Added to AdamW's denominator for numerical stability.
    """
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in _trainable(named_parameters):
        sides = (parameter.shape[0], parameter[0].numel()) if parameter.ndim >= 2 else (0, 0)
        is_matrix = min(sides) >= _MIN_MATRIX_SIDE and not _is_excluded(name, parameter)
        (matrices if is_matrix else others).append(parameter)
    fused = _can_fuse(others)
    return Muon(matrices, others, lr, momentum, weight_decay, (betas[0], betas[1]), eps, fused)


@validate_arguments("optimizer")
def sgd(
    named_parameters: NamedParameters,
    lr: Positive,
    momentum: Fraction = 0.9,
    weight_decay: NonNegative = 0.0,
    nesterov: bool = False,
) -> Optimizer:
    """Build a stochastic gradient descent optimizer.

    Args:
        named_parameters: `network.named_parameters()`.
        lr: Learning rate, before any schedule.
        momentum: Momentum factor.
        weight_decay: L2 penalty.
        nesterov: Use Nesterov momentum, which needs momentum > 0.
    """
    if nesterov and momentum == 0:
        raise ValueError(
            "optimizer.nesterov=true: needs momentum > 0. Try optimizer.momentum=0.9, or optimizer.nesterov=false."
        )
    parameters = [parameter for _, parameter in _trainable(named_parameters)]
    fused = _can_fuse(parameters)
    optimizer = SGD(parameters, lr, momentum, weight_decay=weight_decay, nesterov=nesterov, fused=fused)
    return _without_amp_unscaling(optimizer)


def _trainable(named_parameters: NamedParameters) -> list[tuple[str, nn.Parameter]]:
    named = [(name, parameter) for name, parameter in named_parameters if parameter.requires_grad]
    if not named:
        raise ValueError(
            "model: has no trainable parameters. Evaluate it with `chromahint evaluate`, or choose another model=NAME."
        )
    return named


def _is_excluded(name: str, parameter: nn.Parameter) -> bool:
    return parameter.ndim < 2 or name.rpartition(".")[2].endswith("bias")


def _can_fuse(parameters: list[nn.Parameter]) -> bool:
    return all(p.device.type in _FUSED_DEVICES and p.is_floating_point() for p in parameters)


def _without_amp_unscaling(optimizer: Optimizer) -> Optimizer:
    # A fused optimizer offers to unscale the gradients of mixed precision itself, and Lightning then refuses to clip
    # them (even in bf16, where nothing is scaled). Without that offer the scaler unscales, and clipping works.
    optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
    return optimizer
