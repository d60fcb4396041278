"""Weights & Biases logger."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from chromahint.evaluation.metric_info import METRIC_INFO
from chromahint.training.lightning_module import VALIDATION_METRICS
from chromahint.training.loggers.csv import MetricsCSVLogger
from chromahint.training.loggers.wandb_server import resolve_mode, server_problem

DEFAULT_PROJECT = "chromahint"
INIT_SECONDS, FINISH_SECONDS = 15.0, 15.0
"""How long a run waits for the server when it begins and when it ends."""


class ResumableWandbLogger(WandbLogger):
    """W&B logger that skips metrics which the run had already logged before it was resumed.

    If the server can't be used, the run is logged offline. Training is never delayed by more than a few seconds.

    Args:
        logged: Step and name of the metrics that W&B already has.
        options: Options of Lightning's `WandbLogger`.
    """

    def __init__(self, logged: set[tuple[int, str]], **options: Any) -> None:
        super().__init__(**options)
        self.logged = logged

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The W&B run, which begins when it is first asked for."""
        if self._experiment is None and self._wandb_init["mode"] == "online":
            import wandb

            problem = server_problem()
            if problem is None:
                try:
                    return super().experiment
                except wandb.errors.Error as error:
                    problem = " ".join(str(error).split())
            self._go_offline(problem)
        return super().experiment

    def _go_offline(self, problem: str) -> None:
        folder = Path(self._wandb_init["dir"])
        self._wandb_init["mode"] = "offline"
        self.logged = offline_metrics(folder, self._wandb_init["id"])
        print(  # noqa: T201
            f"W&B: {problem}. The run is logged offline. Upload it later `wandb sync {folder}/wandb/offline-run-*`.",
            file=sys.stderr,
            flush=True,
        )

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log the metrics of a step, unless W&B has all of them."""
        if any((step, name) not in self.logged for name in metrics if name != "epoch"):
            super().log_metrics(metrics, step)

    @rank_zero_only
    def sync_from_csv(self, csv_logger: MetricsCSVLogger) -> None:
        """Log the rows of metrics.csv that W&B lacks. W&B writes with a delay, so a killed process loses some."""
        for (step, epoch), rows in itertools.groupby(csv_logger.read_rows(), key=lambda row: row[:2]):
            missing = {name: value for _, _, name, value in rows if (step, name) not in self.logged}
            if missing:
                super().log_metrics({"epoch": epoch, **missing}, step)
                self.logged |= {(step, name) for name in missing}


def offline_metrics(folder: Path, run_id: str) -> set[tuple[int, str]]:
    """Return step and name of the metrics in the offline W&B files of a run, as read by W&B's own command."""
    found: set[tuple[int, str]] = set()
    for file in sorted(folder.glob(f"wandb/offline-run-*-{run_id}/run-{run_id}.wandb")):
        command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
        output = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        for line in output.stdout.splitlines():
            items = json.loads(line).get("history", {}).get("item", {})
            if "trainer/global_step" in items:
                found |= {(int(items["trainer/global_step"]), name) for name in items}
    return found


