"""Submit runs to SLURM as job arrays, and follow their state. submitit writes the scripts."""

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
from typing import Annotated, Any

from annotated_types import Ge, Le
from rich.console import Console

from chromahint.config.errors import ConfigError
from chromahint.ranges import validate_arguments
from chromahint.runs.files import write_text
from chromahint.runs.lock import RunLockedError, lock_run
from chromahint.runs.run import Run, iso_now

SIGNAL_LEAD_SECONDS = 120
"""SLURM sends SIGUSR1 to a run this many seconds before its time limit."""
SLURM_POLL_SECONDS = 2.0
"""Seconds between two reads of run.json while waiting."""
SLURM_QUERY_SECONDS = 30.0
"""Seconds between two calls of squeue while waiting."""
FINAL_STATES = ("finished", "failed", "pruned")
RESERVED_SBATCH_OPTIONS = {
    "array": "lists the runs; type --n-jobs N for the number at a time",
    "nodes": "follows from the runs; type trainer.num_nodes=N",
    "ntasks": "follows from the runs; type trainer.devices=N",
    "ntasks-per-node": "follows from the runs; type trainer.devices=N",
    "gpus-per-node": "is launcher.gpus=N; for GPUs of a certain type, --gres=gpu:TYPE:N",
    "cpus-per-task": "is launcher.cpus=N",
    "mem": "is launcher.memory_gb=N",
    "time": "is launcher.minutes=N",
    "partition": "is launcher.partition=NAME",
    "account": "is launcher.account=NAME",
    "signal": "is needed to save checkpoints; leave it out",
    "output": "is output.txt of each run; leave it out",
    "error": "is output.txt of each run; leave it out",
    "chdir": "is the current folder; leave it out",
    "wrap": "is for commands; leave it out",
}
"""Options of sbatch that are set in another way, with that way."""


@dataclass(frozen=True)
class Resources:
    """Resources of a run.

    Attributes:
        nodes: Number of machines.
        tasks: Processes per machine.
        gpus: GPUs per machine.
    """

    nodes: int
    tasks: int
    gpus: int


