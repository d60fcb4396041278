import json

import pytest
import skimage.data
import torch

from chromahint.color import rgb_to_lab
from chromahint.evaluation import hint_counts
from chromahint.evaluation.hint_counts import (
    HintCountResult,
    ImageResult,
    aggregate_results,
    evaluate_hint_counts,
    to_rows,
)
from chromahint.evaluation.metrics import psnr, ssim
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


def given_colors_only(lightness, hints):
    return hints.ab


def test_a_network_that_repeats_its_hints_is_perfect_with_all_of_them():
    results = list(evaluate_hint_counts(given_colors_only, photos(), IDS, PROTOCOL))
    assert [result.count for result in results] == PROTOCOL.hint_counts
    means = [float(result.psnr.mean()) for result in results]
    assert means == sorted(means)
    assert results[-1].psnr.tolist() == [100.0] * 3
    assert torch.equal(results[-1].prediction, photos())


def test_figures_are_those_of_the_written_image():
    for result in evaluate_hint_counts(given_colors_only, photos(), IDS, PROTOCOL):
        assert result.prediction.dtype == torch.uint8
        assert torch.equal(result.psnr, psnr(result.prediction, photos()))
        assert torch.equal(result.ssim, ssim(result.prediction, photos()))
        assert result.seconds > 0


def test_the_network_gets_lightness_and_the_protocols_hints():
    lightness, ab = rgb_to_lab(photos())
    seen = []

    def spy(given, hints):
        assert torch.is_inference_mode_enabled()
        seen.append((given, hints))
        return hints.ab

    list(evaluate_hint_counts(spy, photos(), IDS, PROTOCOL))
    for (given, hints), count in zip(seen, PROTOCOL.hint_counts, strict=True):
        assert torch.equal(given, lightness)
        assert torch.equal(hints.mask, PROTOCOL.hints(ab, IDS, count).mask)


