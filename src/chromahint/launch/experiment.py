"""Run an experiment that consists of several runs, as listed in its plan.yaml, skipping those that are finished."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from chromahint.config.errors import ConfigError, did_you_mean
from chromahint.config.overrides import parse_override
from chromahint.config.paths import experiment_plans, list_groups
from chromahint.console import TextConsole
from chromahint.launch.launcher import compose_and_validate, create_run_folder, launch_and_wait, preflight_check
from chromahint.launch.resume import prepare_to_resume
from chromahint.launch.run_states import print_failures
from chromahint.runs.run import open_run

PLAN_SYNTAX = "stages: {NAME: [key=value, ...]}, or runs: of the same form with baselines: [MODEL, ...]"
RESERVED_KEYS = ("experiment", "weights", "name", "resume")
"""Keys that a plan sets itself."""


@dataclass(frozen=True)
class Plan:
    """Several runs that answer one question.

    Attributes:
        stages: Name of each stage or run -> its overrides, in order.
        chained: Whether each stage starts from the weights of the previous one.
        baselines: Training-free baselines, as choices of `model`, that the runs are compared with.
    """

    stages: dict[str, list[str]]
    chained: bool
    baselines: list[str]

    @property
    def chosen_groups(self) -> set[str]:
        """Config groups in which a run makes its own choice."""
        keys = {parse_override(override).key_or_group for overrides in self.stages.values() for override in overrides}
        return keys & set(list_groups())


@dataclass(frozen=True)
class ExperimentStage:
    """A stage or run of a plan.

    Attributes:
        name: Name in the plan.
        overrides: All overrides of the run.
        config: Its valid config.
        processes: Number of its processes.
        folder: Its run folder.
    """

    name: str
    overrides: list[str]
    config: dict[str, Any]
    processes: int
    folder: Path


def read_plan(name: str) -> Plan:
    """Read experiments/NAME/plan.yaml.

    Raises:
        ConfigError: The plan does not exist or is invalid.
    """
    plans = experiment_plans()
    if name not in plans:
        raise ConfigError(
            f"{name}: unknown experiment; choose one of {', '.join(plans)}.{did_you_mean(name, [*plans])} "
            "An experiment of a single run is started by `chromahint train experiment=NAME`."
        )
    try:
        return _parse_plan(yaml.safe_load(plans[name].read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, UnicodeDecodeError, ConfigError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{plans[name]}: not a plan ({reason}). Write {PLAN_SYNTAX}.") from None


def _parse_plan(content: Any) -> Plan:
    keys = set(content) if isinstance(content, dict) else set()
    if keys not in ({"stages"}, {"runs"}, {"runs", "baselines"}):
        raise ConfigError(f"it contains {', '.join(map(str, content)) if keys else 'neither stages nor runs'}")
    kind = "stages" if "stages" in keys else "runs"
    stages = content[kind]
    if not isinstance(stages, dict) or not stages:
        raise ConfigError(f"{kind} is {stages!r}")
    baselines = _parse_strings("baselines", content.get("baselines", []))
    for name in map(str, stages):
        # each name becomes a folder, next to the folder of the comparison
        if not re.fullmatch(r"\w[\w.-]*", name) or name in ("comparison", *baselines):
            raise ConfigError(f"{name!r} is not a valid name in {kind}")
    for model in baselines:
        if model not in (known := list_groups()["model"]):
            raise ConfigError(f"baselines: unknown model {model}{did_you_mean(model, known)}")
    parsed = {str(name): _parse_strings(str(name), overrides) for name, overrides in stages.items()}
    return Plan(parsed, kind == "stages", baselines)


def _parse_strings(key: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError(f"{key} is {value!r}")
    return list(value)


def run_experiment(name: str, overrides: Sequence[str]) -> int:
    """Run everything in a plan that is not finished yet; returns the exit status.

    The runs are in RUNS_DIR/NAME/<hash of the overrides>, so that the same call finds them again.

    Args:
        name: Folder of the experiment.
        overrides: Overrides of every stage or run.

    Raises:
        ConfigError: The plan or a config is invalid, or a finished run was made with another config.
    """
    plan = read_plan(name)
    own_keys = {*RESERVED_KEYS, *(() if plan.chained else plan.chosen_groups)}
    for override in map(parse_override, overrides):
        if override.get_key_element() in own_keys:
            raise ConfigError(f"{override.input_line}: the plan sets this itself. Leave it out.")
    digest = hashlib.blake2b("\n".join(sorted(overrides)).encode(), digest_size=4).hexdigest()
    group = f"{name}/{digest}"
    console = TextConsole()
    # all are checked before the first one starts
    stages = _compose_stages(plan, name, group, overrides)
    if plan.chained:
        return _run_chain(stages, group, console)
    from chromahint.launch.comparison import compare_finished_runs, load_baselines, require_same_evaluation

    _require_unchanged(stages)
    require_same_evaluation({stage.name: stage.config for stage in stages})
    baselines = load_baselines(plan.baselines)
    failed = [
        stage.folder
        for index, stage in enumerate(stages)
        if _run_independently(stage, group, _title(index, stages), console) != 0
    ]
    runs = {stage.name: open_run(stage.folder) for stage in stages if stage.folder not in failed}
    if runs:
        compare_finished_runs(runs, baselines, stages[0].folder.parent / "comparison", name, console)
    print_failures(failed, console)
    return 1 if failed else 0


def _compose_stages(plan: Plan, name: str, group: str, overrides: Sequence[str]) -> list[ExperimentStage]:
    stages = []
    for index, (stage, own) in enumerate(plan.stages.items()):
        combined = [f"experiment={name}", *own, *overrides]
        composed = compose_and_validate(combined)
        parent = Path(composed.config["runs_dir"]).expanduser() / group
        # runs have no number, so that adding one to a plan does not rename the others
        folder = parent / (f"{index}-{stage}" if plan.chained else stage)
        processes = preflight_check(composed.config)
        stages.append(ExperimentStage(stage, combined, composed.config, processes, folder))
    return stages


def _require_unchanged(stages: Sequence[ExperimentStage]) -> None:
    """Raise ConfigError if an existing run was made with another plan or with other defaults."""
    for stage in stages:
        if (stage.folder / "run.json").exists():
            old = open_run(stage.folder).config
            keys = stage.config.keys() | old.keys()
            if changed := sorted(key for key in keys if stage.config.get(key) != old.get(key)):
                raise ConfigError(
                    f"{stage.folder}: was made with different {', '.join(changed)}. Move the folder away, and run the "
                    "same command to make it again."
                )


def _run_chain(stages: Sequence[ExperimentStage], group: str, console: Console) -> int:
    """Run stages, each from the weights of the previous one, until one fails."""
    weights: list[str] = []
    for index, stage in enumerate(stages):
        console.rule(_title(index, stages))
        if status := _run_stage(stage, group, console, weights):
            console.print(f"{stage.name} failed; the same command continues from there: {stage.folder}")
            return status
        weights = [f"weights={stage.folder / 'checkpoints' / 'last.ckpt'}"]
    return 0


def _run_independently(stage: ExperimentStage, group: str, title: str, console: Console) -> int:
    """Run a stage that no other depends on; its errors are printed, not raised."""
    console.rule(title)
    try:
        return _run_stage(stage, group, console)
    except ValueError as error:
        console.print(f"Error: {error}")
        return 2


def _run_stage(stage: ExperimentStage, group: str, console: Console, weights: Sequence[str] = ()) -> int:
    """Train or resume a stage in its own processes, unless it is finished; returns the exit status."""
    if not (stage.folder / "run.json").exists():
        composed = compose_and_validate([*stage.overrides, *weights])
        return launch_and_wait(create_run_folder(composed, stage.folder, group), stage.processes)
    if open_run(stage.folder).metadata["state"] == "finished":
        console.print(f"finished: {stage.folder}")
        return 0
    return launch_and_wait(*prepare_to_resume(stage.folder))


def _title(index: int, stages: Sequence[ExperimentStage]) -> str:
    return f"{index + 1} of {len(stages)}: {stages[index].name}"
