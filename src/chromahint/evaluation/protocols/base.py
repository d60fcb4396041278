"""Interface of evaluation protocols: the same hints and metrics for every network, epoch and machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from chromahint.evaluation.metrics import psnr, ssim
from chromahint.hints.hints import Hints

RGB_METRICS = "PSNR in dB over SSIM, 8-bit RGB"


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

    def repeat(self, times: int) -> LabImages:
        """Concatenate the batch with itself. `repeat(1)` does not copy."""
        return LabImages(*(tensor.expand(times, *tensor.shape).flatten(0, 1) for tensor in self))


class ImageScores(NamedTuple):
    """Scores of each image of a batch.

    Attributes:
        psnr: B float32 in dB.
        ssim: B float32, at most 1.
    """

    psnr: Tensor
    ssim: Tensor


class HintProtocol(Protocol):
    """Interface of an evaluation protocol."""

    @property
    def name(self) -> str:
        """Name of the protocol in `protocol=`, in metrics.json and of the output folder."""
        ...

    @property
    def metric_description(self) -> str:
        """Description of the metrics, for table captions."""
        ...

    @property
    def hint_counts(self) -> list[int]:
        """Numbers of hints, ascending."""
        ...

    @property
    def size(self) -> int:
        """Height and width of images in pixels."""
        ...

    @property
    def max_hints(self) -> int:
        """Largest possible number of hints in an image."""
        ...

    def hints(self, ab: Tensor, ids: Sequence[str], count: int) -> Hints:
        """Sample hints, which depend on the id of each image but not on the rest of the batch.

        Args:
            ab: B2HW float32, colors of the photos in Lab units, H = W = `size`.
            ids: B image ids.
            count: Hints in each image. The positions of a smaller count are a subset of those of a larger one.

        Returns:
            Hints of the same batch, height and width, on the device of `ab`.
        """
        ...

    def measure(self, prediction: LabImages, truth: LabImages) -> ImageScores:
        """Score each prediction against its photo."""
        ...


def measure_rgb(prediction: LabImages, truth: LabImages) -> ImageScores:
    """Return PSNR and SSIM of 8-bit RGB."""
    return ImageScores(psnr(prediction.rgb, truth.rgb), ssim(prediction.rgb, truth.rgb))


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


def check_size(protocol: HintProtocol, ab: Tensor) -> None:
    """Raise an error unless the images B2HW have the size of the protocol."""
    height, width = ab.shape[-2:]
    if (height, width) != (protocol.size, protocol.size):
        raise ValueError(
            f"protocol={protocol.name}: got images of {height}x{width} pixels, but protocol.size={protocol.size}. "
            f"Use protocol.size={height}, or resize the images to {protocol.size}x{protocol.size}."
        )
