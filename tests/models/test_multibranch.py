"""The networks of the 2021 course project against an independent implementation of their layer table."""

import pytest
import torch
import torch.nn.functional as F

from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.models.multibranch import MultiBranch
from support.random_weights import random_state

TWO = [[2, 2], [1, 1]]
THREE = [[2, 2, 2], [1, 1, 1], [1, 1, 1]]
VARIANTS = {
    "base": {"branches": [[2, 2, 1]]},
    "two-branch": {"branches": TWO},
    "hint-encoder": {"branches": TWO, "hint_encoder": True},
    "three-branch": {},
}
each_variant = pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())


def random_weights(network):
    state = random_state(network)
    state["head.bias"] = state["head.bias"] - 0.3
    return state


def reference(lightness, hint_ab, state, branches=THREE, hint_encoder=False):
    """Compute the network at a size divisible by 8, in 8-bit Lab."""

    def conv(x, name, dilation=1):
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        return F.conv2d(x, weight, bias, padding=dilation * (weight.shape[-1] // 2), dilation=dilation)

    def up(x, name):
        return F.conv_transpose2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride=2, padding=1)

    def block(x, name, convs, dilation=1, start=0):
        for i in range(start, start + 2 * convs, 2):
            x = conv(x, f"{name}.{i}", dilation).clamp(min=0)
        mean, variance, scale, shift = (
            state[f"{name}.{start + 2 * convs}.{kind}"].view(-1, 1, 1)
            for kind in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / torch.sqrt(variance + 1e-5) * scale + shift

    def encoder(x, prefix=""):
        one = block(x, f"{prefix}model1", 2)
        two = block(one[:, :, ::2, ::2], f"{prefix}model2", 2)
        three = block(two[:, :, ::2, ::2], f"{prefix}model3", 3)
        return one, two, three, block(three[:, :, ::2, ::2], f"{prefix}model4", 3)

    lab8 = torch.cat([lightness * 255 / 100, hint_ab + 128], 1) / 255
    one, two, three, four = encoder(lab8)
    if hint_encoder:
        four = four + encoder(lab8[:, 1:], "hint_encoder.")[3]
    middle = 0
    for i, dilations in enumerate(branches):
        path = four
        for j, dilation in enumerate(dilations):
            path = block(path, f"branches.{i}.{j}", 3, dilation)
        middle = middle + (conv(path, "shared") if len(branches) > 1 else path)
    eight = block((up(middle, "model8up.0") + conv(three, "model3short8.0")).clamp(min=0), "model8", 2, start=1)
    nine = block((up(eight, "model9up.0") + conv(two, "model2short9.0")).clamp(min=0), "model9", 1, start=1)
    ten = conv((up(nine, "model10up.0") + conv(one, "model1short10.0")).clamp(min=0), "model10.1")
    return torch.tanh(conv(torch.where(ten > 0, ten, 0.2 * ten), "head")) * 255 - 128


def random_input(height, width):
    generator = torch.Generator().manual_seed(2)
    lightness = torch.rand(2, 1, height, width, generator=generator) * 100
    ab = torch.rand(2, 2, height, width, generator=generator) * 200 - 100
    return lightness, hints_from_mask(ab, (torch.rand(2, 1, height, width, generator=generator) < 0.2).float())


@each_variant
def test_matches_the_layer_table(options):
    network = MultiBranch(width=8, **options)
    state = random_weights(network)
    network.load_state_dict(state)
    lightness, hints = random_input(24, 40)
    with torch.no_grad():
        expected = reference(lightness, hints.ab, state, **options)
        actual = network.eval()(lightness, hints)
    assert expected.std() > 1
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-2)


def conv(inputs, outputs, side=3):
    return inputs * outputs * side * side + outputs


def block(inputs, outputs, convs):
    return conv(inputs, outputs) + (convs - 1) * conv(outputs, outputs) + 2 * outputs


def encoder(inputs):
    return block(inputs, 64, 2) + block(64, 128, 2) + block(128, 256, 3) + block(256, 512, 3)


DECODER = (
    *(conv(512, 256, 4), conv(256, 256), block(256, 256, 2)),
    *(conv(256, 128, 4), conv(128, 128), block(128, 128, 1)),
    *(conv(128, 128, 4), conv(64, 128), conv(128, 128), conv(128, 2, 1)),
)
OUTSIDE = encoder(3) + sum(DECODER)


@pytest.mark.parametrize(
    ("variant", "parameters"),
    [
        # Zhang 2017 has 34,187,027 with a fourth input and 529 classes
        ("base", 34_187_027 - 64 * 9 - conv(256, 529, 1)),
        ("two-branch", OUTSIDE + 4 * block(512, 512, 3) + conv(512, 512)),
        ("hint-encoder", OUTSIDE + encoder(2) + 4 * block(512, 512, 3) + conv(512, 512)),
        ("three-branch", OUTSIDE + 9 * block(512, 512, 3) + conv(512, 512)),
    ],
)
def test_parameter_count_follows_from_the_layer_table(variant, parameters):
    with torch.device("meta"):
        network = MultiBranch(**VARIANTS[variant])
    assert sum(p.numel() for p in network.parameters()) == parameters


@each_variant
def test_every_weight_has_a_nonzero_gradient(options):
    torch.manual_seed(0)
    network = MultiBranch(width=4, zero_init_head=False, **options)
    lightness, hints = random_input(16, 24)
    network(lightness, hints).square().mean().backward()
    assert [name for name, p in network.named_parameters() if not p.grad.any()] == []


def test_first_blocks_keep_float32_precision_under_autocast():
    torch.manual_seed(0)
    network = MultiBranch(width=8, hint_encoder=True)
    lightness, hints = random_input(32, 32)
    seen = []
    for part in (network, network.hint_encoder):
        part.model1.register_forward_hook(lambda layer, inputs, output: seen.append(output.detach().clone()))
    network(lightness, hints)
    with torch.autocast("cpu", torch.bfloat16):
        network(lightness, hints)
    for in_float32, mixed in zip(seen[:2], seen[2:], strict=True):
        assert (mixed.float() - in_float32).abs().max() < 1e-3


@pytest.mark.parametrize("hint_encoder", [False, True])
def test_ignores_the_mask(hint_encoder):
    network = MultiBranch(width=4, hint_encoder=hint_encoder, zero_init_head=False).eval()
    lightness, hints = random_input(16, 24)
    with torch.no_grad():
        seen = network(lightness, hints)
        assert torch.equal(network(lightness, Hints(hints.ab, torch.zeros_like(hints.mask))), seen)


@pytest.mark.parametrize("branches", [[], [[]], [[2, 2], []], [[2, 0]], [[1], [-1]]])
def test_invalid_branches_raise_value_error(branches):
    with pytest.raises(ValueError, match=r"model\.branches=\[.*: must be a list .* Try model\.branches=\[\[2, 2, 2\]"):
        MultiBranch(width=4, branches=branches)
