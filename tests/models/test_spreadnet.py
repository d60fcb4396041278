"""SpreadNet obeys hints, reads a picture once, and is ahead of Levin's solver before it has learned anything."""

import pytest
import torch

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.evaluation.metrics import psnr
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.hints.hints import Hints, hints_from_mask, no_hints
from chromahint.models import spreadnet
from chromahint.models.levin import Levin
from chromahint.models.spreadnet import SpreadNet
from support.random_weights import disturbed_state


def untrained(width=8, steps=2):
    torch.manual_seed(0)
    return SpreadNet(width, steps).eval()


def disturbed(width=8, steps=2):
    """No layer of it is silent."""
    network = untrained(width, steps)
    network.load_state_dict(disturbed_state(network))
    return network


any_weights = pytest.mark.parametrize("make", [untrained, disturbed])


def scattered(height, width, share=0.05, batch=2, seed=0):
    """Noise, colors that no photo has, and a random share of them as hints."""
    generator = torch.Generator().manual_seed(seed)
    lightness = 100 * torch.rand(batch, 1, height, width, generator=generator)
    ab = 220 * torch.rand(batch, 2, height, width, generator=generator) - 110
    return lightness, hints_from_mask(ab, (torch.rand(batch, 1, height, width, generator=generator) < share).float())


def natural(*numbers, size=256):
    """Photos: rgb, lightness, ab."""
    tiles = NaturalTiles(size)
    rgb = torch.stack([torch.from_numpy(tiles.read(number).copy()).permute(2, 0, 1) for number in numbers])
    return rgb, *rgb_to_lab(rgb)


def test_default_network_is_small():
    with torch.device("meta"):
        assert sum(p.numel() for p in SpreadNet().parameters()) < 3e6


@any_weights
@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (37, 50), (64, 48)])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.7])
def test_hinted_pixels_come_back(make, steps, height, width, share):
    lightness, hints = scattered(height, width, share)
    hints.mask[1, :, height // 2, width // 2] = 1
    with torch.no_grad():
        ab = make(steps=steps)(lightness, hints)
    said = hints.mask.expand_as(ab) == 1
    torch.testing.assert_close(ab[said], hints.ab[said], atol=1e-3, rtol=0)


@any_weights
def test_hinted_pixels_come_back_in_mixed_precision_and_while_it_trains(make):
    lightness, hints = scattered(40, 56)
    said = hints.mask.expand(-1, 2, -1, -1) == 1
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        ab = make().train()(lightness, hints)
    torch.testing.assert_close(ab[said], hints.ab[said], atol=1e-3, rtol=0)


@any_weights
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (37, 50)])
def test_a_picture_hinted_everywhere_comes_back_whole(make, height, width):
    lightness, hints = scattered(height, width, share=1.0)
    assert hints.mask.all()
    with torch.no_grad():
        torch.testing.assert_close(make()(lightness, hints), hints.ab, atol=1e-3, rtol=0)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (37, 50), (32, 48)])
def test_untrained_without_hints_the_picture_is_exactly_gray(height, width):
    lightness, _ = scattered(height, width)
    assert not untrained()(lightness, no_hints(lightness)).any()