def test_only_the_network_feels_autocast():
    expected = [result.prediction for result in evaluate_hint_counts(given_colors_only, photos(), IDS, PROTOCOL)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        results = list(evaluate_hint_counts(given_colors_only, photos(), IDS, PROTOCOL))
    for result, prediction in zip(results, expected, strict=True):
        assert torch.equal(result.prediction, prediction)
        assert result.ssim.dtype == torch.float32


def test_a_batch_gives_what_single_photos_give():
    together = list(evaluate_hint_counts(given_colors_only, photos(), IDS, PROTOCOL))
    alone = list(evaluate_hint_counts(given_colors_only, photos()[1:2], IDS[1:2], PROTOCOL))
    for many, one in zip(together, alone, strict=True):
        torch.testing.assert_close(many.psnr[1:2], one.psnr, atol=1e-4, rtol=0)
        torch.testing.assert_close(many.ssim[1:2], one.ssim, atol=1e-5, rtol=0)
        torch.testing.assert_close(many.prediction[1:2], one.prediction)


JOINED = {
    "pixels": RandomPixels([0, 1, 10, 100, 328], 64),
    "lab": LabPSNR2021([164, 492], 64),
    "patches": Patches2017([0, 1, 5, 50], 64),
    "cells": Cells2023([0, 2, 20], 64),
}


@pytest.mark.parametrize("protocol", JOINED.values(), ids=list(JOINED))
@pytest.mark.parametrize("network", [PullPush, lambda: HSCAUNet(4, zero_init_head=False)], ids=["pullpush", "hscaunet"])
def test_several_counts_in_one_call_give_what_one_at_a_time_gives(network, protocol, monkeypatch):
    torch.manual_seed(0)
    made = network().eval()
    sizes = []

    def count(lightness, hints):
        assert len(lightness) == len(hints.ab) == len(hints.mask)
        sizes.append(len(lightness))
        return made(lightness, hints)

    alone = list(evaluate_hint_counts(count, photos(), IDS, protocol))
    assert sizes == [3] * len(protocol.hint_counts)
    for calls in (1, 2):
        sizes.clear()
        parts = [part.tolist() for part in torch.tensor(protocol.hint_counts).tensor_split(calls)]
        monkeypatch.setattr(hint_counts, "_together", lambda counts, rgb, parts=parts: parts)
        together = list(evaluate_hint_counts(count, photos(), IDS, protocol))
        assert sizes == [3 * len(part) for part in parts]
        assert [result.count for result in together] == protocol.hint_counts
        for many, one in zip(together, alone, strict=True):
            torch.testing.assert_close(many.psnr, one.psnr, atol=1e-3, rtol=0)
            torch.testing.assert_close(many.ssim, one.ssim, atol=1e-5, rtol=0)
            assert (many.prediction.int() - one.prediction.int()).abs().max() <= 1


def test_time_is_shared_by_the_images_of_a_call(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(hint_counts, "_now", lambda device: 6.0 * next(clock))
    monkeypatch.setattr(hint_counts, "_together", lambda counts, rgb: [[0, 10], [100]])
    seconds = [result.seconds for result in evaluate_hint_counts(given_colors_only, photos(), IDS, PROTOCOL)]
    assert seconds == [1.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("batch", "size", "together"),
    [
        (8, 256, [[0, 1], [10, 100], [328, 1966]]),
        (4, 256, [[0, 1, 10], [100, 328, 1966]]),
        (2, 64, [[0, 1, 10, 100, 328, 1966]]),
        (64, 256, [[0], [1], [10], [100], [328], [1966]]),
    ],
)
def test_an_accelerator_takes_as_many_counts_as_its_memory_bears(batch, size, together):
    rgb = torch.empty(batch, 3, size, size, dtype=torch.uint8, device="meta")
    assert hint_counts._group_counts([0, 1, 10, 100, 328, 1966], rgb) == together
    assert hint_counts._group_counts([0, 1, 10], torch.empty(2, 3, 8, 8)) == [[0], [1], [10]], "a CPU takes one"


def result(count, values):
    figures = torch.tensor(values)
    return HintCountResult(count, torch.zeros(len(values), 3, 7, 7, dtype=torch.uint8), figures, figures / 64, 0.5)


def test_rows_leave_out_what_has_no_weight():
    listed = to_rows(result(10, [32.0, 16.0, 8.0]), ["x.jpg", "", "z.jpg"], ["x", "", "z"], torch.tensor([1.0, 0, 1]))
    assert listed == [ImageResult("x.jpg", "x", 10, 32.0, 0.5, 0.5), ImageResult("z.jpg", "z", 10, 8.0, 0.125, 0.5)]
    assert ImageResult._fields == ("image", "id", "k", "psnr", "ssim", "seconds")


def test_score_is_the_mean_of_images_in_the_documented_format():
    listed = [
        row
        for count, values in ((100, [32.0, 16.0]), (10, [8.0, 8.0]))
        for row in to_rows(result(count, values), ["x", "y"], ["x", "y"])
    ]
    scored = aggregate_results(listed, PROTOCOL)
    assert scored == {
        "format": 1,
        "protocol": "random_pixels",
        "measures": PROTOCOL.metric_description,
        "size": [64, 64],
        "images": 2,
        "by_hints": {"10": {"psnr": 8.0, "ssim": 0.125}, "100": {"psnr": 24.0, "ssim": 0.375}},
    }
    assert list(scored["by_hints"]) == ["10", "100"]
    assert json.loads(json.dumps(scored)) == scored


def test_score_does_not_depend_on_the_order():
    values = (torch.rand(500, generator=torch.Generator().manual_seed(0)) * 40).tolist()
    listed = [ImageResult(str(i), str(i), 1, value, value / 40, 0.1) for i, value in enumerate(values)]
    assert aggregate_results(listed, PROTOCOL) == aggregate_results(listed[::-1], PROTOCOL)
    assert aggregate_results(listed, PROTOCOL)["by_hints"]["1"]["psnr"] == pytest.approx(sum(values) / 500)


def test_score_of_nothing():
    assert aggregate_results([], PROTOCOL)["images"] == 0
    assert aggregate_results([], PROTOCOL)["by_hints"] == {}
