"""The command `chromahint train -m`: every combination of choices, each a run with a process of its own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.types import ValueType
from rich import box
from rich.console import Console
from rich.table import Table

from chromahint.config.errors import ConfigError
from chromahint.config.reading import read
from chromahint.runs.files import read_json
from chromahint.runs.folder import Run, stamp
from chromahint.training.launch import agree, checked, make_run, start


def main(overrides: Sequence[str]) -> int:
    """Check every combination, then run them one after the other; one that fails leaves the others running."""
    combinations = combine(overrides)
    jobs = [(checked(each), differing(each, combinations)) for each in combinations]
    processes = [agree(composed.config) for composed, _ in jobs]
    name = stamp()
    parent = Path(jobs[0][0].config["runs"]).expanduser() / "multirun" / name
    console = Console(soft_wrap=True)
    console.print(f"{len(jobs)} runs in {parent}", highlight=False)
    runs: list[tuple[Run, list[str], int]] = []
    for number, ((composed, different), count) in enumerate(zip(jobs, processes, strict=True)):
        run = make_run(composed, parent / f"{number}-{folder_name(different)}", f"multirun/{name}")
        console.rule(f"{number + 1} of {len(jobs)}: {' '.join(different)}")
        runs.append((run, different, start(run, count)))
    console.print(table(runs))
    failed = [run.path for run, _, status in runs if status != 0]
    name_failed(failed, console)
    return 1 if failed else 0


def name_failed(folders: Sequence[Path], console: Console) -> None:
    """Say which runs failed, and why."""
    for folder in folders:
        about = read_json(folder / "run.json") if (folder / "run.json").exists() else {}
        console.print(f"failed: {folder}: {about.get('error', 'see above')}", markup=False, highlight=False)


def combine(overrides: Sequence[str]) -> list[list[str]]:
    """Spell out every combination: `a=1,2 b=3` is [["a=1", "b=3"], ["a=2", "b=3"]].

    >>> combine(["model=unet,resunet", "seed=0,1"])[1]
    ['model=unet', 'seed=1']
    """
    choices: list[list[str]] = []
    for override in map(read, overrides):
        if not override.is_sweep_override():
            choices.append([override.input_line or ""])
        elif override.is_discrete_sweep() and override.value_type is not ValueType.GLOB_CHOICE_SWEEP:
            key = override.get_key_element()
            choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        else:
            raise ConfigError(f"{override.input_line}: write the values one by one, key=a,b,c, or key=range(0,3)")
    return [list(combination) for combination in itertools.product(*choices)]


def differing(combination: Sequence[str], combinations: Sequence[Sequence[str]]) -> list[str]:
    """The overrides of one combination that not all of them have."""
    columns = zip(combination, *combinations, strict=True)
    return [text for text, *others in columns if len(set(others)) > 1] or list(combination)


def folder_name(different: Sequence[str]) -> str:
    """Name a folder after overrides, without characters that shells or Hydra read otherwise.

    >>> folder_name(["model=unet", "optimizer.lr=0.001"])
    'model-unet_optimizer.lr-0.001'
    """
    return re.sub(r"[^\w.+-]+", "-", "_".join(different))[:100].strip("-") or "run"


def table(runs: Sequence[tuple[Run, list[str], int]]) -> Table:
    """A row a run: what differs, how it ended, PSNR of the test photos by hints."""
    figures = {run.path: _psnr(run) for run, _, _ in runs}
    counts = list(dict.fromkeys(count for by_hints in figures.values() for count in by_hints))
    title = "PSNR in dB of the test photos, by number of hints"
    result = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    result.add_column("run", no_wrap=True)
    result.add_column("state")
    for count in counts:
        result.add_column(f"{int(count):,}", justify="right")
    for run, different, status in runs:
        state = "finished" if status == 0 else "[red]failed[/]"
        cells = [f"{figures[run.path][c]:.2f}" if c in figures[run.path] else "-" for c in counts]
        result.add_row(" ".join(different), state, *cells)
    return result


def _psnr(run: Run) -> dict[str, float]:
    files = sorted(run.path.glob("evaluation/*/metrics.json"))
    by_hints = read_json(files[0])["by_hints"] if files else {}
    return {count: figures["psnr"] for count, figures in by_hints.items()}
