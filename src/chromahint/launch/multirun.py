"""The command `chromahint train -m`: every combination of choices, each a run with a process of its own."""

from __future__ import annotations

import contextlib
import itertools
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hydra.core.override_parser.types import ValueType
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chromahint.config.compose import compose
from chromahint.config.errors import ConfigError
from chromahint.config.instantiate import instantiate_node
from chromahint.config.overrides import parse_override
from chromahint.config.validate import validate
from chromahint.launch.launcher import (
    check_weights_and_parts,
    compose_and_validate,
    create_run_folder,
    launch_and_wait,
    launched,
    preflight_check,
)
from chromahint.launch.slurm import Resources, Slurm, mark_lost_jobs_failed, wait_for_jobs
from chromahint.runs.files import read_json
from chromahint.runs.run import Run, open_run, timestamp


def main(overrides: Sequence[str]) -> int:
    """Check every combination, then run them; one that fails leaves the others running.

    `n_jobs=N` among the overrides runs so many at once, which write into `output.txt` of their folders.
    `launcher=slurm` gives them to SLURM; `status=FOLDER` shows how those of a folder stand.
    """
    if folder := parse_status_option(overrides):
        return show_status(folder)
    jobs_at_once, overrides = parse_n_jobs(overrides)
    launcher, overrides = parse_launcher(overrides)
    combinations = expand_grid(overrides)
    jobs = [(compose_and_validate(each), varying_overrides(each, combinations)) for each in combinations]
    if launcher:
        for composed, _ in jobs:
            check_weights_and_parts(composed.config)
        shapes = [launcher.resources(composed.config["trainer"]) for composed, _ in jobs]
    else:
        processes = [preflight_check(composed.config) for composed, _ in jobs]
    name = timestamp()
    parent = Path(jobs[0][0].config["runs_dir"]).expanduser() / "multirun" / name
    console = Console(soft_wrap=True)
    console.print(f"{len(jobs)} runs in {parent}", highlight=False)

    def make(number: int) -> Run:
        composed, different = jobs[number]
        return create_run_folder(composed, parent / f"{number}-{folder_name(different)}", f"multirun/{name}")

    titles = [" ".join(different) for _, different in jobs]
    if launcher:
        return submit_to_slurm(launcher, [make(n) for n in range(len(jobs))], titles, shapes, jobs_at_once, console)
    if jobs_at_once is not None and jobs_at_once > 1:
        ended = run_in_parallel(make, processes, titles, jobs_at_once, console)
    else:
        ended = []
        for number, title in enumerate(titles):
            run = make(number)
            console.rule(f"{number + 1} of {len(jobs)}: {title}")
            ended.append((run, launch_and_wait(run, processes[number])))
    states = ["finished" if status == 0 else "failed" for _, status in ended]
    return print_summary([run for run, _ in ended], titles, states, console)


def parse_n_jobs(overrides: Sequence[str]) -> tuple[int | None, list[str]]:
    """How many runs are to be made at once, None where that is not said, and the other overrides.

    >>> parse_n_jobs(["model=unet,resunet", "n_jobs=2"])
    (2, ['model=unet,resunet'])
    """
    parsed = {word: parse_override(word) for word in overrides}
    typed = [each.value() for each in parsed.values() if each.get_key_element() == "n_jobs"]
    others = [word for word, override in parsed.items() if override.get_key_element() != "n_jobs"]
    if not typed:
        return None, others
    number = typed[-1]
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ConfigError(f"n_jobs={number}: is how many runs are made at once, a whole number from 1; type n_jobs=2")
    return number, others


def parse_launcher(overrides: Sequence[str]) -> tuple[Slurm | None, list[str]]:
    """What the runs are given to, None for this machine, and the other overrides.

    >>> parse_launcher(["model=unet,resunet"])
    (None, ['model=unet,resunet'])
    """
    own = [word for word in overrides if re.match(r"[+~]{0,2}launcher[.=]", word)]
    others = [word for word in overrides if word not in own]
    if own and not any(word.startswith("launcher=") for word in own):
        raise ConfigError(f"{own[0]}: nothing is launched; type launcher=slurm with it")
    composed = compose("multirun", own)
    if composed.choices["launcher"] is None:
        return None, others
    validate(composed.config, "multirun")
    launcher: Slurm = instantiate_node(composed.config["launcher"])
    return launcher, others


def parse_status_option(overrides: Sequence[str]) -> Path | None:
    """The folder of several runs in `status=FOLDER`, if that is typed."""
    typed = [each.value() for each in map(parse_override, overrides) if each.get_key_element() == "status"]
    if not typed:
        return None
    folder = Path(str(typed[-1])).expanduser()
    if len(overrides) > 1 or not any(folder.glob("*/run.json")):
        raise ConfigError(f"status={folder}: type it alone, with a folder of several runs, runs/multirun/DATE")
    return folder


