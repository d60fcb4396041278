"""Train every combination of several choices, each as a run with processes and a folder of its own."""

from __future__ import annotations

import contextlib
import itertools
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.types import Override, ValueType
from rich.console import Console

from chromahint.config.compose import compose
from chromahint.config.errors import ConfigError
from chromahint.config.instantiate import instantiate_node
from chromahint.config.overrides import parse_override
from chromahint.config.paths import list_groups
from chromahint.config.validate import validate
from chromahint.console import TextConsole
from chromahint.launch.launcher import (
    check_weights_and_parts,
    compose_and_validate,
    create_run_folder,
    launch_and_wait,
    launched,
    preflight_check,
)
from chromahint.launch.resume import prepare_to_resume
from chromahint.launch.run_states import open_runs, print_summary, read_states
from chromahint.launch.slurm import Resources, Slurm, wait_for_jobs
from chromahint.runs.run import Run, timestamp


def run_multirun(overrides: Sequence[str], n_jobs: int | None = None) -> int:
    """Check every combination, then train them; if one fails, the others continue.

    Args:
        overrides: Overrides, of which some have several values. `launcher=slurm` submits the runs to SLURM.
        n_jobs: Runs at a time. If there are several, each writes to output.txt in its folder. None means one, or no
            limit on SLURM.

    Returns:
        Exit status, 1 if a run failed.
    """
    launcher, overrides = parse_launcher(overrides)
    combinations = expand_grid(overrides)
    jobs = [(compose_and_validate(each), varying_overrides(each, combinations)) for each in combinations]
    if launcher:
        for composed, _ in jobs:
            check_weights_and_parts(composed.config)
        resources = [launcher.resources(composed.config["trainer"]) for composed, _ in jobs]
    else:
        processes = [preflight_check(composed.config) for composed, _ in jobs]
    name = timestamp()
    parent = Path(jobs[0][0].config["runs_dir"]).expanduser() / "multirun" / name
    console = TextConsole()
    console.print(f"{len(jobs)} runs: {parent}")

    runs: list[Run] = []
    try:
        # created before the first begins, so that all of them are known if the multirun is stopped
        for index, (composed, varying) in enumerate(jobs):
            folder = parent / f"{index}-{folder_name(varying)}"
            runs.append(create_run_folder(composed, folder, f"multirun/{name}"))
    except BaseException:
        for run in runs:  # a part of them would be resumed as if it were all
            shutil.rmtree(run.path)
        raise
    titles = [" ".join(varying) for _, varying in jobs]
    if launcher:
        return submit_to_slurm(launcher, runs, titles, resources, n_jobs, console)
    statuses = train_runs(runs, processes, titles, n_jobs, console)
    return print_summary(runs, titles, ["finished" if status == 0 else "failed" for status in statuses], console)


def resume_multirun(folder: Path, n_jobs: int | None = None) -> int:
    """Continue the runs of a folder that are not finished, and begin those that never began.

    Args:
        folder: Folder of a multirun, or another one that contains runs.
        n_jobs: Runs at a time; None means one.

    Returns:
        Exit status, 1 if a run failed.

    Raises:
        ConfigError: The folder contains no runs, or all of them are finished.
    """
    runs = open_runs(folder)
    unfinished = [run for run in runs if run.metadata["state"] not in ("finished", "pruned")]
    if not unfinished:
        shown = shlex.join(["chromahint", "status", str(folder)])
        raise ConfigError(f"{folder}: all {len(runs)} runs are finished. `{shown}` shows them.")
    console = TextConsole()
    console.print(f"{len(unfinished)} of {len(runs)} runs are not finished: {folder}")
    prepared = [prepare_to_resume(run.path) for run in unfinished]
    resumed, processes = [run for run, _ in prepared], [count for _, count in prepared]
    train_runs(resumed, processes, [run.path.name for run in resumed], n_jobs, console)
    runs = open_runs(folder)
    return print_summary(runs, [run.path.name for run in runs], read_states(runs), console)


def train_runs(
    runs: Sequence[Run], processes: Sequence[int], titles: Sequence[str], n_jobs: int | None, console: Console
) -> list[int]:
    """Train runs, one after the other or `n_jobs` at a time; returns their exit statuses."""
    if n_jobs is not None and n_jobs > 1:
        return run_in_parallel(runs, processes, titles, n_jobs, console)
    statuses = []
    for index, (run, title) in enumerate(zip(runs, titles, strict=True)):
        console.rule(f"{index + 1} of {len(runs)}: {title}")
        statuses.append(launch_and_wait(run, processes[index]))
    return statuses


def parse_launcher(overrides: Sequence[str]) -> tuple[Slurm | None, list[str]]:
    """Return the launcher, None for this machine, and the overrides that are not about it.

    >>> parse_launcher(["model=unet,resunet"])
    (None, ['model=unet,resunet'])
    """
    own = [word for word in overrides if re.match(r"[+~]{0,2}launcher[.=]", word)]
    others = [word for word in overrides if word not in own]
    if own and not any(word.startswith("launcher=") for word in own):
        raise ConfigError(f"{own[0]}: no launcher is selected. Add launcher=slurm.")
    composed = compose("multirun", own)
    if composed.choices["launcher"] is None:
        return None, others
    validate(composed.config, "multirun")
    launcher: Slurm = instantiate_node(composed.config["launcher"])
    return launcher, others


