"""Protocols of published systems agree with NumPy and scikit-image, image by image."""

import hashlib
import itertools

import numpy as np
import pytest
import scipy.stats
import skimage.data
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.evaluation.hint_counts import evaluate_hint_counts
from chromahint.evaluation.protocols.base import LabImages
from chromahint.evaluation.protocols.cells_2023 import Cells2023
from chromahint.evaluation.protocols.lab_psnr_2021 import LabPSNR2021
from chromahint.evaluation.protocols.patches_2017 import Patches2017
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.hints.eval_positions import positions
from chromahint.hints.hints import Hints
from chromahint.models.pullpush import PullPush

SIZE = 64
IDS = ["a", "b", "c"]
PROTOCOLS = {
    "lab": LabPSNR2021([0, 5, 200], SIZE, seed=3),
    "patches": Patches2017([0, 1, 5, 40], SIZE, seed=3),
    "cells": Cells2023([0, 1, 20, 1024], SIZE, seed=3),
}
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=list(PROTOCOLS))


@pytest.fixture(scope="module")
def photos():
    astronaut = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1)
    return torch.stack([astronaut[:, top : top + SIZE, 200 : 200 + SIZE] for top in (50, 200, 350)])


@pytest.fixture(scope="module")
def truth(photos):
    return LabImages.from_rgb(photos)


def black(size):
    return LabImages.from_rgb(torch.zeros(1, 3, size, size, dtype=torch.uint8))


@pytest.fixture(scope="module")
def pair(photos):
    """Predictions of pull-push from 100 hints per photo, and the photos."""
    truth = LabImages(*rgb_to_lab(photos), photos)
    hints = RandomPixels([100], SIZE).hints(truth, IDS, 100)
    predicted_ab = PullPush()(truth.lightness, hints) * 1.1
    return LabImages(truth.lightness, predicted_ab, lab_to_rgb8(truth.lightness, predicted_ab)), truth


def paint_squares(ab, squares):
    """Paint squares (top, left, side) one after the other, each with the photo's mean color."""
    color, mask = np.zeros_like(ab), np.zeros((1, *ab.shape[1:]), ab.dtype)
    for top, left, side in squares:
        here = (slice(None), slice(top, top + side), slice(left, left + side))
        color[here] = ab[here].mean((1, 2), keepdims=True)
        mask[here] = 1
    return color, mask


def squares_2017(name, count):
    digest = hashlib.blake2b(f"3/{name}".encode(), digest_size=16).digest()
    numbers = np.random.Philox(key=int.from_bytes(digest, "little")).random_raw(2 * count).astype(float) / 2**64
    places = SIZE - 6 + 1
    drawn = scipy.stats.norm.ppf(numbers, places / 2, places / 4)
    corners = np.floor(drawn).clip(0, places - 1).astype(int).reshape(count, 2)
    return [(top, left, 6) for top, left in corners]


