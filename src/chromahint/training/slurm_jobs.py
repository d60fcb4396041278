"""How runs stand that were given to SLURM: what they note themselves, and what only SLURM knows."""

from __future__ import annotations

import getpass
import os
import re
import subprocess
import time
from collections.abc import Iterable, Sequence

from rich.console import Console

from chromahint.runs.lock import Busy, alone_in
from chromahint.runs.run import Run, now

PAUSE = 2.0
"""Seconds between looks into the folders."""
ASK = 30.0
"""Seconds between questions to SLURM, which is the same for all who use the cluster."""
ENDED = ("finished", "failed", "pruned")


def this_job() -> str | None:
    """The SLURM job that runs us: its number, or that of its array and the place there."""
    job = os.environ.get("SLURM_JOB_ID")
    if job is None or not re.fullmatch(r"\d+", job):
        return None
    # an array's last task has the number of the whole array
    array, place = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{place}" if array and place else job


def follow(runs: Sequence[Run], titles: Sequence[str], console: Console) -> None:
    """Wait until all have ended, and say what happens to each.

    Args:
        runs: with jobs.
        titles: of each.
        console: where it is said.
    """
    said: dict[int, str] = {}
    waiting = dict(enumerate(runs))
    missed: set[Run] = set()
    asked = time.monotonic()
    while waiting:
        gone: set[Run] = set()
        if time.monotonic() - asked >= ASK:
            # twice: what a run wrote on its machine may take a while to be seen on this one
            before, missed = missed, set(lost(waiting.values()))
            gone, asked = before & missed, time.monotonic()
            bury_lost(gone)
        for number, run in list(waiting.items()):
            state = run.about["state"]
            if state != said.setdefault(number, "created"):
                said[number] = state
                log = f": {run.path / 'output.txt'}" if state == "running" else ""
                console.print(f"{state}: {titles[number]}{log}", markup=False, highlight=False)
            if state in ENDED or run in gone:
                del waiting[number]
        if waiting:
            time.sleep(PAUSE)


def bury_lost(runs: Iterable[Run]) -> None:
    """Note what ended the runs that SLURM knows of no more, where they could not do so themselves."""
    for run in lost(runs):
        _bury(run)


def lost(runs: Iterable[Run]) -> list[Run]:
    """Those of the runs whose jobs SLURM neither runs nor will run; none where it does not answer."""
    known = listed()
    return [] if known is None else [run for run in runs if run.about.get("slurm_job") not in known | {None}]


def listed() -> set[str] | None:
    """The jobs of this person that wait or run, as 4711_0; None where SLURM does not answer."""
    said = _ask("squeue", "--noheader", "--array", "--user", getpass.getuser(), "--format", "%i")
    return None if said is None else set(said.split())


def _bury(run: Run) -> None:
    """Note the end of a run that was ended from outside."""
    try:
        with alone_in(run.path):
            about = run.about
            if about["state"] not in ("created", "running"):
                return
            job = about["slurm_job"]
            word = _ask("sacct", "--noheader", "--parsable2", "--allocations", "--format", "State", "--jobs", job) or ""
            word = word.strip().splitlines()[0] if word.strip() else "without a word"
            if word == "COMPLETED":  # its own note is on its way to this machine
                return
            state = "interrupted" if word.startswith("CANCELLED") else "failed"
            logs = f"{run.path / 'output.txt'} and {run.path.parent / f'slurm-{job}.txt'}"
            run.note(state=state, ended=now(), error=f"job {job} of SLURM ended: {word}; see {logs}")
    except Busy:  # it goes on elsewhere
        return


def _ask(*command: str) -> str | None:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
