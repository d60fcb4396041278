"""Attention U-Net: the gate against its formula, and the rest against the plain U-Net."""

import pytest
import torch
import torch.nn.functional as F

from chromahint.hints.hints import hints_from_mask
from chromahint.models.attention_unet import AttentionUNet, AttentionUp
from chromahint.models.unet import UNet


def random_input(height, width):
    generator = torch.Generator().manual_seed(2)
    lightness = torch.rand(2, 1, height, width, generator=generator) * 100
    ab = torch.rand(2, 2, height, width, generator=generator) * 200 - 100
    return lightness, hints_from_mask(ab, (torch.rand(2, 1, height, width, generator=generator) < 0.2).float())


def test_upsampling_step_matches_the_formula():
    torch.manual_seed(0)
    step = AttentionUp(16).eval()
    state = step.state_dict()
    x, skip = torch.randn(2, 16, 3, 5), torch.randn(2, 8, 6, 10)

    def conv1x1(features, name):
        weight = state[f"gate.{name}.weight"]
        assert weight.shape[2:] == (1, 1)
        output = torch.einsum("oc,bchw->bohw", weight[:, :, 0, 0], features)
        return output + state[f"gate.{name}.bias"].view(-1, 1, 1) if f"gate.{name}.bias" in state else output

    with torch.no_grad():
        upsampled = F.conv_transpose2d(x, state["up.weight"], state["up.bias"], stride=2)
        hidden = conv1x1(skip, "skip") + conv1x1(upsampled, "decoder")
        weight = 1 / (1 + torch.exp(-conv1x1(hidden.clamp(min=0), "joint")))
        assert hidden.shape[1] == 4
        assert weight.shape == (2, 1, 6, 10)
        assert weight.std() > 0.01
        expected = step.conv(torch.cat([skip * weight, upsampled], 1))
        torch.testing.assert_close(step(x, skip), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mask", [True, False])
def test_open_gates_give_the_plain_unet(mask):
    torch.manual_seed(0)
    network = AttentionUNet(width=8, mask=mask, zero_init_head=False).eval()
    state = network.state_dict()
    if not mask:  # the plain network has a mask input; ignore it with zero weights
        state["inc.double_conv.0.weight"] = F.pad(state["inc.double_conv.0.weight"], (0, 0, 0, 0, 0, 1))
    plain = UNet(width=8).eval()
    plain.load_state_dict({name: tensor for name, tensor in state.items() if ".gate." not in name})
    lightness, hints = random_input(32, 48)
    with torch.no_grad():
        expected, gated = plain(lightness, hints), network(lightness, hints)
        for name, parameter in network.named_parameters():
            if name.endswith("gate.joint.bias"):
                parameter.fill_(100.0)
        opened = network(lightness, hints)
    torch.testing.assert_close(opened, expected, rtol=1e-4, atol=1e-3)
    assert (gated - expected).abs().max() > 0.1


def test_every_weight_has_a_nonzero_gradient():
    torch.manual_seed(0)
    network = AttentionUNet(width=8, zero_init_head=False)
    network(*random_input(32, 32)).square().mean().backward()
    assert [name for name, p in network.named_parameters() if not p.grad.any()] == []


@pytest.mark.parametrize("mask", [True, False])
def test_parameter_count_is_that_of_unet_plus_gates(mask):
    # two 1x1 convolutions to half as many channels with one bias between them, then one to a single channel
    gates = sum(2 * c * (c // 2) + c // 2 + (c // 2 + 1) for c in (512, 256, 128, 64))
    with torch.device("meta"):
        parameters = sum(p.numel() for p in AttentionUNet(mask=mask).parameters())
    assert parameters == 31_038_274 + gates - (0 if mask else 64 * 9)
