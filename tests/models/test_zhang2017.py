"""The SIGGRAPH-17 network against an independent implementation of its layer table."""

import pytest
import torch
import torch.nn.functional as F

from chromahint.hints.hints import Hints, concatenate_hints, hints_from_mask, no_hints
from chromahint.models.zhang2017 import Zhang2017
from support.random_weights import random_state

CONVS = {
    "model1": (0, 2), "model2": (0, 2), "model3": (0, 2, 4), "model4": (0, 2, 4), "model5": (0, 2, 4),
    "model6": (0, 2, 4), "model7": (0, 2, 4), "model8up": (0,), "model3short8": (0,), "model8": (1, 3),
    "model9up": (0,), "model2short9": (0,), "model9": (1,), "model10up": (0,), "model1short10": (0,),
    "model10": (1,), "model_class": (0,), "model_out": (0,),
}  # fmt: skip
NORMS = {"model1": 4, "model2": 4, "model3": 6, "model4": 6, "model5": 6, "model6": 6, "model7": 6, "model8": 5} | {
    "model9": 3
}


def published_keys() -> set[str]:
    keys = {f"{block}.{i}.{kind}" for block, indices in CONVS.items() for i in indices for kind in ("weight", "bias")}
    kinds = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return keys | {f"{block}.{i}.{kind}" for block, i in NORMS.items() for kind in kinds}


def random_weights(network):
    state = random_state(network)
    state["model_out.0.bias"] = state["model_out.0.bias"] - 0.8
    return state


