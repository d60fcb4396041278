"""The command `chromahint experiment NAME`: the runs of a plan.yaml, as far as they are not finished."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from chromahint.config.compose import did_you_mean
from chromahint.config.errors import ConfigError
from chromahint.config.overrides import parse_override
from chromahint.config.paths import experiment_plans, list_groups
from chromahint.launch.launcher import compose_and_validate, create_run_folder, launch_and_wait, preflight_check
from chromahint.launch.multirun import print_failures
from chromahint.launch.resume import prepare
from chromahint.runs.run import open_run

PLAN_KEYS = "it holds stages: {NAME: [key=value, ...]}, or runs: of the same form with baselines: [MODEL, ...]"


@dataclass(frozen=True)
class Plan:
    """Several runs that answer one question.

    Attributes:
        jobs: name of a stage or run -> its overrides, in order.
        chained: whether each starts from the weights of the one before.
        baselines: choices of model= that learn nothing, which the runs are compared with.
    """

    jobs: dict[str, list[str]]
    chained: bool
    baselines: list[str]

    @property
    def choices(self) -> set[str]:
        """The groups in which a job makes its own choice."""
        return {parse_override(word).key_or_group for words in self.jobs.values() for word in words} & set(
            list_groups()
        )


def read_plan(name: str) -> Plan:
    """Read experiments/NAME/plan.yaml.

    Raises:
        ConfigError: there is none, or it can't be read.
    """
    known = experiment_plans()
    if name not in known:
        raise ConfigError(
            f"{name}: there is no such plan; the plans are {', '.join(known)}.{did_you_mean(name, [*known])} "
            "A single run is `chromahint train experiment=NAME`"
        )
    try:
        return _plan(yaml.safe_load(known[name].read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, UnicodeDecodeError, ConfigError) as error:
        raise ConfigError(f"{known[name]}: is no plan; {PLAN_KEYS} ({str(error).splitlines()[0]})") from None


def _plan(content: Any) -> Plan:
    keys = set(content) if isinstance(content, dict) else set()
    if keys not in ({"stages"}, {"runs"}, {"runs", "baselines"}):
        raise ConfigError(f"it holds {', '.join(map(str, content)) if keys else 'nothing of that'}")
    kind = "stages" if "stages" in keys else "runs"
    jobs = content[kind]
    if not isinstance(jobs, dict) or not jobs:
        raise ConfigError(f"{kind} is {jobs!r}")
    baselines = _words("baselines", content.get("baselines", []))
    for job in map(str, jobs):
        # each is a folder, beside the folder of the comparison
        if not re.fullmatch(r"\w[\w.-]*", job) or job in ("comparison", *baselines):
            raise ConfigError(f"{job!r} cannot name one of the {kind}")
    for model in baselines:
        if model not in (known := list_groups()["model"]):
            raise ConfigError(f"baselines: {model} is no network.{did_you_mean(model, known)}")
    return Plan({str(job): _words(str(job), words) for job, words in jobs.items()}, kind == "stages", baselines)


def _words(name: str, words: Any) -> list[str]:
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ConfigError(f"{name} is {words!r}")
    return list(words)


RESERVED_KEYS = ("experiment", "weights", "name", "resume")


@dataclass(frozen=True)
class ExperimentStage:
    """A stage or run of a plan: what is typed for it, the config of that, and where it lies."""

    name: str
    words: list[str]
    config: dict[str, Any]
    processes: int
    folder: Path


def main(name: str, overrides: Sequence[str]) -> int:
    """Run what is not finished yet; returns the exit status.

    The runs lie in RUNS/NAME/<hash of what was typed>, so that the same command finds its own again.

    Args:
        name: folder of the experiment.
        overrides: for every stage or run.
    """
    plan = read_plan(name)
    ours = {*RESERVED_KEYS, *(() if plan.chained else plan.choices)}
    for override in map(parse_override, overrides):
        if override.get_key_element() in ours:
            raise ConfigError(f"{override.input_line}: a plan chooses that itself; leave it out")
    digest = hashlib.blake2b("\n".join(sorted(overrides)).encode(), digest_size=4).hexdigest()
    group = f"{name}/{digest}"
    console = Console(soft_wrap=True, highlight=False)
    # all are checked before the first one starts
    jobs = _jobs(plan, name, group, overrides)
    if plan.chained:
        return _follow(jobs, group, console)
    from chromahint.launch.comparison import compare_finished_runs, load_baselines, require_same_evaluation

    _unchanged(jobs)
    require_same_evaluation({job.name: job.config for job in jobs})
    networks = load_baselines(plan.baselines)
    failed = [job.folder for number, job in enumerate(jobs) if _alone(job, group, _title(number, jobs), console) != 0]
    runs = {job.name: open_run(job.folder) for job in jobs if job.folder not in failed}
    if runs:
        compare_finished_runs(runs, networks, jobs[0].folder.parent / "comparison", name, console)
    print_failures(failed, console)
    return 1 if failed else 0


def _jobs(plan: Plan, name: str, group: str, overrides: Sequence[str]) -> list[ExperimentStage]:
    jobs = []
    for number, (job, own) in enumerate(plan.jobs.items()):
        words = [f"experiment={name}", *own, *overrides]
        composed = compose_and_validate(words)
        parent = Path(composed.config["runs_dir"]).expanduser() / group
        # a run that joins a plan later leaves the folders of the others as they are
        folder = parent / (f"{number}-{job}" if plan.chained else job)
        jobs.append(ExperimentStage(job, words, composed.config, preflight_check(composed.config), folder))
    return jobs


def _unchanged(jobs: Sequence[ExperimentStage]) -> None:
    """Refuse a run that lies there from when the plan, or what it builds on, was another: it is no part of this one."""
    for job in jobs:
        if (job.folder / "run.json").exists():
            before = open_run(job.folder).config
            if changed := sorted(
                key for key in job.config.keys() | before.keys() if job.config.get(key) != before.get(key)
            ):
                raise ConfigError(
                    f"{job.folder}: was made with another {', '.join(changed)}; move that folder away, and the same "
                    "command makes it anew"
                )


def _follow(jobs: Sequence[ExperimentStage], group: str, console: Console) -> int:
    """Run stages, each from the weights of the one before; the first that fails is the last."""
    weights: list[str] = []
    for number, job in enumerate(jobs):
        console.rule(_title(number, jobs))
        if status := _run(job, group, console, weights):
            console.print(f"{job.name} did not end well; the same command goes on from there: {job.folder}")
            return status
        weights = [f"weights={job.folder / 'checkpoints' / 'last.ckpt'}"]
    return 0


def _alone(job: ExperimentStage, group: str, title: str, console: Console) -> int:
    """Run a job that no other depends on: what is wrong with it is said, and stays with it."""
    console.rule(title)
    try:
        return _run(job, group, console)
    except ValueError as error:
        console.print(f"Error: {error}", markup=False)
        return 2


def _run(job: ExperimentStage, group: str, console: Console, weights: Sequence[str] = ()) -> int:
    """Train a job in a process of its own, or go on with it, unless it is finished; returns the exit status."""
    if not (job.folder / "run.json").exists():
        return launch_and_wait(
            create_run_folder(compose_and_validate([*job.words, *weights]), job.folder, group), job.processes
        )
    if open_run(job.folder).metadata["state"] == "finished":
        console.print(f"finished: {job.folder}")
        return 0
    return launch_and_wait(*prepare([f"resume={job.folder}"]))


def _title(number: int, jobs: Sequence[ExperimentStage]) -> str:
    return f"{number + 1} of {len(jobs)}: {jobs[number].name}"
