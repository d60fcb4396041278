"""SpreadNet keeps hints, reuses encodings, and beats Levin's solver before training."""

import pytest
import torch

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.evaluation.metrics import psnr
from chromahint.evaluation.protocols.base import LabImages
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.hints.hints import Hints, concatenate_hints, hints_from_mask, no_hints
from chromahint.models.layers import color_pyramid
from chromahint.models.levin import Levin
from chromahint.models.spreadnet import SpreadNet
from support.random_weights import perturbed_state


def untrained(width=8, steps=2):
    torch.manual_seed(0)
    return SpreadNet(width, steps).eval()


def perturbed(width=8, steps=2):
    """Return a network with random weights in every layer, also in those that start at 0."""
    network = untrained(width, steps)
    network.load_state_dict(perturbed_state(network))
    return network


any_weights = pytest.mark.parametrize("build", [untrained, perturbed])


def random_input(height, width, share=0.05, batch=2, seed=0):
    """Return noise and random colors, with hints at a share of the pixels."""
    generator = torch.Generator().manual_seed(seed)
    lightness = 100 * torch.rand(batch, 1, height, width, generator=generator)
    ab = 220 * torch.rand(batch, 2, height, width, generator=generator) - 110
    return lightness, hints_from_mask(ab, (torch.rand(batch, 1, height, width, generator=generator) < share).float())


def natural(*numbers, size=256):
    """Return photos as rgb, lightness and ab."""
    tiles = NaturalTiles(size)
    rgb = torch.stack([torch.from_numpy(tiles.read(number).copy()).permute(2, 0, 1) for number in numbers])
    return rgb, *rgb_to_lab(rgb)


def test_default_network_is_small():
    with torch.device("meta"):
        assert sum(p.numel() for p in SpreadNet().parameters()) < 5e6


@any_weights
@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (37, 50), (64, 48)])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.7])
def test_hinted_pixels_keep_their_color(build, steps, height, width, share):
    lightness, hints = random_input(height, width, share)
    hints.mask[1, :, height // 2, width // 2] = 1
    with torch.no_grad():
        ab = build(steps=steps)(lightness, hints)
    hinted = hints.mask.expand_as(ab) == 1
    torch.testing.assert_close(ab[hinted], hints.ab[hinted], atol=1e-3, rtol=0)


@any_weights
def test_hinted_pixels_keep_their_color_in_mixed_precision_and_in_training_mode(build):
    lightness, hints = random_input(40, 56)
    hinted = hints.mask.expand(-1, 2, -1, -1) == 1
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        ab = build().train()(lightness, hints)
    torch.testing.assert_close(ab[hinted], hints.ab[hinted], atol=1e-3, rtol=0)


@any_weights
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (37, 50)])
def test_image_with_a_hint_at_every_pixel_is_reproduced(build, height, width):
    lightness, hints = random_input(height, width, share=1.0)
    assert hints.mask.all()
    with torch.no_grad():
        torch.testing.assert_close(build()(lightness, hints), hints.ab, atol=1e-3, rtol=0)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (37, 50), (32, 48)])
def test_untrained_network_without_hints_predicts_gray(height, width):
    lightness, _ = random_input(height, width)
    assert not untrained()(lightness, no_hints(lightness)).any()


@pytest.mark.parametrize(("height", "width"), [(20, 24), (37, 50), (80, 16)])
def test_untrained_network_spreads_one_hint_over_the_whole_image_and_lets_it_fade(height, width):
    lightness = torch.full((2, 1, height, width), 50.0)
    ab, mask = torch.zeros(2, 2, height, width), torch.zeros(2, 1, height, width)
    ab[:, 0, 0, 0], ab[:, 1, 0, 0] = 40.0, -20.0
    mask[:, :, 0, 0] = 1
    with torch.no_grad():
        found = untrained()(lightness, Hints(ab, mask))
    torch.testing.assert_close(found[:, 1], -found[:, 0] / 2, atol=0.01, rtol=0)
    assert found[:, 0].min() > 20
    assert found[:, 0].max() <= 40.01
    assert found[0, 0, -1, -1] < 39