def reference(lightness, hints, state, center):
    def conv(x, name, dilation=1):
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        return F.conv2d(x, weight, bias, padding=dilation * (weight.shape[-1] // 2), dilation=dilation)

    def up(x, name):
        return F.conv_transpose2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride=2, padding=1)

    def norm(x, block):
        name = f"{block}.{NORMS[block]}"
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        scale = state[f"{name}.weight"] / torch.sqrt(variance + 1e-5)
        return (x - mean[:, None, None]) * scale[:, None, None] + state[f"{name}.bias"][:, None, None]

    def block(x, name, dilation=1):
        for i in CONVS[name]:
            x = conv(x, f"{name}.{i}", dilation).clamp(min=0)
        return norm(x, name)

    x = torch.cat([lightness / 100 - 0.5, hints.ab / 110, hints.mask - center], 1)
    one = block(x, "model1")
    two = block(one[:, :, ::2, ::2], "model2")
    three = block(two[:, :, ::2, ::2], "model3")
    deep = block(three[:, :, ::2, ::2], "model4")
    if hints.global_hints is not None:
        known = hints.global_hints
        y = torch.cat([known.histogram, known.has_histogram, known.saturation, known.has_saturation], 1)
        y = y[..., None, None]
        for i in (0, 3, 6, 9):
            y = conv(y, f"model_glob.{i}").clamp(min=0)
            mean, variance, scale, offset = (
                state[f"model_glob.{i + 2}.{part}"][:, None, None]
                for part in ("running_mean", "running_var", "weight", "bias")
            )
            y = (y - mean) / torch.sqrt(variance + 1e-5) * scale + offset
        deep = deep + y
    for name, dilation in (("model5", 2), ("model6", 2), ("model7", 1)):
        deep = block(deep, name, dilation)
    eight = block((up(deep, "model8up.0") + conv(three, "model3short8.0")).clamp(min=0), "model8")
    nine = block((up(eight, "model9up.0") + conv(two, "model2short9.0")).clamp(min=0), "model9")
    ten = conv((up(nine, "model10up.0") + conv(one, "model1short10.0")).clamp(min=0), "model10.1")
    ten = torch.where(ten > 0, ten, 0.2 * ten)
    return 110 * torch.tanh(conv(ten, "model_out.0")), conv(eight, "model_class.0")


def random_input(height, width):
    generator = torch.Generator().manual_seed(2)
    lightness = torch.rand(2, 1, height, width, generator=generator) * 100
    ab = torch.rand(2, 2, height, width, generator=generator) * 200 - 100
    return lightness, hints_from_mask(ab, (torch.rand(2, 1, height, width, generator=generator) < 0.2).float())


@pytest.mark.parametrize("center", [0.5, 0.0])
def test_matches_the_layer_table(center):
    network = Zhang2017(width=8, mask_offset=center)
    state = random_weights(network)
    network.load_state_dict(state)
    lightness, hints = random_input(24, 40)
    with torch.no_grad():
        expected_ab, expected_logits = reference(lightness, hints, state, center)
        ab, logits = network.eval().with_classes(lightness, hints)
        only_ab = network(lightness, hints)
    assert expected_ab.std() > 1
    torch.testing.assert_close(ab, expected_ab, rtol=1e-4, atol=1e-2)
    torch.testing.assert_close(only_ab, ab)
    torch.testing.assert_close(logits, expected_logits, rtol=1e-4, atol=1e-3)
    assert logits.shape == (2, 529, 6, 10)


def test_global_hints_are_added_to_block_4():
    network = Zhang2017(width=8, global_hints=True)
    state = random_weights(network)
    network.load_state_dict(state)
    lightness, hints = random_input(24, 40)
    known = concatenate_hints([Hints.palette(["#aa3333", "#20c020"], (24, 40), [3, 1]), no_hints(lightness[1:])])
    known = known.global_hints._replace(saturation=torch.tensor([[0.0], [0.4]]), has_saturation=torch.eye(2)[:, 1:])
    hints = hints._replace(global_hints=known)
    with torch.no_grad():
        expected_ab, expected_logits = reference(lightness, hints, state, 0.5)
        ab, logits = network.eval().with_classes(lightness, hints)
    torch.testing.assert_close(ab, expected_ab, rtol=1e-4, atol=1e-2)
    torch.testing.assert_close(logits, expected_logits, rtol=1e-4, atol=1e-3)
    assert network.model_glob[0].weight.shape == (64, 316, 1, 1)


def test_state_dict_has_the_published_keys():
    with torch.device("meta"):
        state = Zhang2017().state_dict()
    assert set(state) == published_keys()
    assert state["model8up.0.weight"].shape == (512, 256, 4, 4)
    assert state["model1short10.0.weight"].shape == (128, 64, 3, 3)
    assert state["model_class.0.weight"].shape == (529, 256, 1, 1)


def test_logits_cover_every_fourth_pixel_of_any_size():
    lightness, hints = random_input(13, 22)
    ab, logits = Zhang2017(width=4).with_classes(lightness, hints)
    assert ab.shape == (2, 2, 13, 22)
    assert logits.shape == (2, 529, 4, 6)


@pytest.mark.parametrize("stage", ["classes", "regression"])
def test_only_the_loss_of_the_stage_trains_the_body(stage):
    network = Zhang2017(width=4, stage=stage, zero_init_head=False)
    lightness, hints = random_input(16, 16)

    def trained_by(part):
        network.zero_grad()
        network.with_classes(lightness, hints)[part].square().mean().backward()
        return {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}

    body = {"model1", "model4", "model7", "model8"}
    by_color, by_classes = trained_by(0), trained_by(1)
    assert "model_class" in by_classes
    assert "model_class" not in by_color
    assert {"model9", "model10up", "model1short10", "model2short9", "model_out"} <= by_color
    if stage == "classes":
        assert body <= by_classes
        assert not body & by_color
    else:
        assert body <= by_color
        assert by_classes == {"model_class"}


def test_normal_init_matches_the_paper():
    torch.manual_seed(0)
    network = Zhang2017(width=16, init="normal", zero_init_head=False)
    assert network.model5[0].weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert not network.model5[0].bias.any()
    assert network.model_out[0].weight.std().item() == pytest.approx(0.02, rel=0.2)
