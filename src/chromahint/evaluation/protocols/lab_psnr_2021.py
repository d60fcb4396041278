"""The protocol of the 2021 course project: PSNR of 8-bit Lab."""

from __future__ import annotations

from dataclasses import dataclass, field

from chromahint.evaluation.metrics import psnr_8bit_lab, ssim
from chromahint.evaluation.protocols.base import ImageScores, LabImages
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.ranges import HintCounts, ImageSize, Seed, validate_arguments


@validate_arguments("protocol")
@dataclass(frozen=True)
class LabPSNR2021(RandomPixels):
    """Single pixels, and PSNR of the 8-bit Lab tensor, as in the hint-based networks (RES-UNET and others) of 2021.

    Their images are 128x128, their hints 1, 3 and 5 % of the pixels. Lightness, which is always right, counts among
    the three channels, so the figures lie above those of RGB. They pooled the error of a batch; here each image has
    its own PSNR, capped at 100 dB, and the network's colors are rounded to 8 bits as the photo's are. SSIM is that of
    8-bit RGB as scikit-image does it.

    Source: a course project on hint-based colorization, 2021, which compares a base model after Zhang et al. 2017 with
    RES-UNET and with networks of several branches.

    Args:
        counts: numbers of hints that are tried: distinct, ascending, 0..size * size.
        size: height and width of the images in pixels, 7 or more.
        seed: chooses the places, together with the image's id; they are those of `random_pixels`.
    """

    name = "lab_psnr_2021"
    metric_description = "PSNR in dB of 8-bit Lab over SSIM of 8-bit RGB"

    hint_counts: HintCounts = field(default_factory=lambda: [164, 492, 819])
    size: ImageSize = 128
    seed: Seed = 0

    def measure(self, prediction: LabImages, truth: LabImages) -> ImageScores:
        """PSNR of the 8-bit Lab tensor; SSIM of 8-bit RGB."""
        lab = psnr_8bit_lab((prediction.lightness, prediction.ab), (truth.lightness, truth.ab))
        return ImageScores(lab, ssim(prediction.rgb, truth.rgb))
