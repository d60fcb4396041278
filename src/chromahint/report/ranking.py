"""Rank runs by PSNR, and test whether the lead of the best one is statistically significant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chromahint.report.load_runs import EvaluationResult, LoadedRuns
from chromahint.report.statistics import Array, bootstrap_interval, bootstrap_weights, p_value

TEST_NAME = "paired permutation test over images"
SIGNIFICANCE_LEVEL = 0.05


@dataclass(frozen=True)
class Margin:
    """Lead of the best run over the second best.

    Attributes:
        db: difference of mean PSNR in dB.
        low: lower bound of its 95 % confidence interval.
        high: upper bound.
        p: p-value of the paired permutation test.
    """

    db: float
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
        return f"{self.db:.2f} dB [{self.low:.2f}, {self.high:.2f}], {verdict} ({p}, {TEST_NAME})"


@dataclass(frozen=True)
class Ranking:
    """Runs in order of their scores.

    Attributes:
        names: names of the runs, best first.
        psnr: their mean PSNR in dB.
        folder: folder of the best run.
        margin: its lead over the second best; None if there is only one run.
    """

    names: list[str]
    psnr: list[float]
    folder: Path
    margin: Margin | None


def rank(loaded: LoadedRuns, hint_count: int | None = None) -> Ranking:
    """Rank runs by mean PSNR, and test the first against the second.

    Args:
        loaded: runs and their evaluations.
        hint_count: number of hints; None for each image's mean over all counts >= 1.

    Raises:
        ValueError: the runs were not evaluated with this number of hints.
    """
    scores = {name: image_scores(result, result.psnr, hint_count) for name, result in loaded.evaluations.items()}
    names = sorted(scores, key=lambda name: -float(scores[name].mean()))
    psnr = [float(scores[name].mean()) for name in names]
    return Ranking(names, psnr, loaded.runs[names[0]].path, _margin(*(scores[name] for name in names[:2])))


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


def _margin(first_P: Array, second_P: Array | None = None) -> Margin | None:
    if second_P is None:
        return None
    difference = first_P - second_P
    low, high = bootstrap_interval(difference, bootstrap_weights(len(difference)))
    return Margin(float(np.mean(difference)), float(low), float(high), p_value(first_P, second_P))
