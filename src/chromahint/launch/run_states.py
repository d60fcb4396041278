"""State and results of several runs, as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chromahint.config.errors import ConfigError
from chromahint.console import TextConsole
from chromahint.launch.slurm import mark_lost_jobs_failed
from chromahint.runs.files import read_json
from chromahint.runs.run import Run, find_runs, open_run

FAILED_STATES = ("failed", "interrupted")


def show_status(folder: Path, as_json: bool = False) -> int:
    """Print the state of a run, or of the runs in a folder, as a table or as JSON; returns 1 if one has failed.

    Raises:
        ConfigError: The folder contains no runs.
    """
    runs = open_runs(folder, nested=True)
    mark_lost_jobs_failed(runs)
    states = read_states(runs)
    if not as_json:
        titles = [run.path.name if run.path == folder else str(run.path.relative_to(folder)) for run in runs]
        return print_summary(runs, titles, states, TextConsole())
    described = [
        {
            "run": str(run.path),
            "state": state,
            "error": read_json(run.path / "run.json").get("error"),
            "psnr": _test_psnr(run),
        }
        for run, state in zip(runs, states, strict=True)
    ]
    print(json.dumps(described, indent=2))  # noqa: T201
    return 1 if any(state in FAILED_STATES for state in states) else 0


def open_runs(folder: Path, nested: bool = False) -> list[Run]:
    """Return the runs in a folder, in the order of their numbers; the folder may itself be a run.

    Args:
        folder: A run, or a folder that contains runs.
        nested: Also return runs in its subfolders, at any depth.

    Raises:
        ConfigError: The folder contains no runs.
    """
    inside = folder.resolve()
    paths = [path.relative_to(inside) for path in find_runs(folder)]
    runs = [open_run(folder / path) for path in paths if nested or len(path.parts) <= 1]
    if not runs:
        raise ConfigError(f"{folder}: contains no runs. Pass a run, or a folder of runs, such as runs/multirun/DATE.")
    numbers = {run: run.path.name.partition("-")[0] for run in runs}
    return sorted(
        runs,
        key=lambda run: (run.path.parent, int(numbers[run]) if numbers[run].isdecimal() else 0, run.path.name),
    )


def read_states(runs: Sequence[Run]) -> list[str]:
    """Return the state of each run, as recorded in run.json."""
    return [run.metadata["state"] for run in runs]


def print_summary(runs: Sequence[Run], titles: Sequence[str], states: Sequence[str], console: Console) -> int:
    """Print results and reasons of failures; returns the exit status, 1 if a run failed or was interrupted."""
    console.print(summary_table(runs, titles, states))
    failed = [run.path for run, state in zip(runs, states, strict=True) if state in FAILED_STATES]
    print_failures(failed, console)
    return 1 if failed else 0


def print_failures(folders: Sequence[Path], console: Console) -> None:
    """Print which runs failed, and why."""
    for folder in folders:
        metadata = read_json(folder / "run.json") if (folder / "run.json").exists() else {}
        state = "interrupted" if metadata.get("state") == "interrupted" else "failed"
        reason = metadata.get("error") or f"see above, or {folder / 'output.txt'}"
        console.print(f"{state}: {folder}: {reason}")


def summary_table(runs: Sequence[Run], titles: Sequence[str], states: Sequence[str]) -> Table:
    """Return a table with title, state and test PSNR by number of hints of each run."""
    psnr = {run.path: _test_psnr(run) for run in runs}
    counts = list(dict.fromkeys(count for by_hints in psnr.values() for count in by_hints))
    title = "PSNR in dB of the test images, by number of hints"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("run", no_wrap=True)
    table.add_column("state")
    for count in counts:
        table.add_column(f"{int(count):,}", justify="right")
    for run, run_title, state in zip(runs, titles, states, strict=True):
        cells = [f"{psnr[run.path][count]:.2f}" if count in psnr[run.path] else "-" for count in counts]
        table.add_row(run_title, Text(state, "red" if state in FAILED_STATES else ""), *cells)
    return table


def _test_psnr(run: Run) -> dict[str, float]:
    files = sorted(run.path.glob("evaluation/*/metrics.json"))
    by_hints = read_json(files[0])["by_hints"] if files else {}
    return {count: scores["psnr"] for count, scores in by_hints.items()}
