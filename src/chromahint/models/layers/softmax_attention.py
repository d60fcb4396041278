"""Softmax attention that also returns the largest weight, with a handwritten backward pass.

Autograd would pass over the weights, by far the largest tensor, more than ten times; this does so a few times besides
the matrix products.

Shape suffixes: B batch, C channels of queries and keys, V channels of values, N queries, K keys.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class Attended(NamedTuple):
    """Result of `attend`.

    Attributes:
        mean: BNV, attention-weighted mean of the values.
        largest: BN1, largest weight.
        weights: BNK, without a gradient.
    """

    mean: Tensor
    largest: Tensor
    weights: Tensor


def attend(
    query_BNC: Tensor, key_BKC: Tensor, value_BKV: Tensor, mask: Tensor | None = None, others: int = 0
) -> Attended:
    """Attend from queries to keys.

    Args:
        query_BNC: Queries.
        key_BKC: Keys.
        value_BKV: Values.
        mask: BNK or 1NK, added to the scores.
        others: Number of keys at the end that do not count for the largest weight.
    """
    if not torch.is_grad_enabled():
        return _attend(query_BNC, key_BKC, value_BKV, mask, others)
    return Attended(*_Attend.apply(query_BNC, key_BKC, value_BKV, mask, others))  # type: ignore[no-untyped-call]


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, others: int) -> Attended:
    transposed = key.transpose(1, 2)
    scores = query @ transposed if mask is None else torch.baddbmm(mask, query, transposed)
    weights = scores.softmax(dim=2)
    return Attended(weights @ value, weights[..., : weights.shape[2] - others].amax(dim=2, keepdim=True), weights)


class _Attend(torch.autograd.Function):
    """`attend` with gradients."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, others: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        mean, largest, weights = _attend(query, key, value, mask, others)
        ctx.save_for_backward(query, key, value, mean, largest, weights)
        ctx.mark_non_differentiable(weights)
        ctx.set_materialize_grads(False)
        ctx.others = others
        return mean, largest, weights

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_mean: Tensor, grad_largest: Tensor | None, _: None
    ) -> tuple[Tensor, Tensor, Tensor, None, None]:
        query, key, value, mean, largest, weights = ctx.saved_tensors
        # a softmax subtracts the weighted mean of the gradients of its weights, which the outputs determine
        offset = (grad_mean * mean).sum(dim=2, keepdim=True)
        if grad_largest is not None:
            offset += grad_largest * largest
        grad = torch.baddbmm(-offset, grad_mean, value.transpose(1, 2))
        if grad_largest is not None:
            counted = slice(0, weights.shape[2] - ctx.others)
            is_largest = weights[..., counted] == largest
            grad[..., counted] += torch.where(is_largest, grad_largest / is_largest.sum(dim=2, keepdim=True), 0)
        grad *= weights
        return grad @ key, grad.transpose(1, 2) @ query, weights.transpose(1, 2) @ grad_mean, None, None