@validate_arguments("launcher")
@dataclass(frozen=True)
class Slurm:
    """What to request from SLURM for each run; None leaves it to the cluster.

    Attributes:
        partition: Partition of the cluster.
        account: Account to charge.
        minutes: Time limit of a run.
        memory_gb: Memory per machine.
        cpus: CPU cores per process.
        gpus: GPUs per machine; None follows the run's trainer.
        sbatch: Further options of sbatch, each as `--key` or `--key=value`.
        setup: Shell lines to execute before a run.
        submit: False only writes the script.
    """

    partition: str | None = None
    account: str | None = None
    minutes: Annotated[int, Ge(3), Le(1_000_000)] = 240
    memory_gb: Annotated[int, Ge(1), Le(100_000)] | None = None
    cpus: Annotated[int, Ge(1), Le(10_000)] = 4
    gpus: Annotated[int, Ge(0), Le(1000)] | None = None
    sbatch: list[str] = field(default_factory=list)
    setup: list[str] = field(default_factory=list)
    submit: bool = True

    def __post_init__(self) -> None:
        """Fail before run folders are created.

        Raises:
            ConfigError: An option of sbatch is malformed or reserved, or submitit or sbatch is missing.
        """
        for option in self.sbatch:
            if not re.fullmatch(r"--[a-z][a-z-]*(=[^\n]+)?", option):
                raise ConfigError(f"launcher.sbatch: {option!r}: must be --key or --key=value. Try --qos=high.")
            if (key := option[2:].partition("=")[0]) in RESERVED_SBATCH_OPTIONS:
                raise ConfigError(f"launcher.sbatch: {option}: --{key} {RESERVED_SBATCH_OPTIONS[key]}.")
        try:
            import submitit  # noqa: F401
        except ImportError:
            raise ConfigError(
                "launcher=slurm: needs the package submitit. Run pip install 'chromahint[slurm]'."
            ) from None
        if self.submit and shutil.which("sbatch") is None:
            raise ConfigError(
                "launcher=slurm: sbatch not found. Run the command on a login node of a cluster, or add "
                "launcher.submit=false to only write the script."
            )

    def resources(self, trainer: dict[str, Any]) -> Resources:
        """Return the resources that a run needs.

        Args:
            trainer: Node `trainer` of its config.

        Raises:
            ConfigError: The numbers of GPUs of trainer and launcher contradict each other.
        """
        nodes, devices = trainer["num_nodes"], trainer["devices"]
        if trainer["accelerator"] == "cpu" or (trainer["accelerator"] == "auto" and self.gpus == 0):
            if self.gpus:
                raise ConfigError(
                    f"launcher.gpus={self.gpus}: trainer.accelerator=cpu does not use GPUs. Leave out launcher.gpus."
                )
            return Resources(nodes, 1 if devices == "auto" else devices, 0)
        gpus = self.gpus if self.gpus is not None else 1 if devices == "auto" else devices
        if devices not in ("auto", gpus) or gpus == 0:
            raise ConfigError(
                f"launcher.gpus={gpus}: contradicts trainer.devices={devices} on the GPU. Type "
                f"trainer.devices={gpus or 1}."
            )
        return Resources(nodes, gpus, gpus)

    def script(self, runs: Sequence[Path], resources: Resources, n_jobs: int | None, folder: Path) -> str:
        """Return the script of a job array, whose task N trains run N with one process per device.

        Args:
            runs: Folders of the runs.
            resources: Resources of each run.
            n_jobs: Runs at a time; None for no limit.
            folder: Folder for the output of the shell.
        """
        from submitit.slurm.slurm import _make_sbatch_string

        output = str(folder.absolute()).replace("%", "%%") + "/slurm-%A_%a.txt"
        extra = {key[2:]: value if equals else True for key, equals, value in (o.partition("=") for o in self.sbatch)}
        own = {"output": output, "chdir": str(Path.cwd()), "signal": f"USR1@{SIGNAL_LEAD_SECONDS}", "requeue": True}
        tasks = resources.nodes * resources.tasks
        distributed = [f"export CHROMAHINT_TASKS={tasks}"] if tasks > 1 else []
        folders = ["runs=(", *(f"  {shlex.quote(str(run.absolute()))}" for run in runs), ")"]
        # a job step does not inherit --cpus-per-task; --wait=0, because only one process runs the final evaluation
        srun = f"srun --unbuffered --kill-on-bad-exit=1 --wait=0 --cpus-per-task={self.cpus}"
        train = f"{shlex.quote(sys.executable)} -m chromahint.training.train"
        return _make_sbatch_string(
            command=f'{srun} {train} "$run" >> "$run/output.txt" 2>&1',
            folder=folder,
            job_name="chromahint",
            partition=self.partition,
            account=self.account,
            time=self.minutes,
            nodes=resources.nodes,
            ntasks_per_node=resources.tasks,
            cpus_per_task=self.cpus,
            gpus_per_node=None if "gres" in extra else resources.gpus or None,
            mem=None if self.memory_gb is None else f"{self.memory_gb}G",
            setup=[*self.setup, *distributed, *folders, "run=${runs[$SLURM_ARRAY_TASK_ID]}"],
            wckey=None,  # type: ignore[arg-type]  # leaves the option out
            array_parallelism=n_jobs or len(runs),
            map_count=len(runs),
            stderr_to_stdout=True,
            additional_parameters=own | extra,
            use_srun=False,  # the command contains srun
        )

    def submit_runs(
        self, runs: Sequence[Run], resources: Sequence[Resources], n_jobs: int | None, folder: Path
    ) -> list[str]:
        """Submit one job array for all runs with equal resources, and record its job in each run.

        Args:
            runs: Existing runs.
            resources: Resources of each run.
            n_jobs: Runs of an array at a time; None for no limit.
            folder: Folder for the scripts.

        Returns:
            The commands that submitted the scripts, or would submit them.
        """
        commands = []
        for number, wanted in enumerate(dict.fromkeys(resources)):
            array = [run for run, each in zip(runs, resources, strict=True) if each == wanted]
            file = folder / f"slurm-{number}.sh"
            write_text(file, self.script([run.path for run in array], wanted, n_jobs, folder))
            commands.append(shlex.join(["sbatch", str(file)]))
            if self.submit:
                _submit(file, array)
        return commands


