"""Plan a W&B dashboard: which runs and columns it shows, and which panels over the metrics that runs log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from chromahint.evaluation.metric_info import METRIC_INFO

TEST_METRICS = ("psnr", "ssim", "ciede2000")
"""Test metrics shown as columns, one per number of hints."""
DEFAULT_KEYS = (
    "choices.model",
    "choices.data",
    "choices.loss",
    "choices.hints",
    "optimizer.lr",
    "data.batch_size",
    "seed",
)
"""Config keys by which runs are compared that do not belong to a sweep."""


@dataclass(frozen=True)
class LinePanel:
    """Line chart of a metric, with one line per run."""

    title: str
    metric: str
    x_axis: str
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class ParallelCoordinatesPanel:
    """Parallel coordinates of config keys and a result, with one line per run."""

    title: str
    keys: Sequence[str]
    result: str
    log_keys: Sequence[str] = ()


@dataclass(frozen=True)
class ImagePanel:
    """The same images of each run, arranged by run or by training step."""

    title: str
    key: str
    arranged_by: Literal["run", "step"]


Panel = LinePanel | ParallelCoordinatesPanel | ImagePanel


@dataclass(frozen=True)
class Dashboard:
    """Contents of a dashboard.

    Attributes:
        title: title of the dashboard.
        project: W&B project.
        entity: W&B team or user; None for the default of the account.
        group: group of the runs; None for all runs of the project.
        best_score: summary key of a run's best validation score, by which the table is sorted.
        higher_is_better: whether the highest score comes first.
        summary_keys: summary metrics shown as columns.
        config_keys: config keys shown as columns.
        sections: heading -> panels.
    """

    title: str
    project: str
    entity: str | None
    group: str | None
    best_score: str
    higher_is_better: bool
    summary_keys: Sequence[str]
    config_keys: Sequence[str]
    sections: Mapping[str, Sequence[Panel]]


def plan_dashboard(
    project: str,
    entity: str | None,
    group: str | None,
    hint_counts: Sequence[int],
    config_keys: Sequence[str],
    log_keys: Sequence[str] = (),
    objective: str = "val/psnr",
) -> Dashboard:
    """Plan the contents of a dashboard.

    Args:
        project: W&B project.
        entity: W&B team or user.
        group: group of the runs.
        hint_counts: hint counts of validation and test.
        config_keys: config keys by which runs are compared.
        log_keys: those of them that are shown on a logarithmic scale.
        objective: validation metric by which runs are compared, such as `val/psnr` or `val/ciede2000@10`.
    """
    info = METRIC_INFO[objective.removeprefix("val/").partition("@")[0]]
    higher_is_better = bool(info.higher_is_better)
    best_score = f"{objective}.{'max' if higher_is_better else 'min'}"
    summary_keys = [best_score, *(f"test/{metric}@{count}" for metric in TEST_METRICS for count in hint_counts)]
    step, seconds = "trainer/global_step", "_runtime"
    sections: dict[str, Sequence[Panel]] = {
        "Hints": [
            LinePanel("Test PSNR in dB by number of hints", "hints/psnr", "hints/count", log_x=True),
            LinePanel("Test SSIM by number of hints", "hints/ssim", "hints/count", log_x=True),
            LinePanel(
                "Test color difference (CIEDE2000) by number of hints", "hints/ciede2000", "hints/count", log_x=True
            ),
        ],
        "Choices": [
            ParallelCoordinatesPanel(f"Choices and best validation {info.title}", config_keys, best_score, log_keys)
        ],
        "Images": [
            ImagePanel("The same test images by run: gray, hints, prediction, ground truth", "pictures/test", "run"),
            ImagePanel("The same validation images by training step", "pictures/strip", "step"),
        ],
        "Training": [
            LinePanel("Training loss", "train/loss", step, log_y=True),
            LinePanel("Validation PSNR in dB", "val/psnr", step),
            LinePanel("Validation PSNR in dB by seconds", "val/psnr", seconds),
            LinePanel("Training speed: steps by seconds", step, seconds),
            LinePanel("Images per second", "train/images_per_second", step),
            LinePanel("Share of the time spent waiting for data", "train/data_wait", step),
            LinePanel("Gradient norm before clipping", "train/grad_norm", step, log_y=True),
            LinePanel("Learning rate", "train/lr", step),
            LinePanel("GPU memory in GB", "train/gpu_memory_gb", step),
        ],
    }
    # W&B derives a URL from the title
    title = f"Chromahint {group or project}".replace("/", " ")
    return Dashboard(title, project, entity, group, best_score, higher_is_better, summary_keys, config_keys, sections)


def dashboard_outline(dashboard: Dashboard) -> str:
    """Describe the contents of a dashboard as text."""
    location = f"{dashboard.entity or 'your account'}/{dashboard.project}"
    runs = f"the runs of group {dashboard.group}" if dashboard.group else "all runs"
    lines = [
        f"{dashboard.title}",
        f"in {location}: a workspace and a report on {runs}, sorted by {dashboard.best_score}, best first",
        "  columns: " + ", ".join(dashboard.summary_keys),
        "           " + ", ".join(dashboard.config_keys),
    ]
    for heading, panels in dashboard.sections.items():
        lines += [f"  {heading}", *(f"    {panel.title}: {_describe(panel)}" for panel in panels)]
    return "\n".join(lines)


def missing_keys(config: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """Return the keys for which a config has no value."""
    return [key for key in keys if not _has_value(config, key.split("."))]


def _has_value(config: Any, parts: Sequence[str]) -> bool:
    if not parts:
        return not isinstance(config, Mapping)
    return isinstance(config, Mapping) and parts[0] in config and _has_value(config[parts[0]], parts[1:])


def _describe(panel: Panel) -> str:
    match panel:
        case LinePanel():
            log_axes = " and ".join(axis for axis, log in (("x", panel.log_x), ("y", panel.log_y)) if log)
            return f"{panel.metric} over {panel.x_axis}" + (f" ({log_axes} logarithmic)" if log_axes else "")
        case ParallelCoordinatesPanel():
            return f"parallel coordinates of {', '.join(panel.keys)}, {panel.result}"
        case ImagePanel():
            return f"{panel.key} by {panel.arranged_by}"