def squares_2023(name, count):
    cells = positions(name, 3, SIZE // 2, SIZE // 2, count)
    return [(2 * row, 2 * column, 2) for row, column in zip(*np.divmod(cells, SIZE // 2), strict=True)]


@pytest.mark.parametrize(("name", "squares"), [("patches", squares_2017), ("cells", squares_2023)])
def test_hints_agree_with_numpy(name, squares, truth):
    protocol = PROTOCOLS[name]
    for count in protocol.hint_counts:
        hints = protocol.hints(truth, IDS, count)
        for index, image_id in enumerate(IDS):
            color, mask = paint_squares(truth.ab[index].numpy(), squares(image_id, count))
            np.testing.assert_array_equal(hints.mask[index].numpy(), mask)
            np.testing.assert_allclose(hints.ab[index].numpy(), color, atol=1e-3)


def test_patches_of_this_test_overlap():
    _, mask = paint_squares(np.zeros((2, SIZE, SIZE)), squares_2017("a", 40))
    assert mask.sum() < 40 * 36


def test_number_of_cells_is_exact_and_an_odd_border_has_no_hints():
    odd = Cells2023([30], 33)
    mask = odd.hints(black(33), ["a"], 30).mask[0, 0]
    assert mask.sum() == 30 * 4
    assert mask[-1].sum() == mask[:, -1].sum() == 0
    whole = odd.hints(black(33), ["a"], odd.max_hints).mask[0, 0]
    assert whole[:-1, :-1].min() == 1


def test_positions_of_2021_are_those_of_random_pixels(truth):
    expected = RandomPixels([200], SIZE, seed=3).hints(truth, IDS, 200)
    hints = PROTOCOLS["lab"].hints(truth, IDS, 200)
    assert torch.equal(hints.mask, expected.mask)
    assert torch.equal(hints.ab, expected.ab)


@every_protocol
def test_positions_of_fewer_hints_are_a_subset(protocol, truth):
    masks = [protocol.hints(truth, IDS, count).mask for count in protocol.hint_counts]
    assert masks[0].sum() == 0
    for fewer, more in itertools.pairwise(masks):
        assert (fewer <= more).all()
        assert fewer.sum() < more.sum()


@every_protocol
def test_hints_depend_on_neither_batch_nor_order(protocol, truth):
    count = protocol.hint_counts[2]
    together = protocol.hints(truth, IDS, count)
    backwards = protocol.hints(LabImages(*(part.flip(0) for part in truth)), IDS[::-1], count)
    alone = protocol.hints(LabImages(*(part[1:2] for part in truth)), IDS[1:2], count)
    assert torch.equal(together.mask, backwards.mask.flip(0))
    assert torch.equal(together.mask[1:2], alone.mask)
    torch.testing.assert_close(together.ab, backwards.ab.flip(0), atol=1e-4, rtol=0)
    torch.testing.assert_close(together.ab[1:2], alone.ab, atol=1e-4, rtol=0)


@every_protocol
def test_counts_beyond_those_of_the_protocol_are_supported(protocol, truth):
    more = protocol.hints(truth, IDS, 1000)
    assert (protocol.hints(truth, IDS, protocol.hint_counts[2]).mask <= more.mask).all()


@every_protocol
def test_positions_differ_between_images_and_seeds(protocol, truth):
    hints = protocol.hints(truth, IDS, 5)
    assert not torch.equal(hints.mask[0], hints.mask[1])
    other = type(protocol)([5], SIZE, seed=4).hints(truth, IDS, 5)
    assert not torch.equal(hints.mask, other.mask)


def to_lab8(images, index):
    """Convert an image to OpenCV's 8-bit Lab, HxWx3."""
    lightness, color = images.lightness[index].double().numpy(), images.ab[index].double().numpy()
    return np.rint(np.concatenate([lightness * 255 / 100, color + 128]).clip(0, 255)).astype(np.uint8)


def test_psnr_of_2021_is_that_of_the_8_bit_lab_tensor(pair):
    prediction, truth = pair
    for index, value in enumerate(PROTOCOLS["lab"].measure(*pair)["psnr"].tolist()):
        tensors = to_lab8(truth, index), to_lab8(prediction, index)
        assert value == pytest.approx(peak_signal_noise_ratio(*tensors, data_range=255), abs=0.01)


def test_psnr_of_2017_is_that_of_8_bit_rgb(pair):
    prediction, truth = pair
    for index, value in enumerate(PROTOCOLS["patches"].measure(*pair)["psnr"].tolist()):
        images = truth.rgb[index].numpy(), prediction.rgb[index].numpy()
        assert value == pytest.approx(peak_signal_noise_ratio(*images, data_range=255), abs=1e-3)


def test_psnr_of_2023_is_that_of_unrounded_rgb(pair, photos):
    from skimage.color import lab2rgb

    prediction, _ = pair
    for index, value in enumerate(PROTOCOLS["cells"].measure(*pair)["psnr"].tolist()):
        lab = torch.cat([prediction.lightness[index], prediction.ab[index]]).permute(1, 2, 0).double().numpy()
        photo = photos[index].permute(1, 2, 0).numpy() / 255
        assert value == pytest.approx(peak_signal_noise_ratio(photo, lab2rgb(lab), data_range=1), abs=2e-3)


def shift_colors(truth, shift):
    """Shift the colors of the photos."""
    moved = truth.ab + shift
    return LabImages(truth.lightness, moved, lab_to_rgb8(truth.lightness, moved))


def test_psnr_of_2023_does_not_round_to_8_bits(pair):
    truth = pair[1]
    exact = [PROTOCOLS["cells"].measure(shift_colors(truth, shift), truth)["psnr"] for shift in (1.0, 1.02)]
    rounded = [PROTOCOLS["patches"].measure(shift_colors(truth, shift), truth)["psnr"] for shift in (1.0, 1.02)]
    gaps = exact[0] - exact[1]
    assert ((gaps > 0.1) & (gaps < 0.25)).all(), "20 log10 of 1.02 is 0.172"
    assert not torch.allclose(exact[0], rounded[0], atol=1e-3)


@pytest.mark.parametrize(("name", "cap"), [("lab", 100.0), ("patches", 100.0), ("cells", 50.0)])
def test_psnr_of_a_perfect_image_is_the_cap(name, cap, pair):
    truth = pair[1]
    assert PROTOCOLS[name].measure(truth, truth)["psnr"].tolist() == [cap] * 3


def test_cap_of_2023_applies_per_image(pair):
    prediction, truth = pair
    mixed = LabImages(*(torch.cat([t[:1], p[1:]]) for t, p in zip(truth, prediction, strict=True)))
    values = PROTOCOLS["cells"].measure(mixed, truth)["psnr"].tolist()
    assert values[0] == 50
    assert values[1:] == pytest.approx(PROTOCOLS["cells"].measure(prediction, truth)["psnr"][1:].tolist(), abs=1e-4)


@every_protocol
def test_ssim_of_8_bit_rgb_agrees_with_scikit_image(protocol, pair):
    prediction, truth = pair
    for index, value in enumerate(protocol.measure(*pair)["ssim"].tolist()):
        both = (images.rgb[index].permute(1, 2, 0).numpy() for images in (truth, prediction))
        assert value == pytest.approx(structural_similarity(*both, channel_axis=2, data_range=255), abs=2e-5)


@every_protocol
def test_autocast_does_not_affect_scores(protocol, pair):
    expected = protocol.measure(*pair)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = protocol.measure(*pair)
    assert scores.keys() == expected.keys()
    assert all(torch.equal(scores[name], expected[name]) for name in expected)


@every_protocol
def test_evaluation_uses_the_protocols_metrics(protocol, photos, truth):
    def offset(lightness, hints):
        return hints.ab + 3

    lightness = truth.lightness
    results = list(evaluate_hint_counts(offset, photos, IDS, protocol))
    assert [result.count for result in results] == protocol.hint_counts
    for result in results:
        predicted_ab = protocol.hints(truth, IDS, result.count).ab + 3
        scores = protocol.measure(LabImages(lightness, predicted_ab, lab_to_rgb8(lightness, predicted_ab)), truth)
        torch.testing.assert_close(result.scores, scores)


def test_defaults_are_the_published_ones():
    assert (LabPSNR2021().hint_counts, LabPSNR2021().size) == ([round(128**2 * q) for q in (0.01, 0.03, 0.05)], 128)
    assert (Patches2017().hint_counts, Patches2017().size) == ([0, 1, 2, 5, 10, 20, 50, 100, 200, 501], 256)
    assert (Cells2023().hint_counts, Cells2023().size) == ([0, 1, 2, 5, 10, 20, 50, 100, 200], 224)


def test_names():
    names = [protocol.name for protocol in (RandomPixels(), LabPSNR2021(), Patches2017(), Cells2023())]
    assert names == ["random_pixels", "lab_psnr_2021", "patches_2017", "cells_2023"]


@pytest.mark.parametrize("protocol", [LabPSNR2021, Patches2017, Cells2023])
def test_error_messages_suggest_a_value(protocol):
    with pytest.raises(ValueError, match=r"Try 'protocol.hint_counts=\[1,10\]'"):
        protocol([10, 1], 16)
    with pytest.raises(ValueError, match=r"protocol\.size=6"):
        protocol([1], 6)
    with pytest.raises(ValueError, match=rf"{protocol.name}.* Use protocol.size=32"):
        protocol([1], 16).hints(black(32), ["a"], 1)


def test_error_if_there_are_fewer_cells_than_hints():
    with pytest.raises(ValueError, match=r"\(size // 2\) \*\* 2 = 64 at .*\. Try 'protocol.hint_counts=\[1,64\]'"):
        Cells2023([1, 64, 65], 16)
    assert isinstance(Cells2023([64], 16).hints(black(16), ["a"], 64), Hints)
