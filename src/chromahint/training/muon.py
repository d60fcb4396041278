"""Muon, an optimizer that orthogonalizes the update of each weight matrix (Jordan et al. 2024)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.adamw import adamw

from chromahint.training.precision import cpu_computes_bf16

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the iteration, for which five steps bring all singular values near 1."""
_NEWTON_SCHULZ_STEPS = 5
_RMS_OF_ADAMW = 0.2
"""Typical root mean square of an update of AdamW, relative to its learning rate."""


class Muon(Optimizer):
    """Muon for weight matrices, AdamW for all other parameters.

    `torch.optim.Muon` has the same update, for matrices only. Here a convolution counts as a matrix with one row per
    output channel. Updates are scaled to the size of those of AdamW, so the same learning rate suits both.

    Args:
        matrices: Parameters with at least two dimensions.
        others: All other parameters; they have no weight decay.
        lr: Learning rate.
        momentum: Nesterov momentum of the matrices.
        weight_decay: Decoupled weight decay of the matrices.
        betas: Decay rates of AdamW's running averages.
        eps: Added to AdamW's denominator.
        fused: Use AdamW's fused implementation.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        lr: float,
        momentum: float,
        weight_decay: float,
        betas: tuple[float, float],
        eps: float,
        fused: bool = False,
    ) -> None:
        groups = [
            {"params": list(matrices), "orthogonalize": True, "momentum": momentum, "weight_decay": weight_decay},
            {"params": list(others), "orthogonalize": False, "betas": betas, "eps": eps, "fused": fused},
        ]
        super().__init__([group for group in groups if group["params"]], {"lr": lr, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if group["orthogonalize"]:
                for parameter in parameters:
                    self._step_matrix(parameter, group)
            elif parameters:
                self._step_adamw(parameters, group)
        return loss

    def _step_matrix(self, parameter: nn.Parameter, group: dict[str, Any]) -> None:
        gradient = parameter.grad
        assert gradient is not None
        state = self.state[parameter]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        average = state["momentum_buffer"]
        average.lerp_(gradient, 1 - group["momentum"])
        update = gradient.lerp(average, group["momentum"]).flatten(1)
        scale = _RMS_OF_ADAMW * max(update.shape) ** 0.5
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(orthogonalize(update).view(parameter.shape), alpha=-group["lr"] * scale)

    def _step_adamw(self, parameters: list[nn.Parameter], group: dict[str, Any]) -> None:
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter] = {
                    "step": torch.zeros((), device=parameter.device if group["fused"] else "cpu"),
                    "exp_avg": torch.zeros_like(parameter),
                    "exp_avg_sq": torch.zeros_like(parameter),
                }
        states = [self.state[parameter] for parameter in parameters]
        adamw(
            parameters,  # type: ignore[arg-type]  # parameters are tensors
            [parameter.grad for parameter in parameters],  # type: ignore[misc]  # all have a gradient
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=group["fused"],
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )


def orthogonalize(matrix: Tensor) -> Tensor:
    """Return about the closest matrix with orthonormal rows or columns, by Newton-Schulz iteration.

    Singular values end between 0.7 and 1.2. It computes in bf16 where the hardware does.
    """
    a, b, c = _NEWTON_SCHULZ
    fast = matrix.is_cuda or cpu_computes_bf16()
    x = matrix.to(torch.bfloat16 if fast else torch.float32)
    x = x.T if matrix.shape[0] > matrix.shape[1] else x
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(_NEWTON_SCHULZ_STEPS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    x = x.T if matrix.shape[0] > matrix.shape[1] else x
    return x.to(matrix.dtype)
