"""HSCAU-Net and U-Net against an independent implementation of their layer tables."""

import pytest
import torch
import torch.nn.functional as F

from chromahint.hints.hints import hints_from_mask
from chromahint.models.hscaunet import HSCAUNet
from chromahint.models.unet import UNet
from support.random_weights import random_state

CONV_AND_NORM = [
    *("0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"),
    *("3.weight", "4.weight", "4.bias", "4.running_mean", "4.running_var", "4.num_batches_tracked"),
]


def unet_keys() -> set[str]:
    keys = {f"inc.double_conv.{name}" for name in CONV_AND_NORM} | {"outc.conv.weight", "outc.conv.bias"}
    for level in "1234":
        keys |= {f"down{level}.maxpool_conv.1.double_conv.{name}" for name in CONV_AND_NORM}
        keys |= {f"up{level}.conv.double_conv.{name}" for name in CONV_AND_NORM}
        keys |= {f"up{level}.up.weight", f"up{level}.up.bias"}
    return keys


def gate_keys() -> set[str]:
    gates = ("up{}.sp.conv1", "up{}.ch.conv1", "up{}.conv_1by1", "ch{}.conv1")
    return {f"{gate.format(level)}.weight" for level in "1234" for gate in gates}


def random_weights(network):
    state = random_state(network)
    for level in "1234":
        if f"ch{level}.conv1.weight" in state:
            state[f"ch{level}.conv1.weight"] = state[f"up{level}.ch.conv1.weight"]
    return state


def double_conv(x, state, prefix):
    for conv, norm in (("0", "1"), ("3", "4")):
        x = F.conv2d(x, state[f"{prefix}.{conv}.weight"], padding=1)
        mean, variance, scale, shift = (
            state[f"{prefix}.{norm}.{name}"].view(1, -1, 1, 1)
            for name in ("running_mean", "running_var", "weight", "bias")
        )
        x = ((x - mean) / torch.sqrt(variance + 1e-5) * scale + shift).clamp(min=0)
    return x


def spatial(x, weight):
    seen = torch.cat([x.sum(1, keepdim=True) / x.shape[1], x.max(1, keepdim=True)[0]], 1)
    return 1 / (1 + torch.exp(-F.conv2d(seen, weight, padding=3)))


def cbam(x, first, second):
    def vector(v):
        return F.conv2d(F.conv2d(v[:, :, None, None], first).clamp(min=0), second)

    return torch.sigmoid(vector(x.flatten(2).mean(2)) + vector(x.flatten(2).max(2)[0]))


def reference(lightness, hints, state, gates):
    """Compute the network of the 2022 project at a size divisible by 16, in 8-bit Lab."""
    lab8 = torch.cat([lightness * 255 / 100, hints.ab + 128], 1) / 255
    skips = [double_conv(torch.cat([lab8, hints.mask], 1), state, "inc.double_conv")]
    for level in "1234":
        skips.append(double_conv(F.max_pool2d(skips[-1], 2), state, f"down{level}.maxpool_conv.1.double_conv"))
    x = skips.pop()
    for level in "1234":
        up, skip = f"up{level}", skips.pop()
        gated = skip
        if gates:
            hint = F.interpolate(lab8[:, 1:], skip.shape[2:], mode="bilinear", align_corners=False)
            gated = gated * spatial(skip, state[f"{up}.sp.conv1.weight"])
            gated = gated * torch.sigmoid(F.conv2d(hint, state[f"{up}.conv_1by1.weight"]))
        if gates == "spatial":
            gated = gated * spatial(skip, state[f"ch{level}.conv1.weight"])
        elif gates == "cbam":
            gated = gated * cbam(skip, state[f"{up}.ch.fc1.weight"], state[f"{up}.ch.fc2.weight"])
        x = F.conv_transpose2d(x, state[f"{up}.up.weight"], state[f"{up}.up.bias"], stride=2)
        x = double_conv(torch.cat([gated, x], 1), state, f"{up}.conv.double_conv")
    return F.conv2d(x, state["outc.conv.weight"], state["outc.conv.bias"]) * 255 - 128


@pytest.mark.parametrize("gates", ["spatial", "cbam", None])
def test_matches_the_layer_table(gates):
    network = HSCAUNet(width=16, channel_attention=gates) if gates else UNet(width=16)
    state = random_weights(network)
    network.load_state_dict(state)
    generator = torch.Generator().manual_seed(2)
    lightness = torch.rand(2, 1, 48, 32, generator=generator) * 100
    ab = torch.rand(2, 2, 48, 32, generator=generator) * 200 - 100
    hints = hints_from_mask(ab, (torch.rand(2, 1, 48, 32, generator=generator) < 0.2).float())
    with torch.no_grad():
        expected = reference(lightness, hints, state, gates)
        actual = network.eval()(lightness, hints)
    assert expected.std() > 1
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-3 * float(expected.abs().max()))


def test_released_state_dict_has_the_second_attention_under_two_names():
    with torch.device("meta"):
        assert set(HSCAUNet(channel_attention="spatial").state_dict()) == unet_keys() | gate_keys()
    network = HSCAUNet(width=4, channel_attention="spatial")
    assert network.ch1 is network.up1.ch
    assert network.ch4 is network.up4.ch


def test_released_state_dict_numbers_the_deepest_step_first():
    with torch.device("meta"):
        state = HSCAUNet(channel_attention="spatial").state_dict()
    assert state["inc.double_conv.0.weight"].shape == (64, 4, 3, 3)
    assert state["up1.up.weight"].shape == (1024, 512, 2, 2)
    assert state["up4.conv.double_conv.0.weight"].shape == (64, 128, 3, 3)
    assert state["up2.ch.conv1.weight"].shape == (1, 2, 7, 7)
    assert state["outc.conv.weight"].shape == (2, 64, 1, 1)


def test_unet_is_hscaunet_without_gates():
    with torch.device("meta"):
        assert set(UNet().state_dict()) == unet_keys()


def test_width_scales_all_channels():
    with torch.device("meta"):
        wide, narrow = HSCAUNet(width=64).state_dict(), HSCAUNet(width=16).state_dict()
    assert narrow["down4.maxpool_conv.1.double_conv.3.weight"].shape[0] == 256
    for key, value in wide.items():
        if key.endswith("double_conv.3.weight"):
            assert narrow[key].shape[:2] == (value.shape[0] // 4, value.shape[1] // 4)