def show_status(folder: Path) -> int:
    """Show how the runs of a folder stand; returns 1 where one has failed."""
    runs = [open_run(file.parent) for file in folder.glob("*/run.json")]
    numbers = {run: run.path.name.partition("-")[0] for run in runs}
    runs.sort(key=lambda run: (int(numbers[run]) if numbers[run].isdecimal() else 0, run.path.name))
    mark_lost_jobs_failed(runs)
    return print_summary(runs, [run.path.name for run in runs], states(runs), Console(soft_wrap=True))


def submit_to_slurm(
    launcher: Slurm,
    runs: Sequence[Run],
    titles: Sequence[str],
    shapes: Sequence[Resources],
    at_once: int | None,
    console: Console,
) -> int:
    """Submit runs to SLURM and wait for them; who interrupts ends only the waiting. Returns the exit status."""
    parent = runs[0].path.parent
    commands = launcher.submit_runs(runs, shapes, at_once, parent)
    look_again = shlex.join(["chromahint", "train", "-m", f"status={parent}"])
    for command in commands:
        console.print(f"{'submitted' if launcher.submit else 'submit with'}: {command}", markup=False, highlight=False)
    console.print(f"logs: output.txt of each run; what the shell says: {parent}/slurm-JOB.txt", highlight=False)
    console.print(f"how they stand: {look_again}", markup=False, highlight=False)
    if not launcher.submit:
        return 0
    try:
        wait_for_jobs(runs, titles, console)
    except KeyboardInterrupt:
        jobs = sorted({str(run.metadata.get("slurm_job")).partition("_")[0] for run in runs} - {"None"})
        console.print(f"the jobs go on; look: {look_again}; end them: scancel {' '.join(jobs)}", markup=False)
        return 130
    return print_summary(runs, titles, states(runs), console)


def run_in_parallel(
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
    running: dict[int, tuple[Run, subprocess.Popen[bytes], contextlib.ExitStack]] = {}
    ended: dict[int, tuple[Run, int]] = {}
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.ExitStack() as stack:
            while waiting or running:
                while waiting and len(running) < at_once:
                    number = waiting.pop(0)
                    run = make(number)
                    own = stack.enter_context(contextlib.ExitStack())
                    running[number] = run, own.enter_context(launched(run, processes[number])), own
                    console.print(f"begun: {titles[number]}: {run.path / 'output.txt'}", markup=False)
                for number, (run, process, own) in list(running.items()):
                    if (status := process.poll()) is not None:
                        own.close()
                        del running[number]
                        ended[number] = run, status
                        state = "finished" if status == 0 else "failed"
                        console.print(f"{len(ended)} of {len(titles)} {state}: {titles[number]}", markup=False)
                time.sleep(0.2)
    finally:
        signal.signal(signal.SIGTERM, before)
    return [ended[number] for number in sorted(ended)]


def expand_grid(overrides: Sequence[str]) -> list[list[str]]:
    """Spell out every combination: `a=1,2 b=3` is [["a=1", "b=3"], ["a=2", "b=3"]].

    >>> expand_grid(["model=unet,resunet", "seed=0,1"])[1]
    ['model=unet', 'seed=1']
    """
    choices: list[list[str]] = []
    for override in map(parse_override, overrides):
        if not override.is_sweep_override():
            choices.append([override.input_line or ""])
        elif override.is_discrete_sweep() and override.value_type is not ValueType.GLOB_CHOICE_SWEEP:
            key = override.get_key_element()
            choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        else:
            raise ConfigError(f"{override.input_line}: write the values one by one, key=a,b,c, or key=range(0,3)")
    return [list(combination) for combination in itertools.product(*choices)]


def varying_overrides(combination: Sequence[str], combinations: Sequence[Sequence[str]]) -> list[str]:
    """The overrides of one combination that not all of them have."""
    columns = zip(combination, *combinations, strict=True)
    return [text for text, *others in columns if len(set(others)) > 1] or list(combination)


def folder_name(different: Sequence[str]) -> str:
    """Name a folder after overrides, without characters that shells or Hydra read otherwise.

    >>> folder_name(["model=unet", "optimizer.lr=0.001"])
    'model-unet_optimizer.lr-0.001'
    """
    return re.sub(r"[^\w.+-]+", "-", "_".join(different))[:100].strip("-") or "run"


FAILED_STATES = ("failed", "interrupted")


def print_summary(runs: Sequence[Run], titles: Sequence[str], states: Sequence[str], console: Console) -> int:
    """Print the table and the reasons; returns the exit status, 1 where a run has not come to its end."""
    console.print(table(runs, titles, states))
    failed = [run.path for run, state in zip(runs, states, strict=True) if state in FAILED_STATES]
    print_failures(failed, console)
    return 1 if failed else 0


def states(runs: Sequence[Run]) -> list[str]:
    """What run.json says of each."""
    return [run.metadata["state"] for run in runs]


def print_failures(folders: Sequence[Path], console: Console) -> None:
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
        result.add_row(escape(title), f"[red]{state}[/]" if state in FAILED_STATES else state, *cells)
    return result


def _psnr(run: Run) -> dict[str, float]:
    files = sorted(run.path.glob("evaluation/*/metrics.json"))
    by_hints = read_json(files[0])["by_hints"] if files else {}
    return {count: figures["psnr"] for count, figures in by_hints.items()}
