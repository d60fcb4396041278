"""Color prior of a set of photos: how frequent each of the 313 color bins is, as a file.

Shape suffixes: Q bins.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from chromahint.atomic_write import atomic_write
from chromahint.color import rgb_to_lab
from chromahint.data.parallel import parallel_map
from chromahint.data.sources.base import Photos
from chromahint.hints.gamut_bins import NUM_GAMUT_BINS, SIGMA, gamut_bins
from chromahint.images.decode import UnreadableImageError
from chromahint.images.resize import resize
from chromahint.progress import ProgressFn

COLOR_PRIOR_FORMAT = "chromahint-color-prior/1"
_SHORTER_SIDE = 128
"""Photos are shrunk until their shorter side has this many pixels, each of which counts."""


class ColorPrior(NamedTuple):
    """Color prior of a set of photos.

    Attributes:
        probabilities: Q floats with the sum 1, in the order of `gamut_bins`.
        images: Number of photos.
        broken: Messages about the photos that can't be read.
    """

    probabilities: list[float]
    images: int
    broken: tuple[str, ...] = ()


def compute_color_prior(photos: Photos, num_workers: int = 0, advance: ProgressFn = lambda images: None) -> ColorPrior:
    """Count the nearest bin of every pixel, and smooth the counts by a Gaussian of 5 Lab units, as Zhang et al. 2016.

    Args:
        photos: The training photos. Each counts equally, whatever its size.
        num_workers: Processes that read; 0 reads in the calling process.
        advance: Called with the number of photos that were read since the last call.

    Raises:
        ValueError: No photo can be read.
    """
    total, images, broken = np.zeros(NUM_GAMUT_BINS), 0, []
    for found in parallel_map(_BinCounts(photos), num_workers):
        if isinstance(found, str):
            broken.append(found)
        else:
            total += found / found.sum()
            images += 1
        advance(1)
    if not images:
        raise ValueError(f"none of the {len(photos)} images can be read. Pass a folder of readable images.")
    smoothed = _smoothing_matrix().numpy() @ (total / images)
    return ColorPrior([round(value, 9) for value in smoothed.tolist()], images, tuple(broken))


def write_color_prior(path: Path, prior: ColorPrior) -> None:
    """Write a prior as JSON."""
    content = {"format": COLOR_PRIOR_FORMAT, "images": prior.images, "probabilities": prior.probabilities}
    with atomic_write(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


def read_color_prior(path: str | Path) -> list[float]:
    """Read the probabilities of a prior, 313 floats.

    Raises:
        ValueError: The file is not a color prior.
    """
    try:
        content = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: can't be read ({error.strerror}). Pass the path of a color prior.") from None
    except (ValueError, RecursionError):
        content = None
    values = content.get("probabilities") if isinstance(content, dict) else None
    if values is None or content.get("format") != COLOR_PRIOR_FORMAT or not _is_distribution(values):
        raise ValueError(f"{path}: not a color prior. Write one with `chromahint data color-prior FOLDER -o {path}`.")
    return [float(value) for value in values]


def _is_distribution(values: Any) -> bool:
    return (
        isinstance(values, list)
        and len(values) == NUM_GAMUT_BINS
        and all(isinstance(value, int | float) and 0 <= value <= 1 for value in values)
        and math.isclose(sum(values), 1, rel_tol=1e-3)
    )


def _smoothing_matrix() -> Tensor:
    """Return Q x Q weights by which each bin, a column, is spread over all bins."""
    bins = gamut_bins().double()
    weights = torch.exp(-torch.cdist(bins, bins).square() / (2 * SIGMA**2))
    return weights / weights.sum(dim=0)


class _BinCounts(Dataset["NDArray[np.float64] | str"]):
    """Pixels of each photo by nearest bin, or why it can't be read."""

    def __init__(self, photos: Photos) -> None:
        self.photos = photos

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> NDArray[np.float64] | str:
        try:
            image = self.photos.read(index)
        except UnreadableImageError as error:
            return str(error)
        height, width, _ = image.shape
        scale = min(1.0, _SHORTER_SIDE / min(height, width))
        small = resize(image, max(1, round(height * scale)), max(1, round(width * scale)))
        _, ab_12HW = rgb_to_lab(torch.from_numpy(np.array(small)).permute(2, 0, 1)[None])
        nearest = torch.cdist(ab_12HW[0].flatten(1).T, gamut_bins()).argmin(dim=1)
        return np.bincount(nearest.numpy(), minlength=NUM_GAMUT_BINS).astype(np.float64)
