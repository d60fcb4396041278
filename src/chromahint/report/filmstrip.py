"""Filmstrip of the protocol `clicks`: the same photos after some of the clicks that a network's own results led to."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from chromahint.evaluation.hint_counts import evaluate_hint_counts
from chromahint.evaluation.protocols.base import HintProtocol, InteractiveProtocol
from chromahint.inference.load import resolve_device
from chromahint.report.evaluation_result import EvaluationResult
from chromahint.report.gallery import BATCH_SIZE, data_uri, encode_jpeg, id_hash, pick_images, read_images
from chromahint.report.load_runs import LoadedRuns
from chromahint.report.rebuild_networks import evaluation_protocol, rebuild_network
from chromahint.runs.files import read_json, write_json
from chromahint.visualization.hint_overlay import to_numpy_images

FRAME_COUNTS = (0, 1, 2, 5, 10)
"""Numbers of clicks that the filmstrip shows."""
CACHE_FORMAT = 1


@dataclass(frozen=True)
class Filmstrip:
    """Results after some clicks.

    Attributes:
        counts: number of clicks in each frame.
        size: height and width of the images in pixels.
        image_names: names of the images.
        ground_truth: original images as data URIs.
        strips: name of a network -> for each image, `frames` (data URIs) and `clicks` (positions [x, y], in order).
        scores: metric -> name of a network -> for each image, the score of each frame.
        missing: name of a network -> reason why it can't be shown.
    """

    counts: list[int]
    size: int
    image_names: list[str]
    ground_truth: list[str]
    strips: dict[str, list[dict[str, Any]]]
    scores: dict[str, dict[str, list[list[float]]]]
    missing: dict[str, str]


def is_interactive(result: EvaluationResult) -> bool:
    """Tell whether the hints of an evaluation depend on the network's own results."""
    return isinstance(evaluation_protocol(result), InteractiveProtocol)


def draw_filmstrip(loaded: LoadedRuns, columns: Mapping[str, EvaluationResult], num_images: int) -> Filmstrip:
    """Colorize images click by click with each network, as in its evaluation. Frames from an earlier call are reused.

    Args:
        loaded: runs and their evaluations.
        columns: name -> evaluation, of the runs and baselines to show.
        num_images: number of images, evenly spaced from the worst to the best by mean PSNR of all columns.

    Raises:
        ValueError: the evaluated images are missing or have changed.
    """
    reference = loaded.reference
    counts = [count for count in FRAME_COUNTS if count in reference.all_counts]
    indices = pick_images(columns, num_images, reference.hint_counts[-1])
    rgb = read_images(reference, indices)
    strips, missing = {}, {}
    for name, result in columns.items():
        try:
            strips[name] = _strips(name, result, loaded, rgb, [reference.image_ids[index] for index in indices], counts)
        except ValueError as error:
            missing[name] = str(error)
    rows = [reference.all_counts.index(count) for count in counts]
    return Filmstrip(
        counts=counts,
        size=rgb.shape[-1],
        image_names=[reference.image_names[index] for index in indices],
        ground_truth=[data_uri(encode_jpeg(image)) for image in to_numpy_images(rgb)],
        strips=strips,
        scores={
            metric: {name: columns[name].all_scores[metric][rows][:, indices].T.tolist() for name in strips}
            for metric in loaded.metrics
        },
        missing=missing,
    )


def _strips(
    name: str, result: EvaluationResult, loaded: LoadedRuns, rgb: Tensor, ids: list[str], counts: list[int]
) -> list[dict[str, Any]]:
    """Return the frames and clicks of each image, and cache them in the folder of the evaluation."""
    files = [result.folder / "gallery" / f"clicks-{id_hash(id_)}.json" for id_ in ids]
    cached = [_read_cache(file, counts) for file in files]
    strips = [strip for strip in cached if strip is not None]
    if len(strips) == len(files):
        return strips
    device = resolve_device("auto")
    network, protocol = rebuild_network(name, result, loaded.runs.get(name), device), evaluation_protocol(result)
    strips = []
    for start in range(0, len(ids), BATCH_SIZE):
        batch = slice(start, start + BATCH_SIZE)
        strips += _click(network, protocol, rgb[batch].to(device), ids[batch], counts)
    for file, strip in zip(files, strips, strict=True):
        with contextlib.suppress(OSError):  # the folder may be read-only
            write_json(file, {"format": CACHE_FORMAT, "counts": counts, **strip})
    return strips


def _click(
    network: nn.Module, protocol: HintProtocol, rgb: Tensor, ids: Sequence[str], counts: list[int]
) -> list[dict[str, Any]]:
    """Color a batch with more and more clicks; return the frames and clicks of each image."""
    strips: list[dict[str, Any]] = [{"frames": [], "clicks": []} for _ in ids]
    before = torch.zeros_like(rgb[:, :1])
    for result in evaluate_hint_counts(network, rgb, ids, protocol):
        for index, _, y, x in (result.hints.mask > before).nonzero().tolist():
            strips[index]["clicks"].append([x, y])
        before = result.hints.mask
        if result.count in counts:
            for strip, image in zip(strips, to_numpy_images(result.prediction), strict=True):
                strip["frames"].append(data_uri(encode_jpeg(image)))
        if result.count == counts[-1]:
            break
    return strips


def _read_cache(file: Path, counts: list[int]) -> dict[str, Any] | None:
    with contextlib.suppress(ValueError):
        content = read_json(file)
        if content.get("format") == CACHE_FORMAT and content.get("counts") == counts:
            return {"frames": content["frames"], "clicks": content["clicks"]}
    return None
