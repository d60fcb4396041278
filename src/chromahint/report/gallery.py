"""What networks make of the same photos from the same hints, for a few photos from the hardest to the easiest."""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from chromahint.atomic_write import atomic_write
from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.data.transforms import resize_square
from chromahint.hints.hints import Hints
from chromahint.inference.load import resolve_device
from chromahint.report.load_runs import EvaluationResult, LoadedRuns
from chromahint.report.ranking import score
from chromahint.report.rebuild_networks import network_of, photos_of, protocol_of
from chromahint.visualization.hint_overlay import Picture, draw_hints, to_pictures

AT_ONCE = 8


@dataclass(frozen=True)
class Gallery:
    """Pictures as data URIs.

    Attributes:
        count: hints in each picture.
        images: names of the photos.
        hints: the hints of each photo, drawn on it.
        truth: the photos.
        columns: name -> what it makes of each photo.
        psnr: name -> dB of each of them.
        missing: name -> why a column can't be drawn.
    """

    count: int
    images: list[str]
    hints: list[str]
    truth: list[str]
    columns: dict[str, list[str]]
    psnr: dict[str, list[float]]
    missing: dict[str, str]


def draw_gallery(gathered: LoadedRuns, columns: Mapping[str, EvaluationResult], number: int, count: int) -> Gallery:
    """Color photos with each network, as it was evaluated; what was colored before is read again.

    Args:
        gathered: what was measured.
        columns: the evaluations that are shown, of runs and of methods beside them.
        number: of photos, spread evenly from the worst to the best of all columns' mean.
        count: hints in each picture.

    Raises:
        ValueError: the photos are not those that were evaluated, or not there.
    """
    first = gathered.first
    difficulty = np.mean([score(each, each.psnr, count) for each in columns.values()], axis=0)
    order = np.argsort(difficulty)
    chosen = [int(order[i]) for i in np.linspace(0, len(order) - 1, min(number, len(order))).round().astype(int)]
    ids = [first.basis.ids[index] for index in chosen]
    rgb = _read(first, chosen)
    lightness, ab = rgb_to_lab(rgb)
    hints = protocol_of(first).hints(ab, ids, count)
    kept = [f"{count}-{blake2b(id_.encode(), digest_size=8).hexdigest()}.jpg" for id_ in ids]
    drawn, missing = {}, {}
    for name, each in columns.items():
        try:
            pictures = _colored(name, each, gathered, kept, lightness, hints)
        except ValueError as error:
            missing[name] = str(error)
        else:
            drawn[name] = [_uri(picture) for picture in pictures]
    return Gallery(
        count=count,
        images=[first.images[index] for index in chosen],
        hints=[_uri(_jpeg(picture)) for picture in draw_hints(lightness, hints)],
        truth=[_uri(_jpeg(picture)) for picture in to_pictures(rgb)],
        columns=drawn,
        psnr={name: score(columns[name], columns[name].psnr, count)[chosen].tolist() for name in drawn},
        missing=missing,
    )


def _read(measured: EvaluationResult, chosen: list[int]) -> Tensor:
    """The photos as they were evaluated, B3HW uint8 RGB."""
    photos, size = photos_of(measured), protocol_of(measured).size
    places = {photos.name(place): place for place in range(len(photos))}
    pictures = []
    for index in chosen:
        name = measured.images[index]
        if name not in places or photos.identify(places[name]) != measured.basis.ids[index]:
            raise ValueError(f"{name}: is not among the photos any more, or is another one than was measured")
        pictures.append(torch.from_numpy(resize_square(photos.read(places[name]), size)))
    return torch.stack(pictures).permute(0, 3, 1, 2)


def _colored(
    name: str, measured: EvaluationResult, gathered: LoadedRuns, kept: list[str], lightness: Tensor, hints: Hints
) -> list[bytes]:
    """JPEG files of what a network makes of the photos, kept beside its evaluation."""
    files = [measured.folder / "gallery" / file for file in kept]
    if all(file.is_file() for file in files):
        return [file.read_bytes() for file in files]
    device = resolve_device("auto")
    network = network_of(name, measured, gathered.runs.get(name), device)
    pictures = []
    with torch.inference_mode():
        for gray, ab, mask in zip(
            *(torch.split(maps.to(device), AT_ONCE) for maps in (lightness, *hints)), strict=True
        ):
            pictures += [_jpeg(each) for each in to_pictures(lab_to_rgb8(gray, network(gray, Hints(ab, mask))))]
    for file, picture in zip(files, pictures, strict=True):
        with contextlib.suppress(OSError), atomic_write(file) as opened:  # a run may lie where nothing can be written
            opened.write(picture)
    return pictures


def _jpeg(picture: Picture) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, format="JPEG", quality=88)
    return content.getvalue()


def _uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
