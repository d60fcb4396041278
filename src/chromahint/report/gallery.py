"""Gallery of the same images with the same hints, colorized by each network, from the hardest to the easiest."""

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
from chromahint.color import lab_to_rgb8
from chromahint.evaluation.protocols.base import LabImages
from chromahint.hints.hints import Hints
from chromahint.images.decode import RGBImage
from chromahint.images.resize import resize_square
from chromahint.inference.load import resolve_device
from chromahint.report.evaluation_result import EvaluationResult
from chromahint.report.load_runs import LoadedRuns
from chromahint.report.ranking import image_scores
from chromahint.report.rebuild_networks import evaluated_photos, evaluation_protocol, rebuild_network
from chromahint.visualization.hint_overlay import draw_hints, to_numpy_images

BATCH_SIZE = 8


@dataclass(frozen=True)
class Gallery:
    """Images as data URIs.

    Attributes:
        hint_count: number of hints in each image.
        image_names: names of the images.
        hints: grayscale images with the hints drawn on them.
        ground_truth: original images.
        predictions: name -> image colorized by this network, for each image.
        scores: metric -> name -> score of each image.
        missing: name -> reason why the network can't be shown.
    """

    hint_count: int
    image_names: list[str]
    hints: list[str]
    ground_truth: list[str]
    predictions: dict[str, list[str]]
    scores: dict[str, dict[str, list[float]]]
    missing: dict[str, str]


def draw_gallery(
    loaded: LoadedRuns, columns: Mapping[str, EvaluationResult], num_images: int, hint_count: int
) -> Gallery:
    """Colorize images with each network, as in its evaluation. Images from an earlier call are reused.

    Args:
        loaded: runs and their evaluations.
        columns: name -> evaluation, of the runs and baselines to show.
        num_images: number of images, evenly spaced from the worst to the best by mean PSNR of all columns.
        hint_count: number of hints in each image.

    Raises:
        ValueError: the evaluated images are missing or have changed.
    """
    reference = loaded.reference
    indices = pick_images(columns, num_images, hint_count)
    ids = [reference.image_ids[index] for index in indices]
    rgb = read_images(reference, indices)
    truth = LabImages.from_rgb(rgb)
    lightness, hints = truth.lightness, evaluation_protocol(reference).hints(truth, ids, hint_count)
    file_names = [f"{hint_count}-{id_hash(id_)}.jpg" for id_ in ids]
    predictions, missing = {}, {}
    for name, result in columns.items():
        try:
            jpegs = _colorize(name, result, loaded, file_names, lightness, hints)
        except ValueError as error:
            missing[name] = str(error)
        else:
            predictions[name] = [data_uri(jpeg) for jpeg in jpegs]
    return Gallery(
        hint_count=hint_count,
        image_names=[reference.image_names[index] for index in indices],
        hints=[data_uri(encode_jpeg(image)) for image in draw_hints(lightness, hints)],
        ground_truth=[data_uri(encode_jpeg(image)) for image in to_numpy_images(rgb)],
        predictions=predictions,
        scores={
            metric: {
                name: image_scores(columns[name], columns[name].scores[metric], hint_count)[indices].tolist()
                for name in predictions
            }
            for metric in loaded.metrics
        },
        missing=missing,
    )


def pick_images(columns: Mapping[str, EvaluationResult], num_images: int, hint_count: int) -> list[int]:
    """Return the indices of images that are evenly spaced from the worst to the best by mean PSNR of all columns."""
    mean_psnr = np.mean(
        [image_scores(result, result.scores["psnr"], hint_count) for result in columns.values()], axis=0
    )
    order = np.argsort(mean_psnr)
    positions = np.linspace(0, len(order) - 1, min(num_images, len(order))).round().astype(int)
    return [int(order[position]) for position in positions]


def id_hash(image_id: str) -> str:
    """Return the part of a cached file's name that stands for an image."""
    return blake2b(image_id.encode(), digest_size=8).hexdigest()


def read_images(result: EvaluationResult, indices: list[int]) -> Tensor:
    """Return images at the size of the evaluation, B3HW uint8 RGB."""
    photos, size = evaluated_photos(result), evaluation_protocol(result).size
    photo_indices = {photos.name(index): index for index in range(len(photos))}
    images = []
    for index in indices:
        name = result.image_names[index]
        if name not in photo_indices or photos.identify(photo_indices[name]) != result.image_ids[index]:
            raise ValueError(f"{name}: the image is missing or has changed since the evaluation. Evaluate again.")
        images.append(torch.from_numpy(resize_square(photos.read(photo_indices[name]), size).copy()))
    return torch.stack(images).permute(0, 3, 1, 2)


def _colorize(
    name: str, result: EvaluationResult, loaded: LoadedRuns, file_names: list[str], lightness: Tensor, hints: Hints
) -> list[bytes]:
    """Return colorized images as JPEG, and cache them in the folder of the evaluation."""
    files = [result.folder / "gallery" / file_name for file_name in file_names]
    if all(file.is_file() for file in files):
        return [file.read_bytes() for file in files]
    device = resolve_device("auto")
    network = rebuild_network(name, result, loaded.runs.get(name), device)
    jpegs = []
    with torch.inference_mode():
        for first in range(0, len(lightness), BATCH_SIZE):
            batch_lightness = lightness[first : first + BATCH_SIZE].to(device)
            predicted_ab = network(batch_lightness, hints.images(first, first + BATCH_SIZE).to(device))
            jpegs += [encode_jpeg(image) for image in to_numpy_images(lab_to_rgb8(batch_lightness, predicted_ab))]
    for file, jpeg in zip(files, jpegs, strict=True):
        with contextlib.suppress(OSError), atomic_write(file) as stream:  # the folder may be read-only
            stream.write(jpeg)
    return jpegs


def encode_jpeg(image: RGBImage) -> bytes:
    """Encode an image as JPEG."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="JPEG", quality=88)
    return stream.getvalue()


def data_uri(jpeg: bytes) -> str:
    """Return a JPEG as a URI for a page that loads nothing."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
