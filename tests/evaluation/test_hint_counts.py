"""A network is evaluated with each number of hints."""

from types import SimpleNamespace

import pytest
import skimage.data
import torch

from chromahint.evaluation import hint_counts
from chromahint.evaluation.hint_counts import (
    HintCountResult,
    evaluate_hint_counts,
    to_rows,
)
from chromahint.evaluation.images_csv import ImageResult
from chromahint.evaluation.metrics import psnr, ssim
from chromahint.evaluation.protocols.base import LabImages
from chromahint.evaluation.protocols.cells_2023 import Cells2023
from chromahint.evaluation.protocols.lab_psnr_2021 import LabPSNR2021
from chromahint.evaluation.protocols.patches_2017 import Patches2017
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.models.hscaunet import HSCAUNet
from chromahint.models.pullpush import PullPush

PROTOCOL = RandomPixels(hint_counts=[0, 10, 100, 4096], size=64)
IDS = ["a", "b", "c"]


def photos():
    astronaut = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1)
    return torch.stack([astronaut[:, top : top + 64, 200:264] for top in (50, 200, 350)])


def copy_hints(lightness, hints):
    return hints.ab


def test_copying_all_pixels_as_hints_is_perfect():
    results = list(evaluate_hint_counts(copy_hints, photos(), IDS, PROTOCOL))
    assert [result.count for result in results] == PROTOCOL.hint_counts
    means = [float(result.scores["psnr"].mean()) for result in results]
    assert means == sorted(means)
    assert results[-1].scores["psnr"].tolist() == [100.0] * 3
    assert torch.equal(results[-1].prediction, photos())


def test_scores_are_those_of_the_8_bit_prediction():
    for result in evaluate_hint_counts(copy_hints, photos(), IDS, PROTOCOL):
        assert result.prediction.dtype == torch.uint8
        assert torch.equal(result.scores["psnr"], psnr(result.prediction, photos()))
        assert torch.equal(result.scores["ssim"], ssim(result.prediction, photos()))
        assert result.seconds > 0


def test_network_receives_lightness_and_the_hints_of_the_protocol():
    truth = LabImages.from_rgb(photos())
    calls = []

    def spy(given, hints):
        assert torch.is_inference_mode_enabled()
        calls.append((given, hints))
        return hints.ab

    list(evaluate_hint_counts(spy, photos(), IDS, PROTOCOL))
    for (given, hints), count in zip(calls, PROTOCOL.hint_counts, strict=True):
        assert torch.equal(given, truth.lightness)
        assert torch.equal(hints.mask, PROTOCOL.hints(truth, IDS, count).mask)


