"""What came of several runs: a table, and the reasons of those that failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chromahint.runs.files import read_json
from chromahint.runs.run import Run

BAD = ("failed", "interrupted")


def conclude(runs: Sequence[Run], titles: Sequence[str], states: Sequence[str], console: Console) -> int:
    """Print the table and the reasons; returns the exit status, 1 where a run has not come to its end."""
    console.print(table(runs, titles, states))
    failed = [run.path for run, state in zip(runs, states, strict=True) if state in BAD]
    name_failed(failed, console)
    return 1 if failed else 0


def states(runs: Sequence[Run]) -> list[str]:
    """What run.json says of each."""
    return [run.about["state"] for run in runs]


def name_failed(folders: Sequence[Path], console: Console) -> None:
    """Say which runs failed, and why."""
    for folder in folders:
        about = read_json(folder / "run.json") if (folder / "run.json").exists() else {}
        what = "interrupted" if about.get("state") == "interrupted" else "failed"
        why = about.get("error") or f"see above, or {folder / 'output.txt'}"
        console.print(f"{what}: {folder}: {why}", markup=False, highlight=False)


def table(runs: Sequence[Run], titles: Sequence[str], states: Sequence[str]) -> Table:
    """A row a run: what differs, how it ended, PSNR of the test photos by hints."""
    figures = {run.path: _psnr(run) for run in runs}
    counts = list(dict.fromkeys(count for by_hints in figures.values() for count in by_hints))
    title = "PSNR in dB of the test photos, by number of hints"
    result = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    result.add_column("run", no_wrap=True)
    result.add_column("state")
    for count in counts:
        result.add_column(f"{int(count):,}", justify="right")
    for run, title, state in zip(runs, titles, states, strict=True):
        cells = [f"{figures[run.path][c]:.2f}" if c in figures[run.path] else "-" for c in counts]
        result.add_row(escape(title), f"[red]{state}[/]" if state in BAD else state, *cells)
    return result


def _psnr(run: Run) -> dict[str, float]:
    files = sorted(run.path.glob("evaluation/*/metrics.json"))
    by_hints = read_json(files[0])["by_hints"] if files else {}
    return {count: figures["psnr"] for count, figures in by_hints.items()}
