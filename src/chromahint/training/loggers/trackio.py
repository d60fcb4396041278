"""Trackio logger."""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only
from numpy.typing import NDArray

from chromahint.training.loggers.csv import MetricsCSVLogger
from chromahint.training.loggers.run_logger import RunLogger, results_by_hints


class TrackioLogger(Logger):
    """Lightning logger for Trackio, which Lightning has none for.

    Args:
        options: Arguments of `trackio.init`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options
        self._run: Any = None

    @property
    def name(self) -> str:
        """Name of the run."""
        return str(self.options["name"])

    @property
    def version(self) -> str:
        """Version that Lightning requires; not used for any path."""
        return ""

    @property
    def experiment(self) -> Any:
        """The Trackio run, which begins when it is first asked for."""
        if self._run is None:
            import trackio

            with contextlib.redirect_stdout(io.StringIO()):
                self._run = trackio.init(**self.options)
        return self._run

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log the metrics of a step."""
        self.experiment.log(dict(metrics), step=step)

    def log_hyperparams(self, params: dict[str, Any] | argparse.Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the run has the config."""


class TrackioRunLogger(RunLogger, TrackioLogger):
    """Trackio logger of a run.

    Args:
        logged: Step and name of the metrics that Trackio already has.
        options: Arguments of `trackio.init`.
    """

    def __init__(self, logged: set[tuple[int, str]], **options: Any) -> None:
        super().__init__(**options)
        self.logged = logged

    @rank_zero_only
    def begin(self, hint_counts: Sequence[int]) -> None:
        """Do nothing: Trackio takes metrics as they come."""

    @rank_zero_only
    def log_picture(self, name: str, picture: NDArray[Any], step: int) -> None:
        """Log a picture of a step, for the page of media."""
        import trackio

        self.experiment.log({name: trackio.Image(picture)}, step=step)

    @rank_zero_only
    def log_results(self, metrics: dict[str, Any], pictures: Mapping[str, Path]) -> None:
        """Log the final evaluation; see `RunLogger`. In curves `hints/METRIC`, the step is the number of hints."""
        import trackio

        for name, by_count in results_by_hints(metrics).items():
            for count, value in by_count.items():
                self.experiment.log({f"hints/{name}": value}, step=count)
                self.experiment.log({f"test/{name}@{count}": value})
        self.experiment.log({name: trackio.Image(str(file)) for name, file in pictures.items()})

    @rank_zero_only
    def close(self, exit_code: int) -> None:
        """Write everything."""
        with contextlib.redirect_stdout(io.StringIO()):
            self.experiment.finish()


def trackio_logger(
    folder: Path,
    config: dict[str, Any],
    metadata: dict[str, Any],
    project: str = "chromahint",
    space_id: str | None = None,
) -> TrackioRunLogger:
    """Build a Trackio logger, which writes to Trackio's folder on this machine, or to a Space.

    Args:
        folder: Run folder.
        config: Resolved config.
        metadata: From run.json: `name` and `group`.
        project: Trackio project.
        space_id: Space on the Hugging Face Hub that shows the runs; None for that of TRACKIO_SPACE_ID, or else none.
    """
    # a resumed run continues the Trackio run of the same name, which has what metrics.csv has
    logged = {(step, name) for step, _, name, _ in MetricsCSVLogger(folder).read_rows()}
    return TrackioRunLogger(
        logged,
        project=project,
        name=metadata["name"],
        group=metadata["group"],
        space_id=space_id,
        config=config,
        resume="allow",
        embed=False,
    )