def expand_grid(overrides: Sequence[str]) -> list[list[str]]:
    """Return every combination of the values of overrides.

    >>> expand_grid(["model=unet,resunet", "seed=0,1"])[1]
    ['model=unet', 'seed=1']
    """
    choices: list[list[str]] = []
    for override in map(parse_override, overrides):
        if not override.is_sweep_override():
            choices.append([override.input_line or ""])
        elif override.value_type is ValueType.GLOB_CHOICE_SWEEP:
            choices.append(_expand_glob(override))
        elif override.is_discrete_sweep():
            key = override.get_key_element()
            choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        else:
            raise ConfigError(
                f"{override.input_line}: not a list of values. Write the values one by one, key=a,b,c, or "
                "key=range(0,3). `chromahint sweep NAME` searches intervals."
            )
    return [list(combination) for combination in itertools.product(*choices)]


def _expand_glob(override: Override) -> list[str]:
    """Return an override for each choice of a group that matches, such as `model=glob(*,exclude=gray)`."""
    group, value = override.key_or_group, override.value()
    known = list_groups().get(group)
    if known is None:
        raise ConfigError(
            f"{override.input_line}: {group} is not a group. glob() selects among the choices of a group."
        )
    found = value.filter(known)
    if not found:
        raise ConfigError(f"{override.input_line}: no choice matches; the choices are {', '.join(known)}.")
    return [f"{override.get_key_element()}={name}" for name in found]


def varying_overrides(combination: Sequence[str], combinations: Sequence[Sequence[str]]) -> list[str]:
    """Return the overrides of a combination that differ between combinations; all of them if none differs."""
    columns = zip(combination, *combinations, strict=True)
    return [text for text, *others in columns if len(set(others)) > 1] or list(combination)


def folder_name(overrides: Sequence[str]) -> str:
    """Turn overrides into the name of a folder, without characters that are special to shells or Hydra.

    >>> folder_name(["model=unet", "optimizer.lr=0.001"])
    'model-unet_optimizer.lr-0.001'
    """
    return re.sub(r"[^\w.+-]+", "-", "_".join(overrides))[:100].strip("-") or "run"


def submit_to_slurm(
    launcher: Slurm,
    runs: Sequence[Run],
    titles: Sequence[str],
    resources: Sequence[Resources],
    n_jobs: int | None,
    console: Console,
) -> int:
    """Submit runs to SLURM and wait for them; Ctrl-C stops waiting, not the jobs. Returns the exit status."""
    parent = runs[0].path.parent
    commands = launcher.submit_runs(runs, resources, n_jobs, parent)
    status_command = shlex.join(["chromahint", "status", str(parent)])
    for command in commands:
        console.print(f"{'submitted' if launcher.submit else 'submit with'}: {command}")
    console.print(f"logs: output.txt of each run; output of the shell: {parent}/slurm-JOB.txt")
    console.print(f"state of the runs: {status_command}")
    if not launcher.submit:
        return 0
    try:
        wait_for_jobs(runs, titles, console)
    except KeyboardInterrupt:
        jobs = sorted({str(run.metadata.get("slurm_job")).partition("_")[0] for run in runs} - {"None"})
        console.print(f"the jobs continue; see their state: {status_command}; cancel them: scancel {' '.join(jobs)}")
        return 130
    return print_summary(runs, titles, read_states(runs), console)


def run_in_parallel(
    runs: Sequence[Run], processes: Sequence[int], titles: Sequence[str], n_jobs: int, console: Console
) -> list[int]:
    """Train several runs at a time; Ctrl-C stops all of them, after they have saved checkpoints.

    Args:
        runs: Runs whose folders exist.
        processes: Number of processes of each run.
        titles: Title of each run.
        n_jobs: Runs at a time.
        console: Where starts and ends are printed.

    Returns:
        The exit status of each run, in order.
    """
    waiting = list(range(len(titles)))
    running: dict[int, tuple[subprocess.Popen[bytes], contextlib.ExitStack]] = {}
    ended: dict[int, int] = {}
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.ExitStack() as stack:
            while waiting or running:
                while waiting and len(running) < n_jobs:
                    index = waiting.pop(0)
                    own = stack.enter_context(contextlib.ExitStack())
                    running[index] = own.enter_context(launched(runs[index], processes[index])), own
                    console.print(f"started: {titles[index]}: {runs[index].path / 'output.txt'}")
                for index, (process, own) in list(running.items()):
                    if (status := process.poll()) is not None:
                        own.close()
                        del running[index]
                        ended[index] = status
                        state = "finished" if status == 0 else "failed"
                        console.print(f"{len(ended)} of {len(titles)} {state}: {titles[index]}")
                time.sleep(0.2)
    finally:
        signal.signal(signal.SIGTERM, previous)
    return [ended[index] for index in sorted(ended)]
