"""Clicks that a simulated person needs until the result reaches a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chromahint.evaluation.curves import clicks_to_target
from chromahint.report.evaluation_result import EvaluationResult
from chromahint.report.statistics import bootstrap_interval, bootstrap_weights


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