def test_autocast_does_not_affect_conversion_and_metrics():
    expected = [result.prediction for result in evaluate_hint_counts(copy_hints, photos(), IDS, PROTOCOL)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        results = list(evaluate_hint_counts(copy_hints, photos(), IDS, PROTOCOL))
    for result, prediction in zip(results, expected, strict=True):
        assert torch.equal(result.prediction, prediction)
        assert result.scores["ssim"].dtype == torch.float32


def test_result_of_an_image_does_not_depend_on_the_batch():
    batch = list(evaluate_hint_counts(copy_hints, photos(), IDS, PROTOCOL))
    single = list(evaluate_hint_counts(copy_hints, photos()[1:2], IDS[1:2], PROTOCOL))
    for many, one in zip(batch, single, strict=True):
        torch.testing.assert_close(many.scores["psnr"][1:2], one.scores["psnr"], atol=1e-4, rtol=0)
        torch.testing.assert_close(many.scores["ssim"][1:2], one.scores["ssim"], atol=1e-5, rtol=0)
        torch.testing.assert_close(many.prediction[1:2], one.prediction)


PROTOCOLS = {
    "pixels": RandomPixels([0, 1, 10, 100, 328], 64),
    "lab": LabPSNR2021([164, 492], 64),
    "patches": Patches2017([0, 1, 5, 50], 64),
    "cells": Cells2023([0, 2, 20], 64),
}


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=list(PROTOCOLS))
@pytest.mark.parametrize("network", [PullPush, lambda: HSCAUNet(4, zero_init_head=False)], ids=["pullpush", "hscaunet"])
def test_results_do_not_depend_on_the_number_of_counts_per_call(network, protocol, monkeypatch):
    torch.manual_seed(0)
    model = network().eval()
    sizes = []

    def record_batch_size(lightness, hints):
        assert len(lightness) == len(hints.ab) == len(hints.mask)
        sizes.append(len(lightness))
        return model(lightness, hints)

    separate = list(evaluate_hint_counts(record_batch_size, photos(), IDS, protocol))
    assert sizes == [3] * len(protocol.hint_counts)
    for calls in (1, 2):
        sizes.clear()
        groups = [group.tolist() for group in torch.tensor(protocol.hint_counts).tensor_split(calls)]
        monkeypatch.setattr(hint_counts, "_group_counts", lambda counts, rgb, groups=groups: groups)
        grouped = list(evaluate_hint_counts(record_batch_size, photos(), IDS, protocol))
        assert sizes == [3 * len(group) for group in groups]
        assert [result.count for result in grouped] == protocol.hint_counts
        for many, one in zip(grouped, separate, strict=True):
            torch.testing.assert_close(many.scores["psnr"], one.scores["psnr"], atol=1e-3, rtol=0)
            torch.testing.assert_close(many.scores["ssim"], one.scores["ssim"], atol=1e-5, rtol=0)
            assert (many.prediction.int() - one.prediction.int()).abs().max() <= 1


def test_time_of_a_call_is_averaged_over_its_images(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(hint_counts, "time", SimpleNamespace(perf_counter=lambda: 6.0 * next(clock)))
    monkeypatch.setattr(hint_counts, "_group_counts", lambda counts, rgb: [[0, 10], [100]])
    seconds = [result.seconds for result in evaluate_hint_counts(copy_hints, photos(), IDS, PROTOCOL)]
    assert seconds == [1.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("batch", "size", "groups"),
    [
        (8, 256, [[0, 1], [10, 100], [328, 1966]]),
        (4, 256, [[0, 1, 10], [100, 328, 1966]]),
        (2, 64, [[0, 1, 10, 100, 328, 1966]]),
        (64, 256, [[0], [1], [10], [100], [328], [1966]]),
    ],
)
def test_an_accelerator_colors_several_counts_per_call_within_its_memory(batch, size, groups):
    rgb = torch.empty(batch, 3, size, size, dtype=torch.uint8, device="meta")
    assert hint_counts._group_counts([0, 1, 10, 100, 328, 1966], rgb) == groups
    assert hint_counts._group_counts([0, 1, 10], torch.empty(2, 3, 8, 8)) == [[0], [1], [10]], (
        "a CPU colors one count per call"
    )


def test_images_of_weight_0_have_no_rows():
    scores = {"psnr": torch.tensor([32.0, 16.0, 8.0]), "ssim": torch.tensor([0.5, 0.25, 0.125])}
    colorless = torch.tensor([False, False, True])
    result = HintCountResult(10, None, torch.zeros(3, 3, 7, 7, dtype=torch.uint8), scores, colorless, 0.5)
    rows = to_rows(result, ["x.jpg", "", "z.jpg"], ["x", "", "z"], torch.tensor([1.0, 0, 1]))
    assert rows == [
        ImageResult("x.jpg", "x", 10, False, {"psnr": 32.0, "ssim": 0.5}, 0.5),
        ImageResult("z.jpg", "z", 10, True, {"psnr": 8.0, "ssim": 0.125}, 0.5),
    ]


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        (object(), "returned a value of type object; must be a tensor"),
        ((torch.zeros(5),), r"shape \(5,\) for .* must be the batch"),
    ],
)
def test_encoding_that_is_no_batch_of_tensors_is_refused(encoding, message):
    class Encodes:
        def encode(self, lightness):
            return encoding

        def propagate(self, encoding, hints):
            raise AssertionError

    with pytest.raises(ValueError, match=message):
        list(evaluate_hint_counts(Encodes(), photos(), IDS, PROTOCOL))
