"""Image grid of predictions: gray image, hints, predictions and ground truth, one row per photo."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from chromahint.color import lab_to_rgb8
from chromahint.data.sources.base import Photos
from chromahint.evaluation.hint_counts import Network
from chromahint.evaluation.protocols.base import HintProtocol, LabImages
from chromahint.images.decode import RGBImage, UnreadableImageError
from chromahint.images.resize import resize_square
from chromahint.visualization.hint_overlay import draw_contact_sheet, draw_gray, draw_hints, to_numpy_images


@torch.inference_mode()
def image_grid(
    networks: Network | Mapping[str, Network], rgb: Tensor, ids: Sequence[str], protocol: HintProtocol, count: int
) -> RGBImage:
    """Draw one row per photo: gray | hints | the prediction of each network, with its PSNR | truth.

    Args:
        networks: One network, or several by column title.
        rgb: B3HW uint8 photos of the protocol's size, on the networks' device.
        ids: B image ids, which determine the positions of the hints.
        protocol: Protocol that defines the hints and the PSNR.
        count: Hints in each image.

    Returns:
        HxWx3 uint8 RGB, for `write_png` or a logger.
    """
    named = networks if isinstance(networks, Mapping) else {"prediction": networks}
    truth = LabImages.from_rgb(rgb)
    lightness = truth.lightness
    hints = protocol.hints(truth, ids, count)
    columns = [draw_gray(lightness), draw_hints(lightness, hints)]
    captions = [[""] * len(rgb), [_caption(count)] * len(rgb)]
    for network in named.values():
        predicted_ab = network(lightness, hints)
        prediction = LabImages(lightness, predicted_ab, lab_to_rgb8(lightness, predicted_ab))
        columns.append(to_numpy_images(prediction.rgb))
        captions.append([f"{value:.2f} dB" for value in protocol.measure(prediction, truth)["psnr"].tolist()])
    columns.append(to_numpy_images(rgb))
    captions.append([""] * len(rgb))
    by_row = list(zip(*columns, strict=True))
    return draw_contact_sheet(by_row, list(zip(*captions, strict=True)), columns=["gray", "hints", *named, "truth"])


def sample_grid(
    networks: Network | Mapping[str, Network],
    photos: Photos,
    protocol: HintProtocol,
    device: torch.device,
    max_images: int = 4,
    num_hints: int = 100,
) -> RGBImage:
    """Draw the image grid of a few photos, spread evenly over a collection. Unreadable photos are skipped.

    Args:
        networks: One network, or several by column title, in eval mode on `device`.
        photos: Collection of photos.
        protocol: Source of the hints.
        device: Device of the networks.
        max_images: Largest number of rows.
        num_hints: Hints per image.

    Returns:
        HxWx3 uint8 RGB.

    Raises:
        ValueError: None of the chosen photos can be read.
    """
    rows = min(max_images, len(photos))
    chosen = [row * len(photos) // rows for row in range(rows)]
    images, ids = [], []
    for index in chosen:
        with contextlib.suppress(UnreadableImageError):
            images.append(resize_square(photos.read(index), protocol.size))
            ids.append(photos.identify(index))
    if not images:
        raise ValueError(
            f"{photos.name(chosen[0])}: none of {rows} sample images can be read, of which this is the first."
        )
    rgb = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).to(device)
    return image_grid(networks, rgb, ids, protocol, min(num_hints, protocol.max_hints))


def write_png(path: str | Path, image: RGBImage) -> Path:
    """Write an image HxWx3 uint8 RGB as PNG, creating its folder if necessary."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(file, format="PNG")
    return file


def _caption(count: int) -> str:
    return "no hint" if count == 0 else f"{count:,} hint{'s' if count > 1 else ''}"
