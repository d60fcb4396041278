"""What a network makes of a few photos, in one picture: gray, hints, prediction, truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.evaluation.hint_counts import Network
from chromahint.evaluation.protocols.base import HintProtocol, LabImages
from chromahint.visualization.hint_overlay import Picture, draw_gray, draw_hints, draw_sheet, to_pictures


@torch.inference_mode()
def image_grid(
    networks: Network | Mapping[str, Network], rgb: Tensor, ids: Sequence[str], protocol: HintProtocol, count: int
) -> Picture:
    """Draw a row a photo: gray | hints | one prediction a network, with the protocol's PSNR | truth.

    Args:
        networks: one network, or several by the title of their column.
        rgb: B3HW uint8 photos of the protocol's size, on the networks' device.
        ids: B picture ids, which decide where the hints lie.
        protocol: where the hints come from.
        count: hints in each picture.

    Returns:
        HxWx3 uint8 RGB, for `write_png` or a logger.
    """
    named = networks if isinstance(networks, Mapping) else {"prediction": networks}
    lightness, ab = rgb_to_lab(rgb)
    truth = LabImages(lightness, ab, rgb)
    hints = protocol.hints(ab, ids, count)
    columns = [draw_gray(lightness), draw_hints(lightness, hints)]
    captions = [[""] * len(rgb), [_caption(count)] * len(rgb)]
    for network in named.values():
        predicted_ab = network(lightness, hints)
        prediction = LabImages(lightness, predicted_ab, lab_to_rgb8(lightness, predicted_ab))
        columns.append(to_pictures(prediction.rgb))
        captions.append([f"{value:.2f} dB" for value in protocol.measure(prediction, truth).psnr.tolist()])
    columns.append(to_pictures(rgb))
    captions.append([""] * len(rgb))
    by_row = list(zip(*columns, strict=True))
    return draw_sheet(by_row, list(zip(*captions, strict=True)), columns=["gray", "hints", *named, "truth"])


def write_png(path: str | Path, picture: Picture) -> Path:
    """Write a picture HxWx3 uint8 RGB, making the folder it goes to."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(file, format="PNG")
    return file


def _caption(count: int) -> str:
    return "no hint" if count == 0 else f"{count:,} hint{'s' if count > 1 else ''}"
