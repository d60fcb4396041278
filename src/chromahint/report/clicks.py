"""Clicks that a simulated person needs until the result reaches a target, and the area under the curve over hints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chromahint.report.load_runs import EvaluationResult
from chromahint.report.statistics import Array, bootstrap_interval, bootstrap_weights


def clicks_to_target(counts: Sequence[int], psnr_CP: Array, target: float) -> Array:
    """Return the smallest number of clicks at which each image reaches a target; P.

    Args:
        counts: C numbers of clicks, ascending.
        psnr_CP: PSNR of each image after that many clicks.
        target: PSNR in dB.

    Returns:
        Number of clicks; the largest one plus 1 for images that never reach the target.

    >>> clicks_to_target([0, 1, 2], np.array([[20.0, 20.0], [27.0, 21.0], [25.0, 22.0]]), 26).tolist()
    [1.0, 3.0]
    """
    reached_CP = psnr_CP >= target
    first_P = np.array(counts)[reached_CP.argmax(axis=0)]
    return np.where(reached_CP.any(axis=0), first_P, counts[-1] + 1).astype(np.float64)


def area_under_curve(counts: Sequence[int], scores_CP: Array) -> Array:
    """Return the area under each image's curve over log(1 + hints), divided by the width of its range; P.

    >>> area_under_curve([0, 1, 3], np.array([[1.0], [3.0], [3.0]])).round(6).tolist()
    [2.5]
    """
    x_C = np.log1p(counts)
    area_P: Array = np.trapezoid(scores_CP, x_C, axis=0) / (x_C[-1] - x_C[0])
    return area_P


def click_statistics(networks: Mapping[str, EvaluationResult]) -> dict[str, Any] | None:
    """Return the clicks to each target, one entry per network in each list; None for other protocols than `clicks`."""
    reference = next(iter(networks.values()))
    targets = sorted(float(target) for target in reference.metrics.get("clicks_to", {}))
    if not targets:
        return None
    weights_TP, largest = bootstrap_weights(len(reference.image_names)), reference.all_counts[-1]
    statistics = []
    for target in targets:
        clicks_NP = np.array(
            [clicks_to_target(result.all_counts, result.all_scores["psnr"], target) for result in networks.values()]
        )
        low, high = bootstrap_interval(clicks_NP, weights_TP)
        columns = {
            "mean": clicks_NP.mean(axis=-1),
            "low": low,
            "high": high,
            "median": np.median(clicks_NP, axis=-1),
            "not_reached": (clicks_NP > largest).mean(axis=-1),
        }
        statistics.append({"target": target, **{name: each.round(4).tolist() for name, each in columns.items()}})
    return {"largest": largest, "targets": statistics}
