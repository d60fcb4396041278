"""Runs as job arrays of SLURM: the script, which submitit writes, and its way to sbatch."""

from __future__ import annotations

import getpass
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from chromahint.config.errors import ConfigError
from chromahint.runs.files import write_text
from chromahint.runs.lock import RunLockedError, lock_run
from chromahint.runs.run import Run, iso_now

SIGNAL_LEAD_SECONDS = 120
"""Seconds before its end at which a run hears SIGUSR1."""


@dataclass(frozen=True)
class Resources:
    """Machines of a run, its processes on each, and GPUs of each."""

    nodes: int
    tasks: int
    gpus: int


@dataclass(frozen=True)
class Slurm:
    """What to ask of SLURM for each run; None leaves it to the cluster.

    Attributes:
        partition: of the cluster.
        account: that pays.
        minutes: limit of a run.
        memory_gb: of a machine.
        cpus: of a process.
        gpus: of a machine; None is what the run's trainer says.
        sbatch: further options of sbatch, --key or --key=value.
        setup: lines of the shell before a run.
        submit: False only writes the script.
    """

    partition: str | None = None
    account: str | None = None
    minutes: int = 240
    memory_gb: int | None = None
    cpus: int = 4
    gpus: int | None = None
    sbatch: list[str] = field(default_factory=list)
    setup: list[str] = field(default_factory=list)
    submit: bool = True

    def __post_init__(self) -> None:
        """Refuse at once what would go wrong after the runs were made.

        Raises:
            ConfigError: an option of sbatch that can't be read, or no submitit, or no sbatch.
        """
        for option in self.sbatch:
            if not re.fullmatch(r"--[a-z][a-z-]*(=[^\n]+)?", option):
                raise ConfigError(f"launcher.sbatch: {option!r}: write --key or --key=value, as --qos=high")
            if (key := option[2:].partition("=")[0]) in RESERVED_SBATCH_OPTIONS:
                raise ConfigError(f"launcher.sbatch: {option}: --{key} {RESERVED_SBATCH_OPTIONS[key]}")
        try:
            import submitit  # noqa: F401
        except ImportError:
            raise ConfigError("launcher=slurm needs submitit; type: pip install 'chromahint[slurm]'") from None
        if self.submit and shutil.which("sbatch") is None:
            raise ConfigError(
                "launcher=slurm: there is no sbatch here; type it on a login node of a cluster, or "
                "launcher.submit=false to look at the script"
            )

    def resources(self, trainer: dict[str, Any]) -> Resources:
        """What a run takes whose config says this about its trainer.

        Raises:
            ConfigError: the trainer has another number of GPUs than is asked for.
        """
        nodes, devices = trainer["num_nodes"], trainer["devices"]
        if trainer["accelerator"] == "cpu" or (trainer["accelerator"] == "auto" and self.gpus == 0):
            if self.gpus:
                raise ConfigError(f"launcher.gpus={self.gpus}: trainer.accelerator=cpu uses none; leave it out")
            return Resources(nodes, 1 if devices == "auto" else devices, 0)
        gpus = self.gpus if self.gpus is not None else 1 if devices == "auto" else devices
        if devices not in ("auto", gpus) or gpus == 0:
            raise ConfigError(
                f"launcher.gpus={gpus}: trainer.devices={devices} on the GPU; type trainer.devices={gpus or 1}"
            )
        return Resources(nodes, gpus, gpus)

    def script(self, runs: Sequence[Path], shape: Resources, at_once: int | None, folder: Path) -> str:
        """The job array, whose task N is the run N: what is done for a run anywhere else, in one process a device.

        Args:
            runs: their folders.
            shape: of each.
            at_once: runs at a time; None is no limit.
            folder: where what the shell says goes.
        """
        from submitit.slurm.slurm import _make_sbatch_string

        output = str(folder.absolute()).replace("%", "%%") + "/slurm-%A_%a.txt"
        told = {key[2:]: value if equals else True for key, equals, value in (o.partition("=") for o in self.sbatch)}
        own = {"output": output, "chdir": str(Path.cwd()), "signal": f"USR1@{SIGNAL_LEAD_SECONDS}", "requeue": True}
        distributed = [f"export CHROMAHINT_TASKS={shape.nodes * shape.tasks}"] if shape.nodes * shape.tasks > 1 else []
        folders = ["runs=(", *(f"  {shlex.quote(str(run.absolute()))}" for run in runs), ")"]
        # a step does not inherit --cpus-per-task; evaluation, at the end, is for one process, however long it takes
        srun = f"srun --unbuffered --kill-on-bad-exit=1 --wait=0 --cpus-per-task={self.cpus}"
        job = f"{shlex.quote(sys.executable)} -m chromahint.training.train"
        return _make_sbatch_string(
            command=f'{srun} {job} "$run" >> "$run/output.txt" 2>&1',
            folder=folder,
            job_name="chromahint",
            partition=self.partition,
            account=self.account,
            time=self.minutes,
            nodes=shape.nodes,
            ntasks_per_node=shape.tasks,
            cpus_per_task=self.cpus,
            gpus_per_node=None if "gres" in told else shape.gpus or None,
            mem=None if self.memory_gb is None else f"{self.memory_gb}G",
            setup=[*self.setup, *distributed, *folders, "run=${runs[$SLURM_ARRAY_TASK_ID]}"],
            wckey=None,  # type: ignore[arg-type]  # which leaves it out
            array_parallelism=at_once or len(runs),
            map_count=len(runs),
            stderr_to_stdout=True,
            additional_parameters=own | told,
            use_srun=False,  # it is in the command
        )

    def submit_runs(
        self, runs: Sequence[Run], shapes: Sequence[Resources], at_once: int | None, folder: Path
    ) -> list[str]:
        """Submit the runs, an array for each shape of them, and note the job in each run.

        Args:
            runs: folders that exist.
            shapes: of each.
            at_once: runs of an array at a time; None is no limit.
            folder: where scripts go.

        Returns:
            The commands that submitted them, or that are left to be typed.
        """
        commands = []
        for number, shape in enumerate(dict.fromkeys(shapes)):
            alike = [run for run, its in zip(runs, shapes, strict=True) if its == shape]
            file = folder / f"slurm-{number}.sh"
            write_text(file, self.script([run.path for run in alike], shape, at_once, folder))
            commands.append(shlex.join(["sbatch", str(file)]))
            if self.submit:
                _submit(file, alike)
        return commands


