"""metrics.json, format 2: means over images, the area under the curve over hints, and the clicks to a target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from chromahint.evaluation.curves import area_under_curve, clicks_to_target
from chromahint.evaluation.images_csv import ImageResult
from chromahint.evaluation.protocols.base import HintProtocol, InteractiveProtocol

METRICS_FORMAT = 2


def aggregate_results(images: Iterable[ImageResult], protocol: HintProtocol) -> dict[str, Any]:
    """Aggregate rows, in any order, into the content of metrics.json.

    Means are over the images with color, or over all images if the protocol keeps colorless ones.

    Returns:
        `{"format": 2, "protocol": str, "measures": str, "size": [h, w], "images": int, "colorless": {"min_chroma":
        float, "images": int, "ids": [str]}, "by_hints": {"10": {"psnr": .., "ssim": .., ...}}}`, and if the protocol
        reports them, `"auc": {"psnr": .., ...}` and `"clicks_to": {"28": {"mean": .., "median": .., "not_reached":
        ..}}`. "by_hints" is empty if no image is left.
    """
    rows = list(images)
    colorless = {(row.image, row.id) for row in rows if row.colorless}
    by_count: dict[int, list[ImageResult]] = {}
    for row in rows:
        if protocol.keeps_colorless or not row.colorless:
            by_count.setdefault(row.k, []).append(row)
    totals = {len(group) for group in by_count.values()}
    assert len(totals) <= 1, f"each image must have a row for each number of hints, not {by_count.keys()} x {totals}"
    means = {count: _means(group) for count, group in sorted(by_count.items())}
    metrics: dict[str, Any] = {
        "format": METRICS_FORMAT,
        "protocol": protocol.name,
        "measures": protocol.metric_description,
        "size": [protocol.size, protocol.size],
        "images": max(totals, default=0),
        "colorless": {
            "min_chroma": protocol.min_chroma,
            "images": len(colorless),
            "ids": sorted(image_id for _, image_id in colorless),
        },
        "by_hints": {str(count): mean for count, mean in means.items() if count in protocol.hint_counts},
    }
    if protocol.reports_auc and len(means) > 1:
        names = list(next(iter(means.values())))
        curves_CN = np.array([[mean[name] for name in names] for mean in means.values()])
        metrics["auc"] = dict(zip(names, area_under_curve(list(means), curves_CN).tolist(), strict=True))
    if isinstance(protocol, InteractiveProtocol) and means:
        metrics["clicks_to"] = clicks_to_targets(by_count, protocol.targets)
    return metrics


def clicks_to_targets(by_count: dict[int, list[ImageResult]], targets: Sequence[float]) -> dict[str, dict[str, float]]:
    """Return how many clicks images take until their PSNR reaches each target.

    Args:
        by_count: Results of the same images after every number of clicks from 0.
        targets: PSNR values in dB.

    Returns:
        `{"28": {"mean": .., "median": .., "not_reached": share}}`. An image that never reaches a target counts as one
        click more than the largest number.
    """
    counts = sorted(by_count)
    rows = [sorted(by_count[count], key=lambda row: (row.image, row.id)) for count in counts]
    psnr_CP = np.array([[row.scores["psnr"] for row in each] for each in rows])
    found = {}
    for target in targets:
        clicks_P = clicks_to_target(counts, psnr_CP, target)
        found[f"{target:g}"] = {
            "mean": float(clicks_P.mean()),
            "median": float(np.median(clicks_P)),
            "not_reached": float((clicks_P > counts[-1]).mean()),
        }
    return found


def _means(rows: Sequence[ImageResult]) -> dict[str, float]:
    return {name: _mean([row.scores[name] for row in rows]) for name in rows[0].scores}


def _mean(values: Sequence[float]) -> float:
    # an exact sum does not depend on the order in which processes report their images
    return math.fsum(values) / len(values)
