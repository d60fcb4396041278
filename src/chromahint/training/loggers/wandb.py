"""Weights & Biases logger."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from numpy.typing import NDArray

from chromahint.evaluation.metric_info import METRIC_INFO
from chromahint.training.lightning_module import VALIDATION_METRICS
from chromahint.training.loggers.csv import MetricsCSVLogger
from chromahint.training.loggers.run_logger import RunLogger, results_by_hints
from chromahint.wandb_api.run_artifact import upload_run
from chromahint.wandb_api.server import resolve_mode, server_problem

DEFAULT_PROJECT = "chromahint"
INIT_SECONDS, FINISH_SECONDS = 15.0, 10.0
"""How long a run waits for the server when it begins and when it ends."""
UPLOAD_SECONDS = 600.0
"""How long a run that uploads its weights waits at its end."""


Method = TypeVar("Method", bound=Callable[..., Any])


def _without_failing(method: Method) -> Method:
    """Let the run go on without W&B if W&B fails, for example because its service process crashed, and say so once."""

    @functools.wraps(method)
    def call(self: WandbRunLogger, *args: Any, **kwargs: Any) -> Any:
        import wandb
        from wandb.sdk.mailbox import MailboxClosedError

        if self.failed:
            return None
        try:
            return method(self, *args, **kwargs)
        # its errors when the connection to the service breaks have no other common class
        except (wandb.errors.Error, MailboxClosedError, ConnectionError) as error:
            self.failed = True
            reason = " ".join(str(error).split()) or type(error).__name__
            message = f"W&B: {reason}. The run goes on without W&B; metrics.csv has everything."
            print(message, file=sys.stderr, flush=True)  # noqa: T201

    return call  # type: ignore[return-value]


class WandbRunLogger(RunLogger, WandbLogger):
    """W&B logger of a run.

    If the server can't be used, the run is logged offline. Training is never delayed by more than a few seconds.

    Args:
        logged: Step and name of the metrics that W&B already has.
        upload: Run folder whose best weights become an artifact at the end of the run; None uploads none.
        options: Options of Lightning's `WandbLogger`.
    """

    def __init__(self, logged: set[tuple[int, str]], upload: Path | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.logged = logged
        self.upload = upload
        self.failed = False
        self.server_problem: str | None = None

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

    def _server_is_gone(self) -> bool:
        """Tell whether the server of an online run can't be used anymore, and say so once."""
        if self._wandb_init["mode"] != "online" or self._experiment is None:
            return False
        if self.server_problem is None and (problem := server_problem()):
            self.server_problem = problem
            print(  # noqa: T201
                f"W&B: {problem}. What it does not have yet can be uploaded later with `wandb sync "
                f"{self._experiment.settings.sync_dir}`.",
                file=sys.stderr,
                flush=True,
            )
        return self.server_problem is not None

    @rank_zero_only
    @_without_failing
    def begin(self, hint_counts: Sequence[int]) -> None:
        """Declare to W&B which value of each metric is best, and the x axis of the hint curve."""
        run = self.experiment
        for metric in VALIDATION_METRICS:
            summary = "max" if METRIC_INFO[metric].higher_is_better else "min"
            for name in (f"val/{metric}", *(f"val/{metric}@{count}" for count in hint_counts)):
                run.define_metric(name, step_metric="trainer/global_step", summary=summary)
        run.define_metric("train/loss", step_metric="trainer/global_step", summary="min")
        run.define_metric("hints/count")
        for metric in METRIC_INFO:
            run.define_metric(f"hints/{metric}", step_metric="hints/count", summary="last")

    @rank_zero_only
    @_without_failing
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log metrics of a step; see `RunLogger`."""
        super().log_metrics(metrics, step)

    @rank_zero_only
    @_without_failing
    def log_picture(self, name: str, picture: NDArray[Any], step: int) -> None:
        """Log a picture of a step, among W&B's media."""
        self.log_image(name, [picture], file_type=["jpg"])

    @rank_zero_only
    @_without_failing
    def log_results(self, metrics: dict[str, Any], pictures: Mapping[str, Path]) -> None:
        """Log the final evaluation in the summary, and as curves over the number of hints; see `RunLogger`."""
        import wandb

        run, results = self.experiment, results_by_hints(metrics)
        for count in map(int, metrics["by_hints"]):
            run.log({"hints/count": count, **{f"hints/{name}": values[count] for name, values in results.items()}})
            run.summary.update({f"test/{name}@{count}": values[count] for name, values in results.items()})
        curves = {}
        # W&B asks its server about each table, and would wait for a server that is gone
        for name, values in ({} if self._server_is_gone() else results).items():
            table = wandb.Table(columns=["hints", name], data=[list(item) for item in values.items()])
            title = f"{METRIC_INFO[name].title} against hints"
            curves[f"test/{name}_by_hints"] = wandb.plot.line(table, "hints", name, title=title)
        run.log({**curves, **{name: wandb.Image(str(file)) for name, file in pictures.items()}})

    @rank_zero_only
    @_without_failing
    def close(self, exit_code: int) -> None:
        """Finish the W&B run, after a successful one with its weights."""
        import wandb

        if not self._server_is_gone() and exit_code == 0 and self.upload is not None:
            upload_run(self.experiment, self.upload)
        wandb.finish(exit_code=exit_code)


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
    log_model: bool = False,
) -> WandbRunLogger:
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
        log_model: At the end of the run, upload its best weights as an artifact, which other commands take as
            wandb:ENTITY/PROJECT/RUN.
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
    finish_seconds = UPLOAD_SECONDS if log_model else FINISH_SECONDS
    return WandbRunLogger(
        sent if resolved_mode == "online" else offline_metrics(save_dir, metadata["wandb_id"]),
        folder if log_model else None,
        name=(variables.get("WANDB_NAME") if config.get("name") is None else None) or metadata["name"],
        save_dir=save_dir,
        id=metadata["wandb_id"],
        project=project or variables.get("WANDB_PROJECT") or DEFAULT_PROJECT,
        entity=entity or variables.get("WANDB_ENTITY"),
        group=group or variables.get("WANDB_RUN_GROUP") or metadata["group"],
        tags=tags or [tag.strip() for tag in variables.get("WANDB_TAGS", "").split(",") if tag.strip()],
        config=config | {key: metadata[key] for key in ("choices", "trial") if key in metadata},
        mode=resolved_mode,
        settings=wandb.Settings(console="off", init_timeout=INIT_SECONDS, finish_timeout=finish_seconds),
    )