@pytest.mark.parametrize(("height", "width"), [(1, 2), (37, 50), (80, 16)])
def test_untrained_one_hint_colors_the_whole_picture(height, width):
    lightness, _ = scattered(height, width)
    ab, mask = torch.zeros(2, 2, height, width), torch.zeros(2, 1, height, width)
    ab[:, 0, height // 3, width // 3], ab[:, 1, height // 3, width // 3] = 40.0, -20.0
    mask[:, :, height // 3, width // 3] = 1
    with torch.no_grad():
        found = untrained()(lightness, Hints(ab, mask))
    torch.testing.assert_close(found[:, 0], torch.full((2, height, width), 40.0), atol=0.01, rtol=0)
    torch.testing.assert_close(found[:, 1], torch.full((2, height, width), -20.0), atol=0.01, rtol=0)


@any_weights
def test_one_reading_serves_every_hint(make):
    network = make()
    lightness, some = scattered(37, 50)
    others = [some, no_hints(lightness), scattered(37, 50, share=0.3, seed=1)[1], some]
    with torch.no_grad():
        reading = network.read(lightness)
        answers = [network.spread(reading, hints) for hints in others]
        for answer, hints in zip(answers, others, strict=True):
            assert torch.equal(answer, network(lightness, hints))
    assert torch.equal(answers[0], answers[3])
    assert (answers[0] - answers[2]).abs().mean() > 1


@any_weights
@pytest.mark.parametrize(("height", "width"), [(131, 34), (64, 50)])
def test_a_large_picture_in_strips_is_the_same_as_at_once(monkeypatch, make, height, width):
    lightness, hints = scattered(height, width)
    network = make()
    with torch.no_grad():
        at_once = network(lightness, hints)
        monkeypatch.setattr(spreadnet, "_AT_ONCE", 0)
        torch.testing.assert_close(network(lightness, hints), at_once, atol=0.01, rtol=0)


@any_weights
@pytest.mark.parametrize(("height", "width"), [(5, 3), (37, 50)])
def test_pictures_of_a_batch_do_not_meet(make, height, width):
    network = make()
    pictures = [scattered(height, width, share, batch=1, seed=seed) for seed, share in enumerate((0.0, 0.01, 0.1, 1.0))]
    lightness = torch.cat([light for light, _ in pictures])
    hints = Hints(*(torch.cat(parts) for parts in zip(*(hint for _, hint in pictures), strict=True)))
    with torch.no_grad():
        together = network(lightness, hints)
        alone = torch.cat([network(*picture) for picture in pictures])
    torch.testing.assert_close(together, alone, atol=2e-3, rtol=0)


@any_weights
def test_a_hint_beside_its_place_changes_far_colors_much_less_than_one_of_another_color(make):
    rows, columns = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 80), indexing="ij")
    lightness = (40 + 20 * rows + 10 * columns)[None, None]
    network = make()

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


def test_untrained_is_closer_to_photos_than_levin_and_more_hints_help():
    torch.manual_seed(0)
    network, levin = SpreadNet().eval(), Levin()
    counts, tiles = (1, 10, 100, 328, 1966), NaturalTiles()
    learned, solved = torch.zeros(len(counts)), torch.zeros(len(counts))
    for number in range(len(tiles)):
        rgb, lightness, ab = natural(number)
        with torch.no_grad():
            reading = network.encode(lightness)
            for place, count in enumerate(counts):
                hints = RandomPixels().hints(ab, [tiles.identify(number)], count)
                learned[place] += psnr(lab_to_rgb8(lightness, network.propagate(reading, hints)), rgb)[0] / len(tiles)
                if count in (100, 328):
                    solved[place] += psnr(lab_to_rgb8(lightness, levin(lightness, hints)), rgb)[0] / len(tiles)
    assert (learned[2:4] > solved[2:4]).all()
    assert (learned.diff() > 1).all()


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_every_weight_has_a_finite_gradient_that_is_not_zero(precision):
    network = disturbed().train()
    lightness, hints = scattered(72, 90, share=0.002)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        ab = network(lightness, hints)
    (ab - scattered(72, 90, share=1.0, seed=1)[1].ab).abs().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


@any_weights
@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("level", [0.0, 100.0])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (16, 20)])
def test_gradients_stay_finite_on_even_pictures_with_no_hint_or_all(make, share, level, height, width):
    network = make().train()
    lightness, hints = scattered(height, width, share)
    network(torch.full_like(lightness, level), hints).square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


@any_weights
def test_a_step_along_the_gradient_brings_photos_closer(make):
    network = make().train()
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
    ("options", "words"),
    [
        ({"width": 0}, "model.width=0: an even number .* type model.width=16"),
        ({"width": 7}, "model.width=7: an even number .* type model.width=16"),
        ({"width": -2}, "model.width=-2: an even number .* type model.width=16"),
        ({"steps": -1}, "model.propagation_steps=-1: 0 or more .* type model.propagation_steps=4"),
    ],
)
def test_says_what_is_allowed(options, words):
    with pytest.raises(ValueError, match=words):
        SpreadNet(**options)
