"""A dashboard as W&B's own objects, which need no network until they are saved with an account."""

from __future__ import annotations

from typing import Any

from chromahint.report.wandb_dashboard import BEST, Choices, Curve, Dashboard, Panel, Strips

try:
    import wandb_workspaces.expr as expr
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws
except ImportError:
    raise ValueError(
        "the dashboard is built with wandb-workspaces, which is not installed: type pip install 'chromahint[dashboard]'"
    ) from None

WIDE, HIGH = 24, 10
"""The columns of a report, and the rows of a panel there."""


def workspace(page: Dashboard) -> Any:
    """The page where one looks around: the table of runs at the left, panels at the right."""
    return ws.Workspace(
        entity=page.entity or "",
        project=page.project,
        name=page.title,
        sections=[
            ws.Section(
                name=heading,
                is_open=True,
                panels=[_panel(panel) for panel in panels],
                layout_settings=ws.SectionLayoutSettings(columns=min(2, len(panels)), rows=(len(panels) + 1) // 2),
            )
            for heading, panels in page.sections.items()
        ],
        runset_settings=ws.RunsetSettings(
            filters=_filters(page),
            order=[expr.Ordering(expr.Summary(BEST), ascending=False)],
            pinned_columns=_columns(page),
        ),
    )


def report(page: Dashboard) -> Any:
    """The page that one shows to others: text, the table, and the same panels below each other."""
    blocks: list[Any] = [
        wr.P(
            "Figures of the table are those of each run's best weights, on test photos that neither training nor the "
            "choice of weights has seen; every run gets the same hints on the same photos."
        )
    ]
    for number, (heading, panels) in enumerate(page.sections.items()):
        placed = [_panel(panel) for panel in panels]
        width = WIDE // min(2, len(placed))
        for place, panel in enumerate(placed):
            panel.layout = wr.Layout(x=place % 2 * width, y=place // 2 * HIGH, w=width, h=HIGH)
        # a run set without a project is of the report's own, and is looked up nowhere
        runs = wr.Runset(
            name="Runs",
            filters=_filters(page),
            order=[wr.OrderBy(wr.SummaryMetric(BEST))],
            pinned_columns=_columns(page),
        )
        blocks += [wr.H2(heading), wr.PanelGrid(runsets=[runs], hide_run_sets=number > 0, panels=placed)]
    description = "Written by `chromahint dashboard`."
    return wr.Report(
        entity=page.entity or "",
        project=page.project,
        title=page.title[:128],
        description=description,
        blocks=blocks,
        width="fluid",
    )


def structure(page: Dashboard) -> dict[str, Any]:
    """What W&B would be sent."""
    pages = {"workspace": workspace(page), "report": report(page)}
    return {
        name: each._to_model().model_dump(mode="json", by_alias=True, exclude_none=True) for name, each in pages.items()
    }


def save(page: Dashboard) -> list[str]:
    """Save both on W&B; returns their addresses.

    Raises:
        ValueError: W&B could not be reached, or refused.
    """
    import wandb

    try:
        shown = report(page).save()  # makes the project where there is none yet
        looked_at = workspace(page).save()
        return [looked_at.url, shown.url]
    except (wandb.errors.Error, OSError, ValueError) as error:
        raise ValueError(f"{page.entity}/{page.project}: W&B did not take the dashboard: {error}") from None


def default_entity() -> str:
    """The team or user that the account writes to by default.

    Raises:
        ValueError: W&B could not be reached, or knows of none.
    """
    import wandb

    try:
        entity = wandb.Api().default_entity
    except (wandb.errors.Error, OSError, ValueError) as error:
        raise ValueError(f"W&B does not say whose account this is: {error}; type --entity NAME") from None
    if not entity:
        raise ValueError("W&B knows of no default team or user; type --entity NAME")
    return str(entity)


def _panel(panel: Panel) -> Any:
    match panel:
        case Curve():
            return wr.LinePlot(
                title=panel.title,
                x=panel.over,
                y=[panel.figure],
                log_x=panel.log_x or None,
                log_y=panel.log_y or None,
                max_runs_to_show=100,
            )
        case Choices():
            axes = [(wr.Config(key), key in panel.logs) for key in panel.keys]
            columns = [
                wr.ParallelCoordinatesPlotColumn(metric=metric, log=log or None)
                for metric, log in [*axes, (wr.SummaryMetric(panel.result), False)]
            ]
            return wr.ParallelCoordinatesPlot(title=panel.title, columns=columns)
        case Strips():
            return wr.MediaBrowser(title=panel.title, media_keys=[panel.key], gallery_axis=panel.along, num_columns=2)


def _filters(page: Dashboard) -> list[Any]:
    return [expr.Metric("Group") == page.group] if page.group else []


def _columns(page: Dashboard) -> list[str]:
    """The accessors of the table's columns; W&B keeps each top-level key of a config under `value`."""
    configs = [key.partition(".") for key in page.choices]
    return [
        "run:displayName",
        *(f"summary:{name}" for name in page.columns),
        *(f"config:{top}.value{dot}{rest}" for top, dot, rest in configs),
    ]