def wandb_logger(
    folder: Path,
    config: dict[str, Any],
    metadata: dict[str, Any],
    project: str | None = None,
    entity: str | None = None,
    group: str | None = None,
    tags: list[str] | None = None,
    mode: Literal["auto", "online", "offline"] = "auto",
) -> WandbLogger:
    """Build a W&B logger that never prompts: online if an API key is found, offline otherwise.

    What the config leaves open is taken from W&B's environment variables: WANDB_PROJECT, WANDB_ENTITY, WANDB_NAME,
    WANDB_RUN_GROUP, WANDB_TAGS, WANDB_DIR, WANDB_MODE, and WANDB_DISABLED.

    Args:
        folder: Run folder, which also holds the files of an offline run.
        config: Resolved config.
        metadata: From run.json: `name`, `group`, `wandb_id` (kept when the run is resumed), and optionally `choices`
            and `trial`, which are logged along with the config.
        project: W&B project; None for that of WANDB_PROJECT, or else chromahint.
        entity: W&B team or user.
        group: Group of runs to compare; None uses the name of the experiment, model or multirun.
        tags: W&B tags.
        mode: auto, online or offline. The environment variable WANDB_MODE takes precedence over auto.
    """
    import wandb

    resolved_mode = resolve_mode(mode)
    variables = os.environ
    # `wandb agent` sets WANDB_DIR itself
    own_dir = None if variables.get("WANDB_SWEEP_ID") else variables.get("WANDB_DIR")
    save_dir = Path(own_dir or folder).absolute()  # W&B's service may have another working directory
    # without the mode, it would look up the server to report its use
    wandb.setup(wandb.Settings(silent=True, mode=resolved_mode))
    # if earlier parts of the run were online, the server has what metrics.csv has
    sent = {(step, name) for step, _, name, _ in MetricsCSVLogger(folder).read_rows()}
    return ResumableWandbLogger(
        sent if resolved_mode == "online" else offline_metrics(save_dir, metadata["wandb_id"]),
        name=(variables.get("WANDB_NAME") if config.get("name") is None else None) or metadata["name"],
        save_dir=save_dir,
        id=metadata["wandb_id"],
        project=project or variables.get("WANDB_PROJECT") or DEFAULT_PROJECT,
        entity=entity or variables.get("WANDB_ENTITY"),
        group=group or variables.get("WANDB_RUN_GROUP") or metadata["group"],
        tags=tags or [tag.strip() for tag in variables.get("WANDB_TAGS", "").split(",") if tag.strip()],
        config=config | {key: metadata[key] for key in ("choices", "trial") if key in metadata},
        mode=resolved_mode,
        settings=wandb.Settings(console="off", init_timeout=INIT_SECONDS, finish_timeout=FINISH_SECONDS),
    )


@rank_zero_only
def define_metrics(logger: WandbLogger, hint_counts: list[int]) -> None:
    """Declare to W&B which value of each metric is best, and the x axis of the hint curve.

    Args:
        logger: Logger of an open W&B run.
        hint_counts: Numbers of hints in validation.
    """
    run = logger.experiment
    for metric in VALIDATION_METRICS:
        summary = "max" if METRIC_INFO[metric].higher_is_better else "min"
        for name in (f"val/{metric}", *(f"val/{metric}@{count}" for count in hint_counts)):
            run.define_metric(name, step_metric="trainer/global_step", summary=summary)
    run.define_metric("train/loss", step_metric="trainer/global_step", summary="min")
    run.define_metric("hints/count")
    for metric in METRIC_INFO:
        run.define_metric(f"hints/{metric}", step_metric="hints/count", summary="last")


@rank_zero_only
def log_test_results(logger: WandbLogger, metrics: dict[str, Any], images: dict[str, Path]) -> None:
    """Log test metrics, in the summary and as curves over the number of hints, and images.

    Args:
        logger: Logger of an open W&B run.
        metrics: Content of metrics.json.
        images: Image files by W&B name.
    """
    import wandb

    run = logger.experiment
    by_count = {int(k): scores for k, scores in metrics["by_hints"].items()}
    names = [name for name in METRIC_INFO if all(name in scores for scores in by_count.values())]
    for count, scores in by_count.items():
        run.log({"hints/count": count, **{f"hints/{name}": scores[name] for name in names}})
        run.summary.update({f"test/{name}@{count}": scores[name] for name in names})
    curves = {}
    for name in names:
        table = wandb.Table(columns=["hints", name], data=[[count, scores[name]] for count, scores in by_count.items()])
        title = f"{METRIC_INFO[name].title} against hints"
        curves[f"test/{name}_by_hints"] = wandb.plot.line(table, "hints", name, title=title)
    run.log(
        {
            **curves,
            **{name: wandb.Image(str(file)) for name, file in images.items()},
        }
    )
