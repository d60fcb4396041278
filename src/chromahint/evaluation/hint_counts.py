"""One network, one batch of photos, every number of hints of a protocol; and the means over many batches.

Shape suffixes: B batch, K numbers of hints, H height, W width.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.evaluation.protocols.base import HintProtocol, LabImages
from chromahint.hints.hints import Hints

Network = Callable[[Tensor, Hints], Tensor]
"""(lightness B1HW in 0..100, hints) -> ab B2HW in Lab units."""

_PIXELS_AT_ONCE = 2**20
"""What an accelerator colors in one call: 16 images of 256x256, which take at most 2.6 GiB at published widths."""


@dataclass(frozen=True)
class HintCountResult:
    """A batch colored from one number of hints.

    Attributes:
        count: hints in each image.
        prediction: B3HW uint8 RGB, as it would be written to a file.
        psnr: B float32 in dB, as the protocol measures it.
        ssim: B float32.
        seconds: an image's share of the network's time on this batch, and on the counts colored in the same call.
    """

    count: int
    prediction: Tensor
    psnr: Tensor
    ssim: Tensor
    seconds: float


class ImageResult(NamedTuple):
    """One image at one number of hints: the columns of images.csv, in their order."""

    image: str
    id: str
    k: int
    psnr: float
    ssim: float
    seconds: float


@torch.inference_mode()
def evaluate_hint_counts(
    network: Network, rgb: Tensor, ids: Sequence[str], protocol: HintProtocol
) -> Iterator[HintCountResult]:
    """Color a batch once for every number of hints, several of them in one call where that is faster.

    The network runs as it comes: set `eval()` and autocast around the sweep. Color and metrics are float32 regardless.

    Args:
        network: a module or function (lightness, hints) -> ab.
        rgb: B3HW uint8 photos of the protocol's size, on the network's device.
        ids: B image ids, which decide where the hints lie.
        protocol: which hints, how many, and how images are measured.

    Yields:
        One result a count, in the protocol's order.
    """
    truth = LabImages(*rgb_to_lab(rgb), rgb)
    for counts in _group_counts(protocol.hint_counts, rgb):
        every = truth.repeat(len(counts))
        hints = _concat_hints([protocol.hints(truth.ab, ids, count) for count in counts])
        start = _synchronized_time(rgb.device)
        predicted_ab = network(every.lightness, hints)
        seconds = (_synchronized_time(rgb.device) - start) / len(predicted_ab)
        rgb8 = lab_to_rgb8(every.lightness, predicted_ab)
        figures = protocol.measure(LabImages(every.lightness, predicted_ab, rgb8), every)
        by_count = (tensor.chunk(len(counts)) for tensor in (rgb8, *figures))
        for count, image, psnr, ssim in zip(counts, *by_count, strict=True):
            yield HintCountResult(count, image, psnr, ssim, seconds)


def _group_counts(counts: list[int], rgb_B3HW: Tensor) -> list[list[int]]:
    """Split counts into those of one call, as evenly as can be: a batch is never split."""
    most = 1
    if rgb_B3HW.device.type != "cpu":
        # a CPU is kept busy by the images of one count, and more of them only fall out of its cache: with HSCAU-Net
        # of width 16 on 8 images of 256 px, two counts a call take 1.4 times as long as one, and six 2.2 times
        most = max(1, _PIXELS_AT_ONCE // rgb_B3HW[:, 0].numel())
    calls = math.ceil(len(counts) / most)
    return [part.tolist() for part in torch.tensor(counts).tensor_split(calls)]


def _concat_hints(hints: list[Hints]) -> Hints:
    """One batch K * B of K batches."""
    return Hints(*(torch.cat(maps) for maps in zip(*hints, strict=True)))


def to_rows(
    result: HintCountResult, names: Sequence[str], ids: Sequence[str], weight: Tensor | None = None
) -> list[ImageResult]:
    """List a result image by image, without those of weight B of 0 (padding and unreadable files)."""
    counted = [True] * len(ids) if weight is None else (weight > 0).tolist()
    figures = zip(names, ids, result.psnr.tolist(), result.ssim.tolist(), counted, strict=True)
    return [ImageResult(name, id_, result.count, p, s, result.seconds) for name, id_, p, s, counts in figures if counts]


def aggregate_results(images: Iterable[ImageResult], protocol: HintProtocol) -> dict[str, object]:
    """Summarize rows of any order into the content of metrics.json, "format": 1.

    Returns:
        `{"format": 1, "protocol": str, "measures": str, "size": [h, w], "images": int, "by_hints": {"10": {"psnr": ..,
        "ssim": ..}}}` of means over images; "by_hints" is empty where there was no image.
    """
    by_count: dict[int, list[ImageResult]] = {}
    for row in images:
        by_count.setdefault(row.k, []).append(row)
    numbers = {len(group) for group in by_count.values()}
    assert len(numbers) <= 1, f"every image is tried with every number of hints, not {by_count.keys()} x {numbers}"
    return {
        "format": 1,
        "protocol": protocol.name,
        "measures": protocol.metric_description,
        "size": [protocol.size, protocol.size],
        "images": max(numbers, default=0),
        "by_hints": {
            str(count): {"psnr": _mean(row.psnr for row in group), "ssim": _mean(row.ssim for row in group)}
            for count, group in sorted(by_count.items())
        },
    }


def _mean(values: Iterable[float]) -> float:
    # exact sums: the order in which processes hand in their images must not show
    numbers = list(values)
    return math.fsum(numbers) / len(numbers)


def _synchronized_time(device: torch.device) -> float:
    """Read the clock when the device has finished what it was given."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter()
