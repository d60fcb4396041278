"""metrics.json, format 2: means over images, the area under the curve over hints, and the clicks to a target."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

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
        curves = {name: [mean[name] for mean in means.values()] for name in next(iter(means.values()))}
        metrics["auc"] = {name: area_under_curve(list(means), curve) for name, curve in curves.items()}
    if isinstance(protocol, InteractiveProtocol) and means:
        metrics["clicks_to"] = clicks_to_targets(by_count, protocol.targets)
    return metrics


def area_under_curve(counts: Sequence[int], values: Sequence[float]) -> float:
    """Return the area under a curve over log(1 + hints) by the trapezoidal rule, divided by the width of its range.

    That is a mean over the curve: the area under a constant is the constant, also if the first count is not 0.

    Args:
        counts: Numbers of hints, ascending; two or more.
        values: Value at each of them.

    >>> round(area_under_curve([0, 1, 3], [1.0, 3.0, 3.0]), 9)
    2.5
    """
    x = [math.log1p(count) for count in counts]
    steps = zip(pairwise(x), pairwise(values), strict=True)
    return math.fsum((right - left) * (low + high) / 2 for (left, right), (low, high) in steps) / (x[-1] - x[0])


def clicks_to_targets(by_count: dict[int, list[ImageResult]], targets: Sequence[float]) -> dict[str, dict[str, float]]:
    """Return how many clicks images take until their PSNR reaches each target.

    Args:
        by_count: Results of the same images after every number of clicks from 0.
        targets: PSNR values in dB.

    Returns:
        `{"28": {"mean": .., "median": .., "not_reached": share}}`. An image that never reaches a target counts as one
        click more than the largest number.
    """
    never = max(by_count) + 1
    psnr: dict[tuple[str, str], dict[int, float]] = {}
    for count, rows in sorted(by_count.items()):
        for row in rows:
            psnr.setdefault((row.image, row.id), {})[count] = row.scores["psnr"]
    found = {}
    for target in targets:
        clicks = [next((count for count, x in curve.items() if x >= target), never) for curve in psnr.values()]
        found[f"{target:g}"] = {
            "mean": _mean(clicks),
            "median": float(statistics.median(clicks)),
            "not_reached": clicks.count(never) / len(clicks),
        }
    return found


def _means(rows: Sequence[ImageResult]) -> dict[str, float]:
    return {name: _mean([row.scores[name] for row in rows]) for name in rows[0].scores}


def _mean(values: Sequence[float]) -> float:
    # an exact sum does not depend on the order in which processes report their images
    return math.fsum(values) / len(values)