@any_weights
def test_encoding_can_be_reused_for_other_hints(build):
    network = build()
    lightness, some = random_input(37, 50)
    others = [some, no_hints(lightness), random_input(37, 50, share=0.3, seed=1)[1], some]
    with torch.no_grad():
        encoding = network.encode(lightness)
        outputs = [network.propagate(encoding, hints) for hints in others]
        for output, hints in zip(outputs, others, strict=True):
            assert torch.equal(output, network(lightness, hints))
    assert torch.equal(outputs[0], outputs[3])
    assert (outputs[0] - outputs[2]).abs().mean() > 1


@any_weights
@pytest.mark.parametrize("share", [0.0, 0.01, 1.0])
def test_shortcuts_without_gradients_give_the_same_result(build, share):
    """Without gradients, only cells with a hint are read, and the last layers are matrix products."""
    network = build()
    lightness, hints = random_input(37, 50, share=share)
    with torch.no_grad():
        fast = network(lightness, hints)
    torch.testing.assert_close(fast, network(lightness, hints).detach(), atol=1e-3, rtol=0)


@any_weights
@pytest.mark.parametrize(("height", "width"), [(131, 34), (64, 50)])
def test_processing_in_chunks_gives_the_same_result(monkeypatch, build, height, width):
    lightness, hints = random_input(height, width)
    network = build()
    with torch.no_grad():
        expected = network(lightness, hints)
        monkeypatch.setattr(color_pyramid, "_CHUNK_PIXELS", 0)
        torch.testing.assert_close(network(lightness, hints), expected, atol=0.01, rtol=0)


@any_weights
@pytest.mark.parametrize(("height", "width"), [(5, 3), (37, 50)])
def test_images_of_a_batch_are_independent(build, height, width):
    network = build()
    inputs = [
        random_input(height, width, share, batch=1, seed=seed) for seed, share in enumerate((0.0, 0.01, 0.1, 1.0))
    ]
    lightness = torch.cat([light for light, _ in inputs])
    hints = concatenate_hints([hint for _, hint in inputs])
    with torch.no_grad():
        together = network(lightness, hints)
        alone = torch.cat([network(*each) for each in inputs])
    largest = alone.abs().amax(dim=(1, 2, 3)).clamp(min=100)  # random weights may predict any color
    assert ((together - alone).abs().amax(dim=(1, 2, 3)) < 2e-5 * largest).all()


@any_weights
def test_moving_a_hint_by_one_pixel_changes_distant_colors_less_than_recoloring_it(build):
    rows, columns = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 80), indexing="ij")
    lightness = (40 + 20 * rows + 10 * columns)[None, None]
    network = build()

    def colored(*spots):
        ab, mask = torch.zeros(1, 2, 64, 80), torch.zeros(1, 1, 64, 80)
        for row, column, color in spots:
            ab[0, :, row, column], mask[0, 0, row, column] = torch.tensor(color), 1
        return network(lightness, Hints(ab, mask))[..., 24:]

    other = (50, 70, (-30.0, -40.0))
    with torch.no_grad():
        start = colored((20, 8, (40.0, 30.0)), other)
        moved = (colored((20, 9, (40.0, 30.0)), other) - start).abs().mean()
        recolored = (colored((20, 8, (-40.0, 30.0)), other) - start).abs().mean()
    assert recolored > 1
    assert moved < 0.2 * recolored


