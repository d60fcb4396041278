"""What a dashboard on W&B shows: which runs, with which columns, and which panels over what our runs log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

BEST = "val/psnr.max"
"""Where W&B keeps the best validation of a run."""
USUAL = ("choices.model", "choices.data", "choices.loss", "choices.hints", "optimizer.lr", "data.batch_size", "seed")
"""What runs of no sweep are compared by."""


@dataclass(frozen=True)
class Curve:
    """A line for each run."""

    title: str
    figure: str
    over: str
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Choices:
    """An axis for each choice, and one for what came of it; a line across them for each run."""

    title: str
    keys: Sequence[str]
    result: str = BEST
    logs: Sequence[str] = ()


@dataclass(frozen=True)
class Strips:
    """The same pictures of each run, side by side, or along the steps of each."""

    title: str
    key: str
    along: Literal["run", "step"]


Panel = Curve | Choices | Strips


@dataclass(frozen=True)
class Dashboard:
    """A page about runs.

    Attributes:
        title: of the page.
        project: of W&B.
        entity: the team or user; None is the account's default.
        group: of the runs; None is all of the project.
        columns: figures of the summary, in the order of the table, which begins with the highest BEST.
        choices: keys of the config that have columns too.
        sections: heading -> panels.
    """

    title: str
    project: str
    entity: str | None
    group: str | None
    columns: Sequence[str]
    choices: Sequence[str]
    sections: Mapping[str, Sequence[Panel]]


def plan(
    project: str,
    entity: str | None,
    group: str | None,
    counts: Sequence[int],
    choices: Sequence[str],
    logs: Sequence[str] = (),
) -> Dashboard:
    """Choose what to show.

    Args:
        project: of W&B.
        entity: the team or user.
        group: of the runs.
        counts: the numbers of hints of validation and test.
        choices: keys of the config that the runs differ in.
        logs: those of them that were drawn on a logarithmic scale.
    """
    columns = [BEST, *(f"test/{figure}@{count}" for figure in ("psnr", "ssim") for count in counts)]
    step, time = "trainer/global_step", "_runtime"
    sections: dict[str, Sequence[Panel]] = {
        "Hints": [
            Curve("PSNR in dB of the test photos, against hints", "hints/psnr", "hints/count", log_x=True),
            Curve("SSIM of the test photos, against hints", "hints/ssim", "hints/count", log_x=True),
        ],
        "Choices": [Choices("What was chosen, and the best PSNR in validation", choices, logs=logs)],
        "Pictures": [
            Strips("The same test photos, run beside run: gray, hints, prediction, truth", "pictures/test", "run"),
            Strips("The same, as training went on", "pictures/strip", "step"),
        ],
        "Training": [
            Curve("Loss", "train/loss", step, log_y=True),
            Curve("PSNR in dB in validation", "val/psnr", step),
            Curve("PSNR in dB in validation, by seconds", "val/psnr", time),
            Curve("Speed: steps, by seconds", step, time),
        ],
    }
    # W&B makes an address of it
    title = f"Chromahint {group or project}".replace("/", " ")
    return Dashboard(title, project, entity, group, columns, choices, sections)


def outline(page: Dashboard) -> str:
    """Say in words what would be built."""
    place = f"{page.entity or 'your account'}/{page.project}"
    runs = f"the runs of group {page.group}" if page.group else "all runs"
    lines = [
        f"{page.title}",
        f"in {place}: a workspace and a report on {runs}, the highest {BEST} first",
        "  columns: " + ", ".join(page.columns),
        "           " + ", ".join(page.choices),
    ]
    for heading, panels in page.sections.items():
        lines += [f"  {heading}", *(f"    {panel.title}: {_what(panel)}" for panel in panels)]
    return "\n".join(lines)


def missing(config: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """Keys that a config has no value for."""
    return [key for key in keys if not _has(config, key.split("."))]


def _has(config: Any, parts: Sequence[str]) -> bool:
    if not parts:
        return not isinstance(config, Mapping)
    return isinstance(config, Mapping) and parts[0] in config and _has(config[parts[0]], parts[1:])


def _what(panel: Panel) -> str:
    match panel:
        case Curve():
            logs = " and ".join(axis for axis, log in (("x", panel.log_x), ("y", panel.log_y)) if log)
            return f"{panel.figure} over {panel.over}" + (f" ({logs} logarithmic)" if logs else "")
        case Choices():
            return f"parallel coordinates of {', '.join(panel.keys)}, {panel.result}"
        case Strips():
            return f"{panel.key} by {panel.along}"
