"""Interface of evaluation protocols: the same hints and metrics for every network, epoch and machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from annotated_types import Ge, Le, MaxLen
from torch import Tensor

from chromahint.color import rgb_to_lab
from chromahint.evaluation.extra_metrics import EXTRA_METRICS, require_package
from chromahint.evaluation.metrics import ciede2000_scores, colorfulness_difference, percentile, psnr, ssim
from chromahint.hints.hints import Hints

RGB_METRICS = "PSNR in dB over SSIM, 8-bit RGB"
MIN_CHROMA = 4.0
"""Default of `min_chroma`; see `is_colorless`."""

MinChroma = Annotated[float, Ge(0), Le(100)]
ExtraMetrics = Annotated[list[Literal["flip", "lpips"]], MaxLen(2)]
Scores = dict[str, Tensor]
"""Scores of each image of a batch by name, B float32 each.

Every protocol has `psnr` in dB by its own definition, and of 8-bit RGB `ssim` (at most 1), `ciede2000` (mean over
pixels), `ciede2000_p95` (95th percentile over pixels) and `colorfulness_difference` (prediction minus photo).
"""


class LabImages(NamedTuple):
    """Batch of images in Lab and in 8-bit RGB, so protocols can compare either.

    Attributes:
        lightness: B1HW in 0..100.
        ab: B2HW in Lab units; for a prediction, the output of the network.
        rgb: B3HW uint8, as it would be written to a file.
    """

    lightness: Tensor
    ab: Tensor
    rgb: Tensor

    @classmethod
    def from_rgb(cls, rgb: Tensor) -> LabImages:
        """Convert photos B3HW uint8 RGB."""
        return cls(*rgb_to_lab(rgb), rgb)

    def repeat(self, times: int) -> LabImages:
        """Concatenate the batch with itself. `repeat(1)` does not copy."""
        return LabImages(*(tensor.expand(times, *tensor.shape).flatten(0, 1) for tensor in self))


class HintProtocol(Protocol):
    """Interface of an evaluation protocol."""

    @property
    def name(self) -> str:
        """Name of the protocol in `protocol=`, in metrics.json and of the output folder."""
        ...

    @property
    def metric_description(self) -> str:
        """Description of PSNR and SSIM, for table captions."""
        ...

    @property
    def hint_counts(self) -> list[int]:
        """Numbers of hints that are reported, ascending."""
        ...

    @property
    def size(self) -> int:
        """Height and width of images in pixels."""
        ...

    @property
    def max_hints(self) -> int:
        """Largest possible number of hints in an image."""
        ...

    @property
    def min_chroma(self) -> float:
        """Photos with less chroma are colorless; see `is_colorless`."""
        ...

    @property
    def keeps_colorless(self) -> bool:
        """Whether colorless photos count in the means, as in published protocols."""
        ...

    @property
    def reports_auc(self) -> bool:
        """Whether the area under the curve of each metric over log(1 + hints) is reported."""
        ...

    def hints(self, truth: LabImages, ids: Sequence[str], count: int) -> Hints:
        """Choose hints, which depend on the image and its id but not on the rest of the batch.

        Args:
            truth: Photos, H = W = `size`.
            ids: B image ids.
            count: Hints in each image. The positions of a smaller count are a subset of those of a larger one.

        Returns:
            Hints of the same batch, height and width, on the device of `truth`.
        """
        ...

    def measure(self, prediction: LabImages, truth: LabImages) -> Scores:
        """Score each prediction against its photo."""
        ...


@runtime_checkable
class InteractiveProtocol(HintProtocol, Protocol):
    """Interface of a protocol whose next hint depends on the network's result for the hints so far.

    Every count from 0 to the largest of `hint_counts` is evaluated.
    """

    @property
    def targets(self) -> list[float]:
        """PSNR values in dB for which the number of hints is reported."""
        ...

    def next_hints(
        self, result: LabImages, truth: LabImages, hints: Hints, expected_gain: Callable[[Hints], Tensor]
    ) -> Hints:
        """Add one hint to each image. An image whose hints stay the same is done, and is not passed again.

        Args:
            result: Prediction of the network for `hints`.
            truth: Photos, H = W = `size`.
            hints: Hints so far.
            expected_gain: Hints -> B1hw, how much the network expects one more hint at each place to improve the
                result. Raises ValueError if the network makes no such prediction.
        """
        ...


def recorded_counts(protocol: HintProtocol) -> list[int]:
    """Return the numbers of hints that are evaluated, of which `hint_counts` are reported."""
    if isinstance(protocol, InteractiveProtocol):
        return list(range(protocol.hint_counts[-1] + 1))
    return protocol.hint_counts


def is_colorless(ab: Tensor, min_chroma: float) -> Tensor:
    """Tell which photos have no color to predict: those whose 99th percentile of chroma is below a threshold.

    A gray result is perfect for them, so they say nothing about a network and would dominate a mean.

    Args:
        ab: B2HW in Lab units.
        min_chroma: Threshold in Lab units; 0 finds none.

    Returns:
        B bool.
    """
    return percentile(torch.hypot(*ab.unbind(dim=1)).flatten(1), 99) < min_chroma


class SquareProtocol:
    """Base of all protocols: images of size x size pixels, checks of the options, and metrics of 8-bit RGB.

    A protocol is a frozen dataclass with the fields `hint_counts`, `size` and `extra_metrics`. It overrides what it
    defines differently.
    """

    metric_description: str = RGB_METRICS
    max_hints_formula: str = "size * size"
    hint_counts: list[int]
    size: int
    extra_metrics: list[Literal["flip", "lpips"]]

    def __post_init__(self) -> None:
        """Raise ValueError if an option is invalid, or the package of an extra metric is not installed."""
        check_counts(self.hint_counts, self.size, self.max_hints, self.max_hints_formula)
        for metric in self.extra_metrics:
            require_package(metric)

    @property
    def max_hints(self) -> int:
        """The number of pixels."""
        return self.size**2

    def measure(self, prediction: LabImages, truth: LabImages) -> Scores:
        """Return all metrics."""
        mean, p95 = ciede2000_scores(prediction.rgb, (truth.lightness, truth.ab))
        return {
            "psnr": self.psnr(prediction, truth),
            "ssim": ssim(prediction.rgb, truth.rgb),
            "ciede2000": mean,
            "ciede2000_p95": p95,
            "colorfulness_difference": colorfulness_difference(prediction.rgb, truth.rgb),
            **{name: EXTRA_METRICS[name](prediction.rgb, truth.rgb) for name in self.extra_metrics},
        }

    def psnr(self, prediction: LabImages, truth: LabImages) -> Tensor:
        """Return the PSNR of each image by the protocol's definition, B float32: by default, of 8-bit RGB."""
        return psnr(prediction.rgb, truth.rgb)


def check_counts(counts: list[int], size: int, max_hints: int, formula: str) -> None:
    """Raise an error unless `counts` are distinct, ascending, and in 0..`max_hints`.

    Args:
        counts: Numbers of hints.
        size: Height and width of images in pixels.
        max_hints: Largest possible number of hints.
        formula: Formula of `max_hints`, for the message.
    """
    valid = sorted({count for count in counts if 0 <= count <= max_hints}) or [0, 1, min(10, max_hints)]
    if counts != valid:
        raise ValueError(
            f"protocol.hint_counts={counts}: must be distinct integers in ascending order, from 0 to {formula} = "
            f"{max_hints} at protocol.size={size}. Try 'protocol.hint_counts={str(valid).replace(' ', '')}'."
        )


def check_size(protocol: HintProtocol, truth: LabImages) -> None:
    """Raise an error unless the photos have the size of the protocol."""
    height, width = truth.ab.shape[-2:]
    if (height, width) != (protocol.size, protocol.size):
        raise ValueError(
            f"protocol={protocol.name}: got images of {height}x{width} pixels, but protocol.size={protocol.size}. "
            f"Use protocol.size={height}, or resize the images to {protocol.size}x{protocol.size}."
        )
