"""The handwritten gradients of attention are those of automatic differentiation."""

import pytest
import torch

from chromahint.models.layers.softmax_attention import attend


def plain(query, key, value, mask, others):
    """Attention as autograd differentiates it."""
    scores = query @ key.transpose(1, 2)
    weights = (scores if mask is None else scores + mask).softmax(dim=2)
    return weights @ value, weights[..., : key.shape[1] - others].amax(dim=2, keepdim=True), weights


def tensors(batch=2, queries=5, keys=7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = (batch, queries, 3), (batch, keys, 3), (batch, keys, 4)
    return [torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]


def window(queries=5, keys=7):
    return torch.where(torch.rand(1, queries, keys, generator=torch.Generator().manual_seed(1)) < 0.3, -torch.inf, 0.0)


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize("mask", [None, window().double()], ids=["all", "masked"])
def test_gradients(mask, others):
    inputs, expected = tensors(), tensors()
    with torch.no_grad():
        inputs[1][:, 2] = expected[1][:, 2] = inputs[1][:, 1]  # equal weights, both of which may be the largest
    for results in (attend(*inputs, mask, others), plain(*expected, mask, others)):
        (results[0].square().sum() + (3 * results[1]).exp().sum()).backward()
    with torch.no_grad():
        for result, reference in zip(attend(*inputs, mask, others), plain(*expected, mask, others), strict=True):
            torch.testing.assert_close(result, reference)
    for tensor, reference in zip(inputs, expected, strict=True):
        torch.testing.assert_close(tensor.grad, reference.grad)


def test_unused_results_need_no_gradient():
    inputs, expected = tensors(), tensors()
    attend(*inputs).mean.square().sum().backward()
    plain(*expected, None, 0)[0].square().sum().backward()
    for tensor, reference in zip(inputs, expected, strict=True):
        torch.testing.assert_close(tensor.grad, reference.grad)


def test_nothing_to_attend_from():
    inputs = tensors(batch=0)
    attend(*inputs).mean.sum().backward()
    assert all(tensor.grad.shape == tensor.shape for tensor in inputs)