def test_untrained_network_beats_levin_and_improves_with_more_hints():
    torch.manual_seed(0)
    network, levin = SpreadNet().eval(), Levin()
    counts, tiles = (1, 10, 100, 328, 1966), NaturalTiles()
    learned, solved = torch.zeros(len(counts)), torch.zeros(len(counts))
    chosen = range(0, len(tiles), 2)
    for number in chosen:
        rgb, lightness, ab = natural(number)
        with torch.no_grad():
            encoding = network.encode(lightness)
            for index, count in enumerate(counts):
                hints = RandomPixels().hints(LabImages(lightness, ab, rgb), [tiles.identify(number)], count)
                learned[index] += psnr(lab_to_rgb8(lightness, network.propagate(encoding, hints)), rgb)[0] / len(chosen)
                if count in (100, 328):
                    solved[index] += psnr(lab_to_rgb8(lightness, levin(lightness, hints)), rgb)[0] / len(chosen)
    assert (learned[2:4] > solved[2:4]).all()
    assert (learned.diff() > 1).all()


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_every_weight_has_a_finite_nonzero_gradient(precision):
    network = perturbed().train()
    lightness, hints = random_input(72, 90, share=0.002)
    target = random_input(72, 90, share=1.0, seed=1)[1].ab
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        ab, auxiliary = network.with_auxiliary_loss(lightness, hints, target, torch.Generator().manual_seed(0))
    ((ab - target).abs().mean() + auxiliary).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


@any_weights
@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("level", [0.0, 100.0])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (16, 20)])
def test_gradients_are_finite_on_uniform_images_without_hints_or_with_all(build, share, level, height, width):
    network = build().train()
    lightness, hints = random_input(height, width, share)
    network(torch.full_like(lightness, level), hints).square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


@any_weights
def test_one_optimizer_step_reduces_the_loss(build):
    network = build().train()
    _, lightness, ab = natural(0, 3, size=64)
    generator = torch.Generator().manual_seed(0)
    hints = hints_from_mask(ab, (torch.rand(lightness.shape, generator=generator) < 0.005).float())
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    losses = []
    for _ in range(2):
        loss = (network(lightness, hints) - ab).abs().mean()
        losses.append(float(loss.detach()))
        loss.backward()
        optimizer.step()
    assert losses[1] < losses[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "model.width=0: must be an integer >= 4 .* a multiple of 2. Try model.width=16."),
        ({"width": 7}, "model.width=7: must be an integer >= 4 .* a multiple of 2. Try model.width=16."),
        ({"width": -2}, "model.width=-2: must be an integer >= 4 .* a multiple of 2. Try model.width=16."),
        (
            {"propagation_steps": -1},
            "model.propagation_steps=-1: must be an integer >= 0 .* Try model.propagation_steps=4.",
        ),
    ],
)
def test_invalid_options_raise_value_error(options, message):
    with pytest.raises(ValueError, match=message):
        SpreadNet(**options)


@pytest.mark.parametrize("stage", ["cells", "pyramid"])
def test_a_stage_trains_its_part_only(stage):
    torch.manual_seed(0)
    network = SpreadNet(width=4, semantic_width=8, attention_blocks=1, stage=stage).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    generator = torch.Generator().manual_seed(1)
    lightness, ab = 100 * torch.rand(2, 1, 32, 32), 40 * torch.randn(2, 2, 32, 32)
    hints = hints_from_mask(ab, (torch.rand(2, 1, 32, 32) < 0.1).float())
    for _ in range(2):  # the first step only moves the last layers, which begin with 0
        optimizer.zero_grad()
        prediction, loss = network.with_auxiliary_loss(lightness, hints, ab, generator)
        ((prediction - ab).square().mean() + loss).backward()
        optimizer.step()
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    of_cells = {name for name in before if name.startswith(("semantic_encoder.", "prior_attention."))}
    assert changed
    assert changed <= of_cells if stage == "cells" else not changed & of_cells
    trained = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert len(trained - changed) < 0.3 * len(trained)


def test_whole_network_colors_after_training_the_cells():
    torch.manual_seed(0)
    options = {"width": 4, "semantic_width": 8, "attention_blocks": 1}
    trained, whole = SpreadNet(**options, stage="cells"), SpreadNet(**options).eval()
    whole.load_state_dict(trained.state_dict())
    lightness, ab = 100 * torch.rand(1, 1, 32, 32), 40 * torch.randn(1, 2, 32, 32)
    hints = hints_from_mask(ab, (torch.rand(1, 1, 32, 32) < 0.1).float())
    assert not torch.equal(trained.train()(lightness, hints), whole(lightness, hints))
    assert torch.equal(trained.eval()(lightness, hints), whole(lightness, hints))
