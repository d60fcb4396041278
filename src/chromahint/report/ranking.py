"""Which run is ahead, and whether that is more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chromahint.report.load_runs import EvaluationResult, LoadedRuns
from chromahint.report.statistics import Array, bootstrap_weights, interval, p_value

TEST = "paired permutation test over pictures"
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Margin:
    """How far the best run is ahead of the second.

    Attributes:
        db: difference of mean PSNR.
        low: lower end of its 95 % interval.
        high: upper end.
        p: of the paired permutation test.
    """

    db: float
    low: float
    high: float
    p: float

    @property
    def significant(self) -> bool:
        """Whether chance is an unlikely reason."""
        return self.p < SIGNIFICANT

    def __str__(self) -> str:
        verdict = "significant" if self.significant else "not significant, it may be chance"
        p = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.4f}"
        return f"{self.db:.2f} dB [{self.low:.2f}, {self.high:.2f}], {verdict} ({p}, {TEST})"


@dataclass(frozen=True)
class Ranking:
    """The winner among runs.

    Attributes:
        names: of the runs, the best first.
        psnr: their mean PSNR in dB.
        folder: of the winner.
        lead: on the second; None where there is no second.
    """

    names: list[str]
    psnr: list[float]
    folder: Path
    lead: Margin | None


def rank(gathered: LoadedRuns, at: int | None = None) -> Ranking:
    """Rank runs by mean PSNR, and test the first against the second.

    Args:
        gathered: what was measured.
        at: a number of hints; None takes each picture's mean over all numbers from 1 on.

    Raises:
        ValueError: nothing was measured at that number.
    """
    scores = {name: score(each, each.psnr, at) for name, each in gathered.measured.items()}
    names = sorted(scores, key=lambda name: -float(scores[name].mean()))
    psnr = [float(scores[name].mean()) for name in names]
    return Ranking(names, psnr, gathered.runs[names[0]].path, _lead(*(scores[name] for name in names[:2])))


def score(measured: EvaluationResult, figures_KP: Array, at: int | None) -> Array:
    """One figure a picture: at a number of hints, or the mean over all numbers from 1 on.

    Raises:
        ValueError: nothing was measured at that number.
    """
    if at is None:
        informed = [row for row, count in enumerate(measured.counts) if count >= 1] or [0]
        mean: Array = figures_KP[informed].mean(axis=0)
        return mean
    if at not in measured.counts:
        raise ValueError(f"--at {at}: was not measured; type one of {', '.join(map(str, measured.counts))}")
    row: Array = figures_KP[measured.counts.index(at)]
    return row


def _lead(first_P: Array, second_P: Array | None = None) -> Margin | None:
    if second_P is None:
        return None
    difference = first_P - second_P
    low, high = interval(difference, bootstrap_weights(len(difference)))
    return Margin(float(np.mean(difference)), float(low), float(high), p_value(first_P, second_P))
