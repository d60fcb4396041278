"""The command `chromahint train -m`: every combination of choices, each a run with a process of its own."""

from __future__ import annotations

import contextlib
import itertools
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hydra.core.override_parser.types import ValueType
from rich import box
from rich.console import Console
from rich.table import Table

from chromahint.config.errors import ConfigError
from chromahint.config.reading import read
from chromahint.runs.files import read_json
from chromahint.runs.folder import Run, stamp
from chromahint.training.launch import agree, checked, make_run, start, started


def main(overrides: Sequence[str]) -> int:
    """Check every combination, then run them; one that fails leaves the others running.

    `n_jobs=N` among the overrides runs so many at once, which write into `output.txt` of their folders.
    """
    jobs_at_once, overrides = at_once(overrides)
    combinations = combine(overrides)
    jobs = [(checked(each), differing(each, combinations)) for each in combinations]
    processes = [agree(composed.config) for composed, _ in jobs]
    name = stamp()
    parent = Path(jobs[0][0].config["runs"]).expanduser() / "multirun" / name
    console = Console(soft_wrap=True)
    console.print(f"{len(jobs)} runs in {parent}", highlight=False)

    def make(number: int) -> Run:
        composed, different = jobs[number]
        return make_run(composed, parent / f"{number}-{folder_name(different)}", f"multirun/{name}")

    runs: list[tuple[Run, list[str], int]] = []
    if jobs_at_once > 1:
        titles = [" ".join(different) for _, different in jobs]
        ended = together(make, processes, titles, jobs_at_once, console)
        runs = [(run, different, status) for (run, status), (_, different) in zip(ended, jobs, strict=True)]
    else:
        for number, ((_, different), count) in enumerate(zip(jobs, processes, strict=True)):
            run = make(number)
            console.rule(f"{number + 1} of {len(jobs)}: {' '.join(different)}")
            runs.append((run, different, start(run, count)))
    console.print(table(runs))
    failed = [run.path for run, _, status in runs if status != 0]
    name_failed(failed, console)
    return 1 if failed else 0


def at_once(overrides: Sequence[str]) -> tuple[int, list[str]]:
    """How many runs are to be made at once, and the other overrides.

    >>> at_once(["model=unet,resunet", "n_jobs=2"])
    (2, ['model=unet,resunet'])
    """
    parsed = {word: read(word) for word in overrides}
    [number] = [each.value() for each in parsed.values() if each.get_key_element() == "n_jobs"][-1:] or [1]
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ConfigError(f"n_jobs={number}: is how many runs are made at once, a whole number from 1; type n_jobs=2")
    return number, [word for word, override in parsed.items() if override.get_key_element() != "n_jobs"]


def together(
    make: Callable[[int], Run], processes: Sequence[int], titles: Sequence[str], at_once: int, console: Console
) -> list[tuple[Run, int]]:
    """Make several runs at once; whoever interrupts ends all that run, which save what they have.

    Args:
        make: number -> its run folder, made when its turn comes.
        processes: of each run.
        titles: of each run.
        at_once: runs at a time.
        console: where beginnings and ends are said.

    Returns:
        Each run and its exit status, in order.
    """
    waiting = list(range(len(titles)))
    running: dict[int, tuple[Run, subprocess.Popen[bytes]]] = {}
    ended: dict[int, tuple[Run, int]] = {}
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.ExitStack() as stack:
            while waiting or running:
                while waiting and len(running) < at_once:
                    number = waiting.pop(0)
                    run = make(number)
                    running[number] = run, stack.enter_context(started(run, processes[number]))
                    console.print(f"begun: {titles[number]}: {run.path / 'output.txt'}", markup=False)
                for number, (run, process) in list(running.items()):
                    if (status := process.poll()) is not None:
                        del running[number]
                        ended[number] = run, status
                        state = "finished" if status == 0 else "failed"
                        console.print(f"{len(ended)} of {len(titles)} {state}: {titles[number]}", markup=False)
                time.sleep(0.2)
    finally:
        signal.signal(signal.SIGTERM, before)
    return [ended[number] for number in sorted(ended)]


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
