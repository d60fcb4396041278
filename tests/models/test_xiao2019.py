"""The network of Xiao et al. 2019 against an independent implementation of its layer table."""

import numpy as np
import torch
import torch.nn.functional as F

from chromahint.hints.global_hints import palette_hints
from chromahint.hints.hints import Hints, concatenate_hints, hints_from_mask, no_hints
from chromahint.models.xiao2019 import Xiao2019, theme_map
from support.random_weights import random_state

CONVS = {"model1": (0, 2), "model2": (0, 2), "model8": (1, 3), "model9": (1,)} | {
    f"model{n}": (0, 2, 4) for n in range(3, 8)
}


def reference(lightness, hints, state):
    def conv(x, name, dilation=1):
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        return F.conv2d(x, weight, bias, padding=dilation * (weight.shape[-1] // 2), dilation=dilation)

    def norm(x, name):
        mean, variance, scale, offset = (
            state[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / torch.sqrt(variance + 1e-5) * scale + offset

    def block(x, name, dilation=1):
        for i in CONVS[name]:
            x = conv(x, f"{name}.{i}", dilation).clamp(min=0)
        return norm(x, f"{name}.{CONVS[name][-1] + 2}")

    def up(x, skip, number, short):
        name = f"model{number}up.0"
        large = F.conv_transpose2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride=2, padding=1)
        return (large + conv(skip, f"{short}.0")).clamp(min=0)

    local = torch.cat([hints.ab / 127.5, hints.mask], 1)
    x = conv(lightness / 50 - 1, "lightness.0").clamp(min=0) + conv(local, "local.0").clamp(min=0)
    one = block(x, "model1")
    two = block(one[:, :, ::2, ::2], "model2")
    three = block(two[:, :, ::2, ::2], "model3")
    four = block(three[:, :, ::2, ::2], "model4")
    theme = torch.zeros(len(x), 21, 1, 1)
    for image in range(len(x)):
        for slot in range(7):
            if hints.global_hints.palette_weights[image, slot] > 0:
                color = hints.global_hints.palette[image, slot] / 127.5
                theme[image, 3 * slot : 3 * slot + 3, 0, 0] = torch.tensor([*color.tolist(), 1.0])
    for i in (0, 3, 6, 9):
        theme = norm(conv(theme, f"theme.{i}").clamp(min=0), f"theme.{i + 2}")
    theme = theme * hints.global_hints.palette_weights.any(1)[:, None, None, None]
    deep = block(block(block(four + theme, "model5", 2), "model6", 2), "model7")
    eight = block(up(deep, three, 8, "model3short8"), "model8")
    nine = block(up(eight, two, 9, "model2short9"), "model9")
    ten = F.leaky_relu(conv(up(nine, one, 10, "model1short10"), "model10.1"), 0.2)
    return 127.5 * torch.tanh(conv(ten, "head"))


def random_input(height, width):
    generator = torch.Generator().manual_seed(2)
    lightness = torch.rand(2, 1, height, width, generator=generator) * 100
    ab = torch.rand(2, 2, height, width, generator=generator) * 200 - 100
    hints = hints_from_mask(ab, (torch.rand(2, 1, height, width, generator=generator) < 0.2).float())
    palette = Hints.palette(["#aa3333", "#20c020", "#102040"], (height, width), [5, 3, 1])
    known = concatenate_hints([palette, no_hints(lightness[1:])]).global_hints
    return lightness, ab, hints._replace(global_hints=known)


def test_matches_the_layer_table():
    network = Xiao2019(width=8)
    state = random_state(network)
    state["head.bias"] = state["head.bias"] - 0.8
    network.load_state_dict(state)
    lightness, _, hints = random_input(24, 40)
    with torch.no_grad():
        expected = reference(lightness, hints, state)
        found = network.eval()(lightness, hints)
    assert expected.std() > 1
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-2)


def test_no_global_hints_equal_an_empty_palette():
    network = Xiao2019(width=4, zero_init_head=False).eval()
    lightness, _, hints = random_input(16, 16)
    empty = concatenate_hints([hints.images(1), hints.images(1)])
    with torch.no_grad():
        assert torch.equal(network(lightness, empty), network(lightness, empty._replace(global_hints=None)))


def test_training_with_local_hints_alone_does_not_spoil_predictions():
    torch.manual_seed(0)
    network = Xiao2019(width=4)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(150):
        lightness, ab, hints = random_input(32, 32)
        optimizer.zero_grad()
        (network(lightness, hints._replace(global_hints=None)) - ab / 4).square().mean().div(1e4).backward()
        with torch.no_grad():  # as weights do that change from step to step
            network.theme[0].bias.add_(1e-3 * torch.randn(32))
        optimizer.step()
    with torch.no_grad():
        lightness, _, hints = random_input(32, 32)
        hints = hints._replace(global_hints=None)
        expected = network.train()(lightness, hints)
        assert (network.eval()(lightness, hints) - expected).abs().mean() < 20


def test_theme_map_has_the_nearest_color_of_the_palette():
    _, ab, hints = random_input(6, 5)
    found = theme_map(ab, hints.global_hints)
    palette = hints.global_hints.palette[0, :3].numpy()
    for row in range(6):
        for column in range(5):
            nearest = palette[np.linalg.norm(palette - ab[0, :, row, column].numpy(), axis=1).argmin()]
            np.testing.assert_allclose(found[0, :, row, column].numpy(), nearest, atol=1e-5)


def test_losses_are_a_huber_loss_of_the_photo_and_a_ninth_of_one_of_its_theme():
    network = Xiao2019(width=4, theme_weight=1 / 9, zero_init_head=False).eval()
    lightness, ab, hints = random_input(16, 16)
    with torch.no_grad():
        prediction, theme_loss = network.with_auxiliary_loss(lightness, hints, ab, torch.Generator())
    error = (prediction[0] - theme_map(ab, hints.global_hints)[0]).double().numpy() / 127.5
    huber = np.where(np.abs(error) < 1, error**2 / 2, np.abs(error) - 0.5).mean()
    # loss=huber divides by its delta, and sums over a and b
    scale = 2 * 127.5 / 110
    np.testing.assert_allclose(theme_loss.item(), scale * huber / 9 / 2, rtol=1e-4)  # one of two photos has a palette


def test_weights_of_the_palette_do_not_matter():
    network = Xiao2019(width=4, zero_init_head=False).eval()
    lightness, _, hints = random_input(16, 16)
    outputs = []
    for weights in ([1, 1], [5, 1]):
        known = palette_hints(["#aa3333", "#20c020"], weights, batch=2)
        with torch.no_grad():
            outputs.append(network(lightness, hints._replace(global_hints=known)))
    assert torch.equal(*outputs)
