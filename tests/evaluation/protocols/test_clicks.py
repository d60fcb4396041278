"""Simulated clicks follow their rule, which this file states once more in NumPy loops."""

import numpy as np
import pytest
import skimage.data
import torch

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.evaluation.hint_counts import evaluate_hint_counts
from chromahint.evaluation.protocols.base import InteractiveProtocol, LabImages
from chromahint.evaluation.protocols.clicks import Clicks
from chromahint.evaluation.protocols.regions import Regions
from chromahint.hints.hints import no_hints
from chromahint.models.gray_baseline import GrayBaseline
from chromahint.models.pullpush import PullPush

SIZE = 48
IDS = ["a", "b"]
PROTOCOL = Clicks([0, 1, 3, 6], size=SIZE)


def no_proposal(hints):
    raise AssertionError("the clicks of chooser=error don't ask the network")


@pytest.fixture(scope="module")
def photos():
    astronaut = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1)
    return torch.stack([astronaut[:, top : top + SIZE, 200 : 200 + SIZE] for top in (50, 350)])


def reflect(index, size):
    """Reflect an index at the border, without repeating the border: -1 is 1."""
    index = abs(index)
    return 2 * (size - 1) - index if index >= size else index


def window(image, row, column, side):
    """Return the side x side pixels around a pixel."""
    height, width = image.shape[-2:]
    rows = [reflect(row + step, height) for step in range(-(side // 2), side // 2 + 1)]
    columns = [reflect(column + step, width) for step in range(-(side // 2), side // 2 + 1)]
    return image[..., rows, :][..., columns]


def next_click(ab, truth_ab):
    """Return the pixel of the next click and its color, by the rule."""
    distance = np.sqrt(((ab - truth_ab) ** 2).sum(axis=0))
    side = SIZE // 15 // 2 * 2 + 1
    best, best_place = -1.0, None
    for row in range(SIZE):
        for column in range(SIZE):
            smooth = window(distance, row, column, side).mean()
            if smooth > best + 1e-4:
                best, best_place = smooth, (row, column)
    patch = window(truth_ab, *best_place, 5)
    return best_place, [np.median(patch[0]), np.median(patch[1])]


def test_clicks_follow_the_rule(photos):
    results = list(evaluate_hint_counts(PullPush(), photos, IDS, PROTOCOL))
    assert [result.count for result in results] == list(range(7))
    lightness, truth_ab = rgb_to_lab(photos)
    for image in range(2):
        ab, mask = torch.zeros(1, 2, SIZE, SIZE), torch.zeros(1, 1, SIZE, SIZE)
        for result in results:
            assert torch.equal(result.hints.mask[image], mask[0])
            np.testing.assert_allclose(result.hints.ab[image].numpy(), ab[0].numpy(), atol=1e-3)
            predicted = PullPush()(lightness[image : image + 1], type(result.hints)(ab, mask))
            assert torch.equal(result.prediction[image], lab_to_rgb8(lightness[image : image + 1], predicted)[0])
            place, color = next_click(predicted[0].numpy(), truth_ab[image].numpy())
            ab[0, :, place[0], place[1]] = torch.tensor(color)
            mask[0, 0, place[0], place[1]] = 1


@pytest.mark.parametrize(("size", "side"), [(256, 17), (224, 15), (48, 3), (16, 1)])
def test_window_is_a_fifteenth_of_the_side(size, side):
    assert Clicks(size=size, hint_counts=[0]).window == side


def test_first_of_equal_pixels_is_clicked_even_if_it_has_a_hint():
    """A photo of one color leaves the same difference everywhere, even after clicks that the network ignores."""
    truth = LabImages.from_rgb(torch.full((1, 3, 16, 16), 90, dtype=torch.uint8))
    truth = truth._replace(ab=truth.ab + 20)
    hints, result = no_hints(truth.lightness), truth._replace(ab=torch.zeros_like(truth.ab))
    for _ in range(3):
        hints = Clicks(size=16).next_hints(result, truth, hints, no_proposal)
        assert hints.mask.flatten().nonzero().flatten().tolist() == [0]
    assert torch.equal(hints.ab[0, :, 0, 0], truth.ab[0, :, 0, 0])


def test_clicks_do_not_depend_on_the_batch(photos):
    together = list(evaluate_hint_counts(PullPush(), photos, IDS, PROTOCOL))
    alone = list(evaluate_hint_counts(PullPush(), photos[1:], IDS[1:], PROTOCOL))
    for many, one in zip(together, alone, strict=True):
        assert torch.equal(many.hints.mask[1:], one.hints.mask)
        torch.testing.assert_close({k: v[1:] for k, v in many.scores.items()}, one.scores, atol=1e-4, rtol=1e-5)


def test_stuck_images_are_not_colored_again(photos):
    """The first image ignores its hints, so its second click hits the first one's pixel and its result stays."""
    colored = []

    class IgnoresHintsOfTheFirst(PullPush):
        def encode(self, lightness):
            return {"image": torch.arange(len(lightness)), "lightness": (lightness,)}

        def propagate(self, encoding, hints):
            colored.append(encoding["image"].tolist())
            ab = self(*encoding["lightness"], hints)
            return torch.where(encoding["image"].view(-1, 1, 1, 1) == 0, 20.0, ab)

    results = list(evaluate_hint_counts(IgnoresHintsOfTheFirst(), photos, IDS, PROTOCOL))
    assert colored == [[0, 1]] * 2 + [[1]] * 5
    assert [result.hints.mask.sum((1, 2, 3)).tolist() for result in results] == [
        [min(count, 1), count] for count in range(7)
    ]
    alone = list(evaluate_hint_counts(PullPush(), photos[1:], IDS[1:], PROTOCOL))
    for result, one in zip(results, alone, strict=True):
        assert torch.equal(result.prediction[0], results[0].prediction[0])
        assert torch.equal(result.prediction[1], one.prediction[0])
        for name, values in result.scores.items():
            assert values.tolist() == [results[0].scores[name][0], one.scores[name][0]]


def test_clicks_depend_on_the_networks_results(photos):
    masks = [
        list(evaluate_hint_counts(network, photos, IDS, PROTOCOL))[-1].hints.mask
        for network in (PullPush(), GrayBaseline())
    ]
    assert not torch.equal(*masks)


def test_clicks_need_a_network(photos):
    truth = LabImages.from_rgb(photos)
    assert PROTOCOL.hints(truth, IDS, 0).mask.sum() == 0
    with pytest.raises(ValueError, match="protocol=clicks: each click depends on .* Use protocol=regions"):
        PROTOCOL.hints(truth, IDS, 1)
    with pytest.raises(ValueError, match=r"48x48 pixels.* Use protocol.size=48"):
        Clicks(size=64).next_hints(truth, truth, no_hints(truth.lightness), no_proposal)


def test_only_clicks_are_interactive():
    assert isinstance(PROTOCOL, InteractiveProtocol)
    assert not isinstance(Regions(), InteractiveProtocol)


def test_model_chooses_the_clicks(photos):
    """A click hits the center of the cell with the largest expected gain that has no hint yet."""

    class Proposes(PullPush):
        def encode(self, lightness):
            return lightness

        def propagate(self, encoding, hints):
            return self(encoding, hints)

        def expected_error(self, encoding, hints):
            raise NotImplementedError

        def expected_gain(self, encoding, hints):
            return torch.arange(16.0).view(1, 1, 4, 4).expand(len(encoding), -1, -1, -1)

    protocol = Clicks([0, 1, 3], size=SIZE, chooser="model")
    results = list(evaluate_hint_counts(Proposes(), photos, IDS, protocol))
    centers = [(42, 42), (42, 30), (42, 18)]
    for count, result in enumerate(results):
        places = [tuple(place) for place in result.hints.mask[1, 0].nonzero().tolist()]
        assert sorted(places) == sorted(centers[:count])
    with pytest.raises(ValueError, match="protocol.chooser=model: PullPush does not predict .* Use protocol.chooser"):
        list(evaluate_hint_counts(PullPush(), photos, IDS, protocol))
