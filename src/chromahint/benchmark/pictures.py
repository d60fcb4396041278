"""Pictures of the median and the worst photo of each method."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from chromahint.benchmark.methods import LoadedMethod
from chromahint.benchmark.run_benchmark import Plan, Task, VerifiedSet
from chromahint.color import rgb_to_lab
from chromahint.evaluation.hint_counts import evaluate_hint_counts
from chromahint.evaluation.protocols.base import HintProtocol
from chromahint.images.resize import resize_square
from chromahint.report.compare import DEFAULT_GALLERY_HINTS
from chromahint.report.evaluation_result import EvaluationResult, read_evaluation
from chromahint.report.gallery import data_uri, encode_jpeg
from chromahint.report.ranking import image_scores
from chromahint.visualization.hint_overlay import draw_hints, to_numpy_images

KINDS = ("median", "worst")
_PARTS = ("hints", "result", "photo")


def draw_pictures(plan: Plan, tasks: list[Task]) -> list[dict[str, Any]]:
    """Draw the median and the worst photo of each task, by PSNR at about ten hints. Earlier pictures are reused.

    Args:
        plan: Plan of the benchmark.
        tasks: Finished tasks.

    Returns:
        One item per task and kind: `method`, `kind`, `photo`, `hint_count`, `psnr`, and a data URI of each of the
        gray photo with its `hints`, the `result`, and the original, as `images`.
    """
    items = []
    for task in tasks:
        result = read_evaluation(task.folder)
        result = result.without(result.left_out)
        count = min(result.hint_counts, key=lambda each: abs(each - DEFAULT_GALLERY_HINTS))
        psnr = image_scores(result, result.scores["psnr"], count)
        order = np.argsort(psnr, kind="stable").tolist()
        chosen = [order[len(order) // 2], order[0]]
        names = [f"{count}-{kind}-{result.image_ids[index][:16]}" for kind, index in zip(KINDS, chosen, strict=True)]
        files = [[task.folder / "pictures" / f"{name}-{part}.jpg" for part in _PARTS] for name in names]
        if not all(file.is_file() for each in files for file in each):
            protocol = plan.protocols[task.protocol]
            images = _color(plan.load(task.method), plan.sets[task.set], result, chosen, protocol, count)
            for each, jpegs in zip(files, images, strict=True):
                for file, jpeg in zip(each, jpegs, strict=True):
                    file.parent.mkdir(exist_ok=True)
                    file.write_bytes(jpeg)
        items += [
            {
                "method": task.method,
                "kind": kind,
                "photo": result.image_names[index],
                "hint_count": count,
                "psnr": float(psnr[index]),
                "images": [data_uri(file.read_bytes()) for file in each],
            }
            for kind, index, each in zip(KINDS, chosen, files, strict=True)
        ]
    return items


def _color(
    method: LoadedMethod, photo_set: VerifiedSet, evaluation: EvaluationResult, chosen: list[int],
    protocol: HintProtocol, count: int,
) -> list[list[bytes]]:  # fmt: skip
    """Return JPEGs of each photo: gray with its hints, the result, and the original."""
    indices = {photo_set.photos.name(index): index for index in range(len(photo_set.photos))}
    photos = [photo_set.photos.read(indices[evaluation.image_names[index]]) for index in chosen]
    squares = [torch.from_numpy(resize_square(photo, protocol.size)) for photo in photos]
    rgb = torch.stack(squares).permute(0, 3, 1, 2).to(method.device)
    results = evaluate_hint_counts(method.network, rgb, [evaluation.image_ids[index] for index in chosen], protocol)
    result = next(each for each in results if each.count == count)
    columns = (
        draw_hints(rgb_to_lab(rgb)[0], result.hints),
        to_numpy_images(result.prediction),
        to_numpy_images(rgb),
    )
    return [[encode_jpeg(image) for image in images] for images in zip(*columns, strict=True)]
