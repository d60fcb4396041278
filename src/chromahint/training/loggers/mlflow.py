"""MLflow logger."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import MLFlowLogger
from lightning.pytorch.utilities import rank_zero_only
from numpy.typing import NDArray

from chromahint.training.loggers.run_logger import RunLogger, results_by_hints

_RUN_TAG = "chromahint.run"
"""Tag with the id of the run folder, by which a resumed run finds its MLflow run."""


class MLflowRunLogger(RunLogger, MLFlowLogger):
    """MLflow logger of a run. MLflow allows no `@` in names, so `val/psnr@10` becomes `val/psnr_10`.

    Args:
        config: Resolved config, which becomes the parameters of the MLflow run.
        options: Options of Lightning's `MLFlowLogger`.
    """

    LOGGER_JOIN_CHAR = "/"

    def __init__(self, config: dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.config = config
        self.logged = set()

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log the metrics of a step, unless MLflow has all of them."""
        super().log_metrics({mlflow_name(name): value for name, value in metrics.items()}, step)

    @rank_zero_only
    def begin(self, hint_counts: Sequence[int]) -> None:
        """Log the config, or find out what a resumed run has logged."""
        run = self.experiment.get_run(self.run_id)
        if not run.data.params:
            self.log_hyperparams(self.config)
        for name in run.data.metrics:
            history = self.experiment.get_metric_history(self.run_id, name)
            self.logged |= {(metric.step, name) for metric in history}
        self.experiment.update_run(self.run_id, status="RUNNING")

    @rank_zero_only
    def log_picture(self, name: str, picture: NDArray[Any], step: int) -> None:
        """Log a picture of a step, for the image grid of the MLflow run."""
        self.experiment.log_image(self.run_id, picture, key=name.replace("/", "_"), step=step)

    @rank_zero_only
    def log_results(self, metrics: dict[str, Any], pictures: Mapping[str, Path]) -> None:
        """Log the final evaluation; see `RunLogger`. In curves `hints/METRIC`, the step is the number of hints."""
        for name, by_count in results_by_hints(metrics).items():
            for count, value in by_count.items():
                self.log_metrics({f"hints/{name}": value}, count)
                self.log_metrics({f"test/{name}@{count}": value})
        for name, file in pictures.items():
            self.experiment.log_artifact(self.run_id, str(file), str(Path(name).parent))

    @rank_zero_only
    def close(self, exit_code: int) -> None:
        """Set the status of the MLflow run."""
        self.finalize("success" if exit_code == 0 else "failed")


def mlflow_name(name: str) -> str:
    """Return the name of a metric in MLflow.

    >>> mlflow_name("val/psnr@10")
    'val/psnr_10'
    """
    return name.replace("@", "_")


def mlflow_logger(
    folder: Path,
    config: dict[str, Any],
    metadata: dict[str, Any],
    tracking_uri: str | None = None,
    experiment: str | None = None,
) -> MLflowRunLogger:
    """Build an MLflow logger.

    Args:
        folder: Run folder.
        config: Resolved config.
        metadata: From run.json: `name`, `group`, and `wandb_id`, which identifies the run when it is resumed.
        tracking_uri: Address of the server, or of a database such as sqlite:///mlflow.db; None for that of
            MLFLOW_TRACKING_URI, or else the database mlflow.db in the folder of all runs.
        experiment: Name of the MLflow experiment; None for that of MLFLOW_EXPERIMENT_NAME, or else the name of the
            experiment, model or multirun.
    """
    runs_dir = Path(config["runs_dir"]).absolute()
    for library in ("mlflow", "alembic"):
        logging.getLogger(library).setLevel(logging.ERROR)
    given = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
    uri = given or f"sqlite:///{runs_dir}/mlflow.db"
    name = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or metadata["group"]
    return MLflowRunLogger(
        config,
        experiment_name=name,
        run_name=metadata["name"],
        tracking_uri=uri,
        tags={_RUN_TAG: metadata["wandb_id"]},
        run_id=_find_run(uri, name, metadata["wandb_id"]),
        artifact_location=None if given else str(runs_dir / "mlflow_artifacts"),
    )


def _find_run(uri: str, experiment: str, identifier: str) -> str | None:
    """Return the id of the MLflow run of a run folder, or None if it has none yet."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return None
    runs = client.search_runs([found.experiment_id], filter_string=f"tags.`{_RUN_TAG}` = '{identifier}'")
    return str(runs[0].info.run_id) if runs else None
