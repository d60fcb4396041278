"""What the loggers of a run have in common: no duplicates after a resume, pictures, and the final results."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only
from numpy.typing import NDArray

from chromahint.evaluation.metric_info import METRIC_INFO
from chromahint.training.loggers.csv import MetricsCSVLogger


class RunLogger(Logger):
    """Mixin for a Lightning logger; list it first among the base classes.

    Attributes:
        logged: Step and name of the metrics that the logger already has, of a run that was resumed.
    """

    logged: set[tuple[int, str]]

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log the metrics of a step, unless the logger has all of them."""
        if any((step, name) not in self.logged for name in metrics if name != "epoch"):
            super().log_metrics(dict(metrics), step)  # type: ignore[safe-super]  # that of the Lightning logger

    @rank_zero_only
    def sync_from_csv(self, csv_logger: MetricsCSVLogger) -> None:
        """Log the rows of metrics.csv that are missing. A process that is killed may lose what it wrote last."""
        for (step, epoch), rows in itertools.groupby(csv_logger.read_rows(), key=lambda row: row[:2]):
            missing = {name: value for _, _, name, value in rows if (step, name) not in self.logged}
            if missing:
                self.log_metrics({"epoch": epoch, **missing}, step)
                self.logged |= {(step, name) for name in missing}

    @abstractmethod
    def begin(self, hint_counts: Sequence[int]) -> None:
        """Prepare for the metrics that will come, for these numbers of hints in validation."""

    @abstractmethod
    def log_picture(self, name: str, picture: NDArray[Any], step: int) -> None:
        """Log a picture, HxWx3 uint8, of a step."""

    @abstractmethod
    def log_results(self, metrics: dict[str, Any], pictures: Mapping[str, Path]) -> None:
        """Log the final evaluation: each metric by number of hints, as values and as a curve, and pictures.

        Args:
            metrics: Content of metrics.json.
            pictures: Image files by name.
        """

    @abstractmethod
    def close(self, exit_code: int) -> None:
        """Write everything; the process then ends with `exit_code`."""


def results_by_hints(metrics: dict[str, Any]) -> dict[str, dict[int, float]]:
    """Return metric -> number of hints -> value, for the metrics that every number of hints has.

    >>> results_by_hints({"by_hints": {"0": {"psnr": 20.0}, "10": {"psnr": 25.0, "new": 1.0}}})
    {'psnr': {0: 20.0, 10: 25.0}}
    """
    by_count = {int(count): scores for count, scores in metrics["by_hints"].items()}
    names = [name for name in METRIC_INFO if all(name in scores for scores in by_count.values())]
    return {name: {count: scores[name] for count, scores in by_count.items()} for name in names}
