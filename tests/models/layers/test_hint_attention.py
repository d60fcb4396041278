"""Looking for hints against slow loops: for each place, a softmax over the cells that it looks at."""

import numpy as np
import pytest
import torch

from chromahint.models.layers.hint_attention import HintAttention, hint_density

CHANNELS = 6


def disturbed(seed=0, **options):
    """Every weight drawn, so that none is where it starts; where a logarithm starts, by a little."""
    torch.manual_seed(seed)
    seek = HintAttention(CHANNELS, **options)
    with torch.no_grad():
        for parameter in seek.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return seek.eval()


def surroundings(height, width, share=0.1, batch=1, seed=0):
    """Features, lightness, hints some of which weigh less than 1, and what places go by so far."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(channels):
        return torch.rand(batch, channels, height, width, generator=generator)

    features, lightness = 2 * drawn(CHANNELS) - 1, 100 * drawn(1)
    weight = (drawn(1) < share) * (1 - 0.7 * drawn(1) * (drawn(1) < 0.5))
    ab = 160 * drawn(2) - 80
    known = torch.cat([ab, lightness + 4 * drawn(1), (ab / 110).square().sum(dim=1, keepdim=True)], dim=1)
    state = torch.cat([160 * drawn(2) - 80, 100 * drawn(1), drawn(1)], dim=1)
    return features, lightness, torch.cat([known * weight, weight], dim=1), state


def look(seek, features, lightness, known, state):
    return seek(features, lightness, known, hint_density(known[:, 4:]), state)


def matrix(conv, x):
    """A 1x1 convolution of one place."""
    return conv.weight.detach().double().numpy()[:, :, 0, 0] @ x + conv.bias.detach().double().numpy()


def gathered(seek, features, known, unit, side):
    """The cells that have a hint: {(row, column): (keys, ab / 110, L / 100, place)}, means by weight."""
    height, width = known.shape[-2:]
    cells = {}
    for top in range(0, height, side):
        for left in range(0, width, side):
            places = [(y, x) for y in range(top, min(top + side, height)) for x in range(left, min(left + side, width))]
            total = sum(known[4, y, x] for y, x in places)
            if total > 0:
                mean = sum(
                    known[4, y, x] * np.array([*matrix(seek.key, features[:, y, x]), y / unit, x / unit])
                    for y, x in places
                )
                hint = sum(known[:3, y, x] for y, x in places)
                mean, hint = mean / total, hint / total
                keys = mean[:-2].reshape(seek.heads, -1)
                cells[top // side, left // side] = (keys, hint[:2] / 110, hint[2] / 100, mean[-2:])
    return cells


def reference(seek, features, lightness, known, state):
    """What one picture's places find, and how far they trust it."""
    features, lightness, known, state = (x.double().numpy() for x in (features, lightness, known, state))
    height, width = lightness.shape[-2:]
    longer = max(height, width)
    unit, side = (1, 4) if seek.window else (longer, -(-longer // 32))
    hints = max(known[4].sum(), 1)
    near = np.exp([seek.near[e % len(seek.near)].item() + (0 if seek.window else seek.crowd[e].item()) * np.log(hints)
                   for e in range(seek.heads)])  # fmt: skip
    alike = np.exp(seek.alike.tolist())
    cells = gathered(seek, features, known, unit, side)
    found, trust = np.zeros((4, height, width)), np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            light, place = lightness[0, y, x] / 100, np.array([y, x]) / unit
            query = matrix(seek.query, features[:, y, x]).reshape(seek.heads, -1)
            seen = [
                cell
                for (row, column), cell in cells.items()
                if not seek.window or max(abs(row - y // side), abs(column - x // side)) <= seek.window // 2
            ]
            about, answers = [], []
            for e in range(seek.heads):
                if not seen:
                    about.append(np.zeros(8))
                    answers.append(np.zeros(4))
                    continue
                like = [keys[e] @ query[e] / query.shape[1] ** 0.5 for keys, *_ in seen]
                distance = [((place - where) ** 2).sum() for *_, where in seen]
                unlike = [(light - hint_light) ** 2 for *_, hint_light, _ in seen]
                score = np.array(like) - near[e] * np.array(distance) - alike[e] * np.array(unlike)
                share = np.exp(score - score.max())
                share /= share.sum()
                ab = sum(s * cell[1] for s, cell in zip(share, seen, strict=True))
                mean_light = sum(s * cell[2] for s, cell in zip(share, seen, strict=True))
                squares = sum(s * (cell[1] ** 2).sum() for s, cell in zip(share, seen, strict=True))
                differ = abs(110 * ab - state[:2, y, x]).sum()
                about.append(
                    [
                        *ab, 5 * (mean_light - light), share @ distance * (0.01 if seek.window else hints / 10),
                        10 * (squares - (ab**2).sum()), 1, share @ like, differ / 20,
                    ]
                )  # fmt: skip
                answers.append([*(110 * ab), 100 * mean_light, squares])
            density = known[4, max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3].sum() / 25
            here = [*features[:, y, x], density, (lightness[0, y, x] - state[2, y, x]) / 20]
            judged = matrix(seek.judge[2], matrix(seek.judge[0], np.concatenate([here, *about])).clip(min=0))
            choice = np.exp(judged[1:] - judged[1:].max())
            found[:, y, x] = choice / choice.sum() @ np.array(answers)
            trust[y, x] = (1 / (1 + np.exp(-judged[0]))) * bool(seen)
    return found, trust


def compare(seek, *some):
    """With gradients all places look at all cells; without only where a hint is."""
    expected = [reference(seek, *(part[number] for part in some)) for number in range(len(some[0]))]
    for is_training in (True, False):
        with torch.set_grad_enabled(is_training):
            found, trust = (x.detach() for x in look(seek, *some))
        assert trust.shape == some[1].shape
        for number, (expected_found, expected_trust) in enumerate(expected):
            np.testing.assert_allclose(found[number], expected_found, atol=0.02)
            np.testing.assert_allclose(trust[number, 0], expected_trust, atol=2e-4)
    return trust


@pytest.mark.parametrize(("height", "width", "share"), [(1, 1, 1.0), (3, 1, 0.7), (13, 22, 0.1), (30, 9, 0.03)])
@pytest.mark.parametrize(("window", "heads"), [(5, 1), (3, 2)])
def test_window_equals_plain_loops(height, width, share, window, heads):
    seek = disturbed(features=4, heads=heads, window=window)
    compare(seek, *surroundings(height, width, share, batch=2))


@pytest.mark.parametrize(("height", "width", "share"), [(1, 1, 1.0), (1, 7, 0.5), (13, 22, 0.1), (35, 18, 0.05)])
@pytest.mark.parametrize("heads", [1, 3])
def test_whole_picture_equals_plain_loops(height, width, share, heads):
    compare(disturbed(features=4, heads=heads), *surroundings(height, width, share, batch=2))


def test_places_that_see_no_hint_find_nothing_and_trust_nothing():
    features, lightness, known, state = surroundings(13, 40, share=1.0)
    known[..., 3:] = 0
    seek = disturbed(features=4, window=3)
    trust = compare(seek, features, lightness, known, state)
    assert trust[..., :8].min() > 0  # the window reaches one cell of four places to each side
    assert not trust[..., 8:].any()
    assert not look(seek, features, lightness, known, state)[0][..., 8:].any()


@pytest.mark.parametrize("window", [0, 5])
def test_without_hints_nothing_is_found_or_trusted(window):
    features, lightness, known, state = surroundings(9, 14, batch=2)
    found, trust = look(
        disturbed(features=4, heads=2, window=window), features, lightness, torch.zeros_like(known), state
    )
    assert not found.any()
    assert not trust.any()


@pytest.mark.parametrize("corner", [np.s_[..., :20, :20], np.s_[..., -20:, -20:]])
@pytest.mark.parametrize("window", [0, 15])
def test_hints_of_one_color_are_found_from_the_farthest_place_however_many(window, corner):
    """What has no hint never counts as gray, in a way of comparing that minds distance much either."""
    torch.manual_seed(0)
    color = torch.tensor([30.0, 20.0, 50.0, 1300 / 110**2, 1.0]).view(1, 5, 1, 1)
    known = torch.zeros(1, 5, 32, 32)
    known[corner] = color
    seek = HintAttention(CHANNELS, heads=4, window=window)
    if not window:
        torch.nn.init.constant_(seek.crowd, 1.0)
    found, trust = look(
        seek, torch.zeros(1, CHANNELS, 32, 32), torch.full((1, 1, 32, 32), 50.0), known, torch.zeros(1, 4, 32, 32)
    )
    torch.testing.assert_close(found, color[:, :4].expand_as(found), atol=0.01, rtol=0)
    assert trust.min() > 0


@pytest.mark.parametrize("turn", [[2], [3], [2, 3]])
@pytest.mark.parametrize("far", [2.0, 4.0])
@pytest.mark.parametrize("window", [0, 7])
def test_a_turned_picture_finds_the_turned_colors_however_far_the_hints(window, far, turn):
    """Many hints in one corner, and a network that learned to mind distance."""
    features, lightness, known, state = surroundings(32, 32, share=1.0)
    known[:, :, 8:] = 0
    known[..., 8:] = 0
    seek = disturbed(features=4, window=window)
    torch.nn.init.constant_(seek.near, far)
    plain, turned = (
        look(seek, features, lightness, known, state),
        look(seek, *(x.flip(turn) for x in (features, lightness, known, state))),
    )
    for some, other in zip(plain, turned, strict=True):
        torch.testing.assert_close(other.flip(turn), some, atol=0.05, rtol=0)


@pytest.mark.parametrize("window", [0, 5])
def test_every_weight_has_a_finite_gradient_that_is_not_zero(window):
    torch.manual_seed(0)
    seek = disturbed(features=4, heads=2, window=window)
    found, trust = look(seek, *surroundings(21, 18, batch=2))
    (trust * found.square()).mean().backward()
    for name, parameter in seek.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name
