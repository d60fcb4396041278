"""Where figures go: metrics.csv always, Weights & Biases as a choice."""

from __future__ import annotations

import itertools
import json
import netrc
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from chromahint.training.loggers.csv import CSVLogger

CLOUD, EARLIER = "api.forge.coreweave.com", "api.wandb.ai"
"""W&B's own server; `wandb login` of 0.31 writes its new name, and a key under the earlier one goes on to count."""


class ResumableWandbLogger(WandbLogger):
    """Logs to W&B what no earlier part of the same run has logged.

    Args:
        logged: step and name of figures that W&B has already; a resumed run comes to the same ones again.
        options: of Lightning's logger.
    """

    def __init__(self, logged: set[tuple[int, str]], **options: Any) -> None:
        super().__init__(**options)
        self.logged = logged

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log the figures of a step, unless all of them are there."""
        if any((step, name) not in self.logged for name in metrics if name != "epoch"):
            super().log_metrics(metrics, step)

    @rank_zero_only
    def catch_up(self, figures: CSVLogger) -> None:
        """Log what metrics.csv has and W&B has not: it writes late, and a killed process takes that along."""
        for (step, epoch), rows in itertools.groupby(figures.read_rows(), key=lambda row: row[:2]):
            missing = {name: value for _, _, name, value in rows if (step, name) not in self.logged}
            if missing:
                super().log_metrics({"epoch": epoch, **missing}, step)
                self.logged |= {(step, name) for name in missing}


def offline_metrics(folder: Path) -> set[tuple[int, str]]:
    """Step and name of the figures in the offline parts of a run, as W&B itself reads them."""
    found: set[tuple[int, str]] = set()
    for part in sorted(folder.glob("wandb/offline-run-*/run-*.wandb")):
        command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(part)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        for line in shown.stdout.splitlines():
            items = json.loads(line).get("history", {}).get("item", {})
            if "trainer/global_step" in items:
                found |= {(int(items["trainer/global_step"]), name) for name in items}
    return found


def wandb_logger(
    folder: Path,
    config: dict[str, Any],
    about: dict[str, Any],
    project: str = "chromahint",
    entity: str | None = None,
    group: str | None = None,
    tags: list[str] | None = None,
    mode: Literal["auto", "online", "offline"] = "auto",
) -> WandbLogger:
    """Make a W&B logger that never asks anything: online where an API key is present, offline otherwise.

    Args:
        folder: the run's folder, where an offline run is kept.
        config: the resolved config.
        about: of run.json: `name` on a dashboard, `group`, and `wandb_id`, the same when the run is resumed; `choices`
            and `trial` are logged beside the config, for a class does not say which file of a group it came from.
        project: the W&B project.
        entity: the team or user.
        group: runs that are compared together; None is the experiment's or the model's name, or the multirun's.
        tags: words to find the run by.
        mode: auto, online or offline; the variable WANDB_MODE goes before auto.
    """
    import wandb

    wanted = os.environ.get("WANDB_MODE", "auto") if mode == "auto" else mode
    if wanted == "auto":
        wanted = "online" if has_wandb_api_key() else "offline"
    wandb.setup(wandb.Settings(silent=True))
    # an earlier part that went online is on the server: what metrics.csv has was sent
    sent = {(step, name) for step, _, name, _ in CSVLogger(folder).read_rows()}
    return ResumableWandbLogger(
        sent if wanted == "online" else offline_metrics(folder),
        name=about["name"],
        save_dir=folder.absolute(),  # W&B's service may have another current folder
        id=about["wandb_id"],
        project=project,
        entity=entity,
        group=group or about["group"],
        tags=tags or [],
        config=config | {key: about[key] for key in ("choices", "trial") if key in about},
        mode=wanted,
        settings=wandb.Settings(console="off"),
    )


@rank_zero_only
def define_metrics(logger: WandbLogger, counts: list[int]) -> None:
    """Tell W&B which value of a figure is the best one, and what the hint curve is drawn over.

    Args:
        logger: of a run that is open.
        counts: the numbers of hints of validation.
    """
    run = logger.experiment
    for figure in ("psnr", "ssim"):
        for name in (f"val/{figure}", *(f"val/{figure}@{count}" for count in counts)):
            run.define_metric(name, step_metric="trainer/global_step", summary="max")
    run.define_metric("train/loss", step_metric="trainer/global_step", summary="min")
    run.define_metric("hints/count")
    for figure in ("hints/psnr", "hints/ssim"):
        run.define_metric(figure, step_metric="hints/count", summary="last")


@rank_zero_only
def log_test_results(logger: WandbLogger, metrics: dict[str, Any], pictures: dict[str, Path]) -> None:
    """Log the figures of the test photos: in the summary, over the number of hints, and as pictures.

    Args:
        logger: of a run that is still open.
        metrics: the content of metrics.json.
        pictures: name -> file of what was drawn.
    """
    import wandb

    run = logger.experiment
    rows = [(int(k), figures["psnr"], figures["ssim"]) for k, figures in metrics["by_hints"].items()]
    for count, psnr, ssim in rows:
        run.log({"hints/count": count, "hints/psnr": psnr, "hints/ssim": ssim})
        run.summary.update({f"test/psnr@{count}": psnr, f"test/ssim@{count}": ssim})
    curve = wandb.Table(columns=["hints", "psnr", "ssim"], data=[list(row) for row in rows])
    run.log(
        {
            "test/psnr_by_hints": wandb.plot.line(curve, "hints", "psnr", title="PSNR against hints"),
            **{name: wandb.Image(str(file)) for name, file in pictures.items()},
        }
    )


def has_wandb_api_key() -> bool:
    """Look where W&B keeps keys, without asking W&B, which would ask the person."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL") or f"https://{CLOUD}").netloc
    file = os.environ.get("NETRC")
    try:
        logins = netrc.netrc(Path(file).expanduser() if file else None)
    except (OSError, netrc.NetrcParseError):
        return False
    return any(logins.authenticators(name) for name in ([CLOUD, EARLIER] if host == CLOUD else [host]))
