"""Evaluation of a network on a batch of images with each number of hints of a protocol.

Shape suffixes: B batch, K numbers of hints, H height, W width.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from chromahint.color import lab_to_rgb8
from chromahint.evaluation.images_csv import ImageResult
from chromahint.evaluation.protocols.base import (
    HintProtocol,
    InteractiveProtocol,
    LabImages,
    Scores,
    is_colorless,
    recorded_counts,
)
from chromahint.hints.hints import Hints, concatenate_hints, no_hints
from chromahint.inference.session import CachedEncoder, ChoosesHints

Network = Callable[[Tensor, Hints], Tensor]
"""(lightness B1HW in 0..100, hints) -> ab B2HW in Lab units."""

_MAX_PIXELS_PER_CALL = 2**20
"""Pixels that an accelerator colors in one call: 16 images of 256x256, which take up to 2.6 GiB at published widths."""


@dataclass(frozen=True)
class HintCountResult:
    """Predictions and scores of a batch for one number of hints.

    Attributes:
        count: Hints in each image.
        hints: The hints.
        prediction: B3HW uint8 RGB, as it would be written to a file.
        scores: Scores of each image by metric, B float32 each, by the protocol's definition.
        colorless: B bool, which photos have no color to predict.
        seconds: Network time per image, averaged over the batch and all counts of the same call. It includes the
            encoding of the image, even if all counts share it.
    """

    count: int
    hints: Hints
    prediction: Tensor
    scores: Scores
    colorless: Tensor
    seconds: float


@torch.inference_mode()
def evaluate_hint_counts(
    network: Network, rgb: Tensor, ids: Sequence[str], protocol: HintProtocol
) -> Iterator[HintCountResult]:
    """Color a batch once for each number of hints. Several counts share a call if that is faster.

    A network with the methods `encode` and `propagate` encodes the batch once for all counts. The caller sets eval mode
    and autocast. Color conversion and metrics are always float32.

    Args:
        network: Module or function (lightness, hints) -> ab.
        rgb: B3HW uint8 images of the protocol's size, on the network's device.
        ids: B image ids, which determine the positions of the hints.
        protocol: Protocol that defines the hints and the metrics.

    Yields:
        One result per number of hints, in ascending order: those of the protocol, or every number from 0 to its largest
        if it is interactive.
    """
    truth = LabImages.from_rgb(rgb)
    colorless = is_colorless(truth.ab, protocol.min_chroma)
    encoded = EncodedImages(network, truth.lightness)
    if isinstance(protocol, InteractiveProtocol):
        yield from _add_hints_one_by_one(encoded, truth, colorless, protocol)
        return
    for group in _group_counts(protocol.hint_counts, rgb):
        repeated = truth.repeat(len(group))
        by_count = [protocol.hints(truth, ids, count) for count in group]
        ab, seconds = encoded.color(concatenate_hints(by_count))
        prediction = LabImages(repeated.lightness, ab, lab_to_rgb8(repeated.lightness, ab))
        scores = protocol.measure(prediction, repeated)
        for index, (count, hints) in enumerate(zip(group, by_count, strict=True)):
            here = slice(index * len(rgb), (index + 1) * len(rgb))
            own = {name: values[here] for name, values in scores.items()}
            yield HintCountResult(count, hints, prediction.rgb[here], own, colorless, seconds)


def _add_hints_one_by_one(
    encoded: EncodedImages, truth: LabImages, colorless: Tensor, protocol: InteractiveProtocol
) -> Iterator[HintCountResult]:
    """Color only the images that got another hint. The others would get the same result and the same hint again."""
    counts = recorded_counts(protocol)
    hints, rgb, scores = no_hints(truth.lightness), torch.empty_like(truth.rgb), Scores()
    active, photos, given = torch.arange(len(truth.rgb), device=truth.rgb.device), truth, hints
    for count in counts:
        if len(active):
            ab, seconds = encoded.color(given)
            prediction = LabImages(photos.lightness, ab, lab_to_rgb8(photos.lightness, ab))
            measured = protocol.measure(prediction, photos)
            ab_of_all, mask = hints.ab.index_copy(0, active, given.ab), hints.mask.index_copy(0, active, given.mask)
            hints, rgb = hints._replace(ab=ab_of_all, mask=mask), rgb.index_copy(0, active, prediction.rgb)
            scores = {
                name: scores.get(name, torch.empty_like(colorless, dtype=values.dtype)).index_copy(0, active, values)
                for name, values in measured.items()
            }
        yield HintCountResult(count, hints, rgb, scores, colorless, seconds)
        if count < counts[-1] and len(active):
            following = protocol.next_hints(prediction, photos, given, encoded.expected_gain)
            changed = ((following.ab != given.ab) | (following.mask != given.mask)).flatten(1).any(dim=1)
            given = following
            if not changed.all():
                kept = changed.nonzero().flatten()
                active, photos, given = active[kept], _select(photos, kept), _select(given, kept)
                encoded = encoded.select(kept)


class EncodedImages:
    """A batch of images that a network encodes once, if it can, and colors any number of times.

    Args:
        network: Module or function (lightness, hints) -> ab.
        lightness: B1HW in 0..100.
        timed: Measure the time of the network, for which the host waits for the device.
    """

    def __init__(self, network: Network | CachedEncoder, lightness: Tensor, timed: bool = True) -> None:
        self.network = network
        self.lightness = lightness
        self._timed = timed
        self._encoding: Any = None
        self._seconds = 0.0
        if isinstance(self.network, CachedEncoder):
            start = self._time()
            self._encoding = self.network.encode(lightness)
            _map(self._check, self._encoding)
            self._seconds = (self._time() - start) / len(lightness)

    def color(self, hints: Hints) -> tuple[Tensor, float]:
        """Color the batch, or several copies of it.

        Args:
            hints: Hints of K * B images, where the batch is repeated K times.

        Returns:
            ab of K * B images in Lab units, and the network time per image in seconds, if it is measured.
        """
        times = len(hints.mask) // len(self.lightness)
        lightness, encoding = _repeat(self.lightness, times), _repeat(self._encoding, times)
        start = self._time()
        if isinstance(self.network, CachedEncoder):
            ab = self.network.propagate(encoding, hints)
        else:
            ab = self.network(lightness, hints)
        return ab, self._seconds + (self._time() - start) / len(ab)

    def _check(self, tensor: Tensor) -> Tensor:
        if tensor.shape[:1] != self.lightness.shape[:1]:
            raise ValueError(
                f"{type(self.network).__name__}.encode: returned a tensor of shape {tuple(tensor.shape)} for "
                f"{len(self.lightness)} images; the first dimension of all tensors must be the batch."
            )
        return tensor

    def select(self, images: Tensor) -> EncodedImages:
        """Return some images of the batch, N int64, without encoding them again."""
        part = copy.copy(self)
        part.lightness, part._encoding = self.lightness[images], _select(self._encoding, images)
        return part

    def _time(self) -> float:
        """Return the time in seconds, after the device has finished if the time is measured."""
        if self._timed and self.lightness.device.type != "cpu":
            torch.accelerator.synchronize(self.lightness.device)
        return time.perf_counter()

    def expected_gain(self, hints: Hints) -> Tensor:
        """Return how much the network expects one more hint at each place to improve the result, B1hw.

        Raises:
            ValueError: The network makes no such prediction.
        """
        if not isinstance(self.network, ChoosesHints):
            raise ValueError(
                f"protocol.chooser=model: {type(self.network).__name__} does not predict where a hint helps. Use "
                "protocol.chooser=error, or model=spreadnet."
            )
        return self.network.expected_gain(self._encoding, hints)


def _repeat(value: Any, times: int) -> Any:
    """Repeat a batch in a tensor, or in all tensors of nested tuples, lists and dicts. `times` of 1 does not copy."""
    return value if times == 1 else _map(lambda each: each.expand(times, *each.shape).flatten(0, 1), value)


def _select(value: Any, images: Tensor) -> Any:
    """Select images of a batch in a tensor, or in all tensors of nested tuples, lists and dicts."""
    return _map(lambda each: each[images], value)


def _map(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    """Apply a function to a tensor, or to all tensors of nested tuples, lists and dicts."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return {key: _map(function, each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        parts = [_map(function, each) for each in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if value is None or isinstance(value, int | float | str):
        return value
    raise ValueError(
        f"encode: returned a value of type {type(value).__name__}; must be a tensor, or nested tuples, lists, and "
        "dicts of tensors."
    )


def _group_counts(counts: list[int], rgb_B3HW: Tensor) -> list[list[int]]:
    """Group the counts into calls of nearly equal size. A batch is never split."""
    max_counts = 1
    if rgb_B3HW.device.type != "cpu":
        # one count keeps a CPU busy, and more exceed its cache: with HSCAU-Net of width 16 on 8 images of 256 px, two
        # counts per call take 1.4 times as long as one per call, and six take 2.2 times as long
        max_counts = max(1, _MAX_PIXELS_PER_CALL // rgb_B3HW[:, 0].numel())
    num_calls = math.ceil(len(counts) / max_counts)
    return [group.tolist() for group in torch.tensor(counts).tensor_split(num_calls)]


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
    colorless = result.colorless.tolist()
    values = zip(*(each.tolist() for each in result.scores.values()), strict=True)
    scores = [dict(zip(result.scores, each, strict=True)) for each in values]
    return [
        ImageResult(names[n], ids[n], result.count, colorless[n], scores[n], result.seconds)
        for n in range(len(ids))
        if included[n]
    ]