def _submit(script: Path, runs: Sequence[Run]) -> None:
    """Submit a script, and record in each run its job, or why it was rejected."""
    done = subprocess.run(["sbatch", "--parsable", str(script)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    job = done.stdout.strip().partition(";")[0]
    for index, run in enumerate(runs):
        if done.returncode == 0 and job.isdecimal():
            run.update_metadata(slurm_job=f"{job}_{index}")
        else:
            message = (done.stderr or done.stdout).strip()
            error = f"sbatch {script} failed: {message}"
            run.update_metadata(state="failed", ended=iso_now(), error=error, slurm_job=None)


def wait_for_jobs(runs: Sequence[Run], titles: Sequence[str], console: Console) -> None:
    """Wait until all runs have ended, and print each change of state.

    Args:
        runs: Submitted runs.
        titles: Title of each run.
        console: Where to print.
    """
    printed: dict[int, str] = {}
    waiting = dict(enumerate(runs))
    missing: set[Run] = set()
    last_query = time.monotonic()
    while waiting:
        lost: set[Run] = set()
        if time.monotonic() - last_query >= SLURM_QUERY_SECONDS:
            # missing twice, because what a run writes on its machine may take a while to be visible on this one
            previous, missing = missing, set(find_lost_jobs(waiting.values()))
            lost, last_query = previous & missing, time.monotonic()
            mark_lost_jobs_failed(lost)
        for number, run in list(waiting.items()):
            state = run.metadata["state"]
            if state != printed.setdefault(number, "created"):
                printed[number] = state
                log = f": {run.path / 'output.txt'}" if state == "running" else ""
                console.print(f"{state}: {titles[number]}{log}")
            if state in FINAL_STATES or run in lost:
                del waiting[number]
        if waiting:
            time.sleep(SLURM_POLL_SECONDS)


def mark_lost_jobs_failed(runs: Iterable[Run]) -> None:
    """Record the end of runs that SLURM no longer knows and that could not record it themselves."""
    for run in find_lost_jobs(runs):
        _mark_failed(run)


def find_lost_jobs(runs: Iterable[Run]) -> list[Run]:
    """Return the runs whose jobs SLURM neither runs nor has queued; none if SLURM does not respond."""
    known = queued_jobs()
    return [] if known is None else [run for run in runs if run.metadata.get("slurm_job") not in known | {None}]


def queued_jobs() -> set[str] | None:
    """Return the user's pending and running jobs, such as `4711_0`; None if SLURM does not respond."""
    output = _query("squeue", "--noheader", "--array", "--user", getpass.getuser(), "--format", "%i")
    return None if output is None else set(output.split())


def _mark_failed(run: Run) -> None:
    try:
        with lock_run(run.path):
            metadata = run.metadata
            if metadata["state"] not in ("created", "running"):
                return
            job = metadata["slurm_job"]
            output = _query("sacct", "--noheader", "--parsable2", "--allocations", "--format", "State", "--jobs", job)
            lines = (output or "").strip().splitlines()
            slurm_state = lines[0] if lines else "unknown state"
            if slurm_state == "COMPLETED":  # what the run recorded is not visible on this machine yet
                return
            state = "interrupted" if slurm_state.startswith("CANCELLED") else "failed"
            logs = f"{run.path / 'output.txt'} and {run.path.parent / f'slurm-{job}.txt'}"
            error = f"SLURM ended job {job}: {slurm_state}; see {logs}"
            run.update_metadata(state=state, ended=iso_now(), error=error)
    except RunLockedError:  # the run continues elsewhere
        return


def _query(*command: str) -> str | None:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
