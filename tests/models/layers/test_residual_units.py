"""Residual units against an independent implementation, channel by channel."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from chromahint.models.layers.residual_units import LightResidualUnit
from support.random_weights import random_state


def norm(x, state, name):
    mean, variance, scale, offset = (
        state[f"{name}.{key}"].numpy()[:, None, None] for key in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(variance + 1e-5) * scale + offset


def conv(x, weight, bias, stride):
    """Correlate CHW with OIhw, in which I is 1 for a depthwise convolution."""
    outputs = []
    for channel, kernels in enumerate(weight.numpy()):
        inputs = x if len(kernels) == len(x) else x[channel : channel + 1]
        summed = sum(correlate(each, k, mode="constant") for each, k in zip(inputs, kernels, strict=True))
        outputs.append(summed[::stride, ::stride] + (0 if bias is None else float(bias[channel])))
    return np.stack(outputs)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def reference(x, state, stride, preactivate):
    def separable(y, name, stride=1):
        return conv(conv(y, state[f"{name}.0.weight"], None, stride), *parameters(f"{name}.1"), 1)

    def parameters(name):
        return state[f"{name}.weight"], state[f"{name}.bias"]

    y = np.maximum(norm(x, state, "activation.0"), 0) if preactivate else x
    y = separable(y, "body.0", stride) if preactivate else conv(y, *parameters("body.0"), stride)
    y = separable(np.maximum(norm(y, state, "body.1"), 0), "body.3")

    first, second = (state[f"body.4.gate.fc{n}.weight"].numpy()[:, :, 0, 0] for n in (1, 2))
    pooled = (y.mean(axis=(1, 2)), y.max(axis=(1, 2)))
    y = y * sigmoid(sum(second @ np.maximum(first @ each, 0) for each in pooled))[:, None, None]
    y = y * sigmoid(conv(np.stack([y.mean(axis=0), y.max(axis=0)]), state["body.5.gate.conv1.weight"], None, 1))

    shortcut = conv(x[:, ::stride, ::stride], state["shortcut.0.weight"], None, 1)
    return y + norm(shortcut, state, "shortcut.1")


@pytest.mark.parametrize(("stride", "preactivate"), [(1, True), (2, True), (1, False)])
def test_light_unit_matches_its_definition(stride, preactivate):
    unit = LightResidualUnit(6, 32, stride, preactivate).eval()
    state = random_state(unit)
    unit.load_state_dict(state)
    x = torch.randn(2, 6, 8, 10, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = unit(x).numpy()
    for image in range(2):
        expected = reference(x[image].numpy(), state, stride, preactivate)
        assert expected.std() > 0.1
        np.testing.assert_allclose(found[image], expected, atol=1e-4)