RESERVED_SBATCH_OPTIONS = {
    "array": "says which runs; type n_jobs=N for how many at once",
    "nodes": "follows from the runs; type trainer.num_nodes=N",
    "ntasks": "follows from the runs; type trainer.devices=N",
    "ntasks-per-node": "follows from the runs; type trainer.devices=N",
    "gpus-per-node": "is launcher.gpus=N; for GPUs of a kind, --gres=gpu:KIND:N",
    "cpus-per-task": "is launcher.cpus=N",
    "mem": "is launcher.memory_gb=N",
    "time": "is launcher.minutes=N",
    "partition": "is launcher.partition=NAME",
    "account": "is launcher.account=NAME",
    "signal": "is for saving before the end; leave it out",
    "output": "is output.txt of each run; leave it out",
    "error": "is output.txt of each run; leave it out",
    "chdir": "is the folder where you type; leave it out",
    "wrap": "is for commands; leave it out",
}
"""Options of sbatch that are chosen otherwise, and how."""


def _submit(file: Path, runs: Sequence[Run]) -> None:
    """Give a script to SLURM, and note in each run its job, or why it has none."""
    done = subprocess.run(["sbatch", "--parsable", str(file)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    job = done.stdout.strip().partition(";")[0]
    for index, run in enumerate(runs):
        if done.returncode == 0 and job.isdecimal():
            run.update_metadata(slurm_job=f"{job}_{index}")
        else:
            said = (done.stderr or done.stdout).strip()
            run.update_metadata(
                state="failed", ended=iso_now(), error=f"sbatch {file} was refused: {said}", slurm_job=None
            )


POLL_SECONDS = 2.0
SLURM_QUERY_SECONDS = 30.0
FINAL_STATES = ("finished", "failed", "pruned")


def wait_for_jobs(runs: Sequence[Run], titles: Sequence[str], console: Console) -> None:
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
        if time.monotonic() - asked >= SLURM_QUERY_SECONDS:
            # twice: what a run wrote on its machine may take a while to be seen on this one
            before, missed = missed, set(find_lost_jobs(waiting.values()))
            gone, asked = before & missed, time.monotonic()
            mark_lost_jobs_failed(gone)
        for number, run in list(waiting.items()):
            state = run.metadata["state"]
            if state != said.setdefault(number, "created"):
                said[number] = state
                log = f": {run.path / 'output.txt'}" if state == "running" else ""
                console.print(f"{state}: {titles[number]}{log}", markup=False, highlight=False)
            if state in FINAL_STATES or run in gone:
                del waiting[number]
        if waiting:
            time.sleep(POLL_SECONDS)


def mark_lost_jobs_failed(runs: Iterable[Run]) -> None:
    """Note what ended the runs that SLURM knows of no more, where they could not do so themselves."""
    for run in find_lost_jobs(runs):
        _mark_failed(run)


def find_lost_jobs(runs: Iterable[Run]) -> list[Run]:
    """Those of the runs whose jobs SLURM neither runs nor will run; none where it does not answer."""
    known = queued_jobs()
    return [] if known is None else [run for run in runs if run.metadata.get("slurm_job") not in known | {None}]


def queued_jobs() -> set[str] | None:
    """The jobs of this person that wait or run, as 4711_0; None where SLURM does not answer."""
    said = _query("squeue", "--noheader", "--array", "--user", getpass.getuser(), "--format", "%i")
    return None if said is None else set(said.split())


def _mark_failed(run: Run) -> None:
    """Note the end of a run that was ended from outside."""
    try:
        with lock_run(run.path):
            about = run.metadata
            if about["state"] not in ("created", "running"):
                return
            job = about["slurm_job"]
            word = (
                _query("sacct", "--noheader", "--parsable2", "--allocations", "--format", "State", "--jobs", job) or ""
            )
            word = word.strip().splitlines()[0] if word.strip() else "without a word"
            if word == "COMPLETED":  # its own note is on its way to this machine
                return
            state = "interrupted" if word.startswith("CANCELLED") else "failed"
            logs = f"{run.path / 'output.txt'} and {run.path.parent / f'slurm-{job}.txt'}"
            run.update_metadata(state=state, ended=iso_now(), error=f"job {job} of SLURM ended: {word}; see {logs}")
    except RunLockedError:  # it goes on elsewhere
        return


def _query(*command: str) -> str | None:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
