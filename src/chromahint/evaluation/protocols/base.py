"""How a network is tested: protocols that give every network, epoch and machine the same hints, and measure alike.

Here: what every protocol can do, and the project's own. Those of published systems are in
`chromahint.evaluation.published`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from chromahint.evaluation.metrics import psnr, ssim
from chromahint.hints.hints import Hints

RGB_METRICS = "PSNR in dB over SSIM, 8-bit RGB"


class LabImages(NamedTuple):
    """A batch of images in each form that some protocol compares.

    Attributes:
        lightness: B1HW in 0..100.
        ab: B2HW in Lab units; of a prediction, as the network gave it.
        rgb: B3HW uint8, as it would be written to a file.
    """

    lightness: Tensor
    ab: Tensor
    rgb: Tensor

    def repeat(self, times: int) -> LabImages:
        """The whole batch, several times over; once is the batch itself, not a copy."""
        return LabImages(*(tensor.expand(times, *tensor.shape).flatten(0, 1) for tensor in self))


class ImageScores(NamedTuple):
    """How close each image of a batch is to its photo.

    Attributes:
        psnr: B float32 in dB.
        ssim: B float32, at most 1.
    """

    psnr: Tensor
    ssim: Tensor


class HintProtocol(Protocol):
    """What the sweep, the images and the reports need of a protocol."""

    @property
    def name(self) -> str:
        """Name of the folder and of the entry in metrics.json."""
        ...

    @property
    def metric_description(self) -> str:
        """What its figures are, for the line below a table."""
        ...

    @property
    def hint_counts(self) -> list[int]:
        """Numbers of hints that are tried, ascending."""
        ...

    @property
    def size(self) -> int:
        """Height and width of the images in pixels."""
        ...

    @property
    def max_hints(self) -> int:
        """Largest number of hints that an image has room for."""
        ...

    def hints(self, ab: Tensor, ids: Sequence[str], count: int) -> Hints:
        """Give hints that depend on each image's id, not on its neighbors in the batch.

        Args:
            ab: B2HW float32, the photos' colors in Lab units, H = W = `size`.
            ids: B image ids.
            count: hints in each image; the places of a smaller count are among those of a larger one.

        Returns:
            Hints of the same batch, height and width, on the device of `ab`.
        """
        ...

    def measure(self, prediction: LabImages, truth: LabImages) -> ImageScores:
        """Compare colored images with their photos, each for itself."""
        ...


def measure_rgb(prediction: LabImages, truth: LabImages) -> ImageScores:
    """PSNR and SSIM of the images as they would be written."""
    return ImageScores(psnr(prediction.rgb, truth.rgb), ssim(prediction.rgb, truth.rgb))


def check_counts(counts: list[int], size: int, max_hints: int, formula: str) -> None:
    """Refuse numbers of hints that are not ascending from 0 to `most`, which is `room` in words."""
    good = sorted({count for count in counts if 0 <= count <= max_hints}) or [0, 1, min(10, max_hints)]
    if counts != good:
        raise ValueError(
            f"protocol.hint_counts={counts} at protocol.size={size}: distinct numbers in ascending order are allowed, "
            f"from 0 to {formula} = {max_hints}. Type for example 'protocol.hint_counts={str(good).replace(' ', '')}'."
        )


def check_size(protocol: HintProtocol, ab: Tensor) -> None:
    """Refuse images B2HW of another size than the protocol's."""
    height, width = ab.shape[-2:]
    if (height, width) != (protocol.size, protocol.size):
        raise ValueError(
            f"Images of {height}x{width} pixels came to the protocol {protocol.name}, which is for "
            f"{protocol.size}x{protocol.size}. Type protocol.size={height}, or give it images of its own size."
        )
