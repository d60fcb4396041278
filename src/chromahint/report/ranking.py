"""Rank runs by a metric, and test whether the lead of the best one is statistically significant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chromahint.evaluation.metric_info import METRIC_INFO
from chromahint.report.evaluation_result import EvaluationResult
from chromahint.report.load_runs import LoadedRuns
from chromahint.report.statistics import Array, bootstrap_interval, bootstrap_weights, p_value

TEST_NAME = "paired permutation test over images"
SIGNIFICANCE_LEVEL = 0.05
DEFAULT_METRIC = "psnr"


@dataclass(frozen=True)
class Margin:
    """Lead of the best run over the second best.

    Attributes:
        metric: name of the metric.
        value: by how much its mean is better; positive also for a metric of which lower values are better.
        low: lower bound of the 95 % confidence interval of the lead.
        high: upper bound.
        p: p-value of the paired permutation test.
    """

    metric: str
    value: float
    low: float
    high: float
    p: float

    @property
    def significant(self) -> bool:
        """Whether the lead is statistically significant."""
        return self.p < SIGNIFICANCE_LEVEL

    def __str__(self) -> str:
        verdict = "significant" if self.significant else "not significant"
        p = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.4f}"
        info = METRIC_INFO[self.metric]
        interval = f"[{self.low:.{info.digits}f}, {self.high:.{info.digits}f}]"
        return f"{info.format(self.value)} {interval}, {verdict} ({p}, {TEST_NAME})"


@dataclass(frozen=True)
class Ranking:
    """Runs in order of their scores.

    Attributes:
        metric: name of the metric.
        names: names of the runs, best first.
        means: their mean scores.
        folder: folder of the best run.
        margin: its lead over the second best; None if there is only one run.
    """

    metric: str
    names: list[str]
    means: list[float]
    folder: Path
    margin: Margin | None


def rank(loaded: LoadedRuns, hint_count: int | None = None, metric: str = DEFAULT_METRIC) -> Ranking:
    """Rank runs by the mean of a metric, and test the first against the second.

    Args:
        loaded: runs and their evaluations.
        hint_count: number of hints; None for each image's mean over all counts >= 1.
        metric: name of the metric, such as psnr or ciede2000.

    Raises:
        ValueError: the runs were not evaluated with this number of hints, or one lacks this metric.
    """
    if lacking := [name for name, result in loaded.evaluations.items() if metric not in result.scores]:
        raise ValueError(f"--metric {metric}: {lacking[0]} was evaluated without it. Evaluate the run again.")
    scores = {
        name: image_scores(result, result.scores[metric], hint_count) for name, result in loaded.evaluations.items()
    }
    names = sorted(scores, key=lambda name: -METRIC_INFO[metric].sign * float(scores[name].mean()))
    means = [float(scores[name].mean()) for name in names]
    margin = _margin(metric, *(scores[name] for name in names[:2]))
    return Ranking(metric, names, means, loaded.runs[names[0]].path, margin)


def image_scores(result: EvaluationResult, scores_KP: Array, hint_count: int | None) -> Array:
    """Select one score per image: at a number of hints, or the mean over all counts >= 1.

    Raises:
        ValueError: there is no evaluation with this number of hints.
    """
    if hint_count is None:
        rows = [row for row, count in enumerate(result.hint_counts) if count >= 1] or [0]
        mean: Array = scores_KP[rows].mean(axis=0)
        return mean
    if hint_count not in result.hint_counts:
        known = ", ".join(map(str, result.hint_counts))
        raise ValueError(f"--hints {hint_count}: the runs were not evaluated with it; choose one of {known}.")
    row: Array = scores_KP[result.hint_counts.index(hint_count)]
    return row


def _margin(metric: str, first_P: Array, second_P: Array | None = None) -> Margin | None:
    if second_P is None:
        return None
    difference = METRIC_INFO[metric].sign * (first_P - second_P)
    low, high = bootstrap_interval(difference, bootstrap_weights(len(difference)))
    return Margin(metric, float(np.mean(difference)), float(low), float(high), p_value(first_P, second_P))
