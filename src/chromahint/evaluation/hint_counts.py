"""Evaluation of a network on a batch of images with each number of hints of a protocol.

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

_MAX_PIXELS_PER_CALL = 2**20
"""Pixels that an accelerator colors in one call: 16 images of 256x256, which take up to 2.6 GiB at published widths."""


@dataclass(frozen=True)
class HintCountResult:
    """Predictions and scores of a batch for one number of hints.

    Attributes:
        count: Hints in each image.
        prediction: B3HW uint8 RGB, as it would be written to a file.
        psnr: B float32 in dB, by the protocol's definition.
        ssim: B float32.
        seconds: Network time per image, averaged over the batch and all counts of the same call.
    """

    count: int
    prediction: Tensor
    psnr: Tensor
    ssim: Tensor
    seconds: float


class ImageResult(NamedTuple):
    """Scores of one image for one number of hints: a row of images.csv."""

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
    """Color a batch once for each number of hints. Several counts share a call if that is faster.

    The caller sets eval mode and autocast. Color conversion and metrics are always float32.

    Args:
        network: Module or function (lightness, hints) -> ab.
        rgb: B3HW uint8 images of the protocol's size, on the network's device.
        ids: B image ids, which determine the positions of the hints.
        protocol: Protocol that defines the hints and the metrics.

    Yields:
        One result per number of hints, in the protocol's order.
    """
    truth = LabImages(*rgb_to_lab(rgb), rgb)
    for counts in _group_counts(protocol.hint_counts, rgb):
        repeated = truth.repeat(len(counts))
        hints = _concat_hints([protocol.hints(truth.ab, ids, count) for count in counts])
        start = _synchronized_time(rgb.device)
        predicted_ab = network(repeated.lightness, hints)
        seconds = (_synchronized_time(rgb.device) - start) / len(predicted_ab)
        rgb8 = lab_to_rgb8(repeated.lightness, predicted_ab)
        scores = protocol.measure(LabImages(repeated.lightness, predicted_ab, rgb8), repeated)
        by_count = (tensor.chunk(len(counts)) for tensor in (rgb8, *scores))
        for count, prediction, psnr, ssim in zip(counts, *by_count, strict=True):
            yield HintCountResult(count, prediction, psnr, ssim, seconds)


def _group_counts(counts: list[int], rgb_B3HW: Tensor) -> list[list[int]]:
    """Group the counts into calls of nearly equal size. A batch is never split."""
    max_counts = 1
    if rgb_B3HW.device.type != "cpu":
        # one count keeps a CPU busy, and more exceed its cache: with HSCAU-Net of width 16 on 8 images of 256 px, two
        # counts per call take 1.4 times as long as one per call, and six take 2.2 times as long
        max_counts = max(1, _MAX_PIXELS_PER_CALL // rgb_B3HW[:, 0].numel())
    num_calls = math.ceil(len(counts) / max_counts)
    return [group.tolist() for group in torch.tensor(counts).tensor_split(num_calls)]


def _concat_hints(hints: list[Hints]) -> Hints:
    """Concatenate K batches into one of size K * B."""
    return Hints(*(torch.cat(maps) for maps in zip(*hints, strict=True)))


def to_rows(
    result: HintCountResult, names: Sequence[str], ids: Sequence[str], weight: Tensor | None = None
) -> list[ImageResult]:
    """Convert a result to one row per image, without images of weight 0 (padding and unreadable files).

    Args:
        result: Result of a batch.
        names: B image names.
        ids: B image ids.
        weight: B weights, or None for all 1.
    """
    included = [True] * len(ids) if weight is None else (weight > 0).tolist()
    scores = zip(names, ids, result.psnr.tolist(), result.ssim.tolist(), included, strict=True)
    return [ImageResult(name, id_, result.count, p, s, result.seconds) for name, id_, p, s, keep in scores if keep]


def aggregate_results(images: Iterable[ImageResult], protocol: HintProtocol) -> dict[str, object]:
    """Aggregate rows, in any order, into the content of metrics.json, "format": 1.

    Returns:
        `{"format": 1, "protocol": str, "measures": str, "size": [h, w], "images": int, "by_hints": {"10": {"psnr": ..,
        "ssim": ..}}}`, with means over images. "by_hints" is empty if there are no rows.
    """
    by_count: dict[int, list[ImageResult]] = {}
    for row in images:
        by_count.setdefault(row.k, []).append(row)
    totals = {len(rows) for rows in by_count.values()}
    assert len(totals) <= 1, f"each image must have a row for each number of hints, not {by_count.keys()} x {totals}"
    return {
        "format": 1,
        "protocol": protocol.name,
        "measures": protocol.metric_description,
        "size": [protocol.size, protocol.size],
        "images": max(totals, default=0),
        "by_hints": {
            str(count): {"psnr": _mean(row.psnr for row in rows), "ssim": _mean(row.ssim for row in rows)}
            for count, rows in sorted(by_count.items())
        },
    }


def _mean(values: Iterable[float]) -> float:
    # an exact sum does not depend on the order in which processes report their images
    numbers = list(values)
    return math.fsum(numbers) / len(numbers)


def _synchronized_time(device: torch.device) -> float:
    """Wait for the device to finish and return the time in seconds."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter()
