"""TensorBoard logger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from numpy.typing import NDArray

from chromahint.images.decode import read_photo
from chromahint.training.loggers.run_logger import RunLogger, results_by_hints


class TensorBoardRunLogger(RunLogger, TensorBoardLogger):
    """TensorBoard logger of a run.

    Args:
        logged: Step and name of the metrics that the event files already have.
        config: Resolved config, for the tab HPARAMS.
        options: Options of Lightning's `TensorBoardLogger`.
    """

    def __init__(self, logged: set[tuple[int, str]], config: dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.logged = logged
        self.config = config

    @rank_zero_only
    def begin(self, hint_counts: Sequence[int]) -> None:
        """Do nothing: TensorBoard takes metrics as they come."""

    @rank_zero_only
    def log_picture(self, name: str, picture: NDArray[Any], step: int) -> None:
        """Log a picture of a step, for the tab IMAGES."""
        self.experiment.add_image(name, picture, step, dataformats="HWC")

    @rank_zero_only
    def log_results(self, metrics: dict[str, Any], pictures: Mapping[str, Path]) -> None:
        """Log the final evaluation; see `RunLogger`. In curves `hints/METRIC`, the step is the number of hints."""
        values = {}
        for name, by_count in results_by_hints(metrics).items():
            for count, value in by_count.items():
                self.experiment.add_scalar(f"hints/{name}", value, count)
                values[f"test/{name}@{count}"] = value
        self.log_hyperparams(self.config, values)
        for name, file in pictures.items():
            self.log_picture(name, read_photo(file), 0)

    @rank_zero_only
    def close(self, exit_code: int) -> None:
        """Close the event file."""
        self.experiment.close()


def tensorboard_metrics(folder: Path) -> set[tuple[int, str]]:
    """Return step and name of the metrics in the event files of a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {(event.step, name) for name in events.Tags()["scalars"] for event in events.Scalars(name)}


def tensorboard_logger(folder: Path, config: dict[str, Any], metadata: dict[str, Any]) -> TensorBoardRunLogger:
    """Build a logger that writes RUN/tensorboard; `tensorboard --logdir runs` then shows all runs.

    Args:
        folder: Run folder.
        config: Resolved config.
        metadata: From run.json; not used.
    """
    written = folder / "tensorboard"
    logged = tensorboard_metrics(written) if written.exists() else set()
    return TensorBoardRunLogger(logged, config, save_dir=folder, name="", version=written.name)
