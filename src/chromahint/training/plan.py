"""The command `chromahint experiment NAME`: stages of a plan.yaml, each a run from the weights of the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import yaml
from rich.console import Console

from chromahint.config.compose import suggest
from chromahint.config.errors import ConfigError
from chromahint.config.folders import experiment_folders
from chromahint.config.reading import read
from chromahint.runs.folder import Run, open_run
from chromahint.training import resume
from chromahint.training.launch import agree, checked, make_run, start

OURS = ("experiment", "weights", "name", "resume")


def main(name: str, overrides: Sequence[str]) -> int:
    """Run the stages that are not finished yet; returns the exit status.

    The runs lie in RUNS/NAME/<hash of what was typed>/<number>-<stage>, so that the same command finds its own again.

    Args:
        name: folder of the experiment.
        overrides: for every stage.
    """
    stages = read_plan(name)
    for override in map(read, overrides):
        if override.get_key_element() in OURS:
            raise ConfigError(f"{override.input_line}: a plan chooses that itself; leave it out")
    digest = hashlib.blake2b("\n".join(sorted(overrides)).encode(), digest_size=4).hexdigest()
    console = Console(soft_wrap=True)
    weights: list[str] = []
    # all stages are checked before the first one starts
    composed = {stage: checked([f"experiment={name}", *words, *overrides]) for stage, words in stages.items()}
    processes = {stage: agree(each.config) for stage, each in composed.items()}
    for number, (stage, words) in enumerate(stages.items()):
        console.rule(f"{number + 1} of {len(stages)}: {stage}")
        folder = Path(composed[stage].config["runs"]).expanduser() / name / digest / f"{number}-{stage}"
        if (folder / "run.json").exists():
            status = go_on(open_run(folder), console)
        else:
            run = make_run(checked([f"experiment={name}", *words, *overrides, *weights]), folder, f"{name}/{digest}")
            status = start(run, processes[stage])
        if status != 0:
            console.print(f"{stage} did not end well; the same command goes on from there: {folder}", highlight=False)
            return status
        weights = [f"weights={folder / 'checkpoints' / 'last.ckpt'}"]
    return 0


def go_on(run: Run, console: Console) -> int:
    """Resume the run of a stage, unless it is finished."""
    if run.about["state"] == "finished":
        console.print(f"finished: {run.path}", highlight=False)
        return 0
    return resume.main([f"resume={run.path}"])


def read_plan(name: str) -> dict[str, list[str]]:
    """Read experiments/NAME/plan.yaml: the overrides of each stage, in order.

    Raises:
        ConfigError: there is none, or it can't be read.
    """
    plans = {file.parent.name: file for folder in experiment_folders()[::-1] for file in folder.glob("*/plan.yaml")}
    if name not in plans:
        raise ConfigError(
            f"{name}: there is no such plan; the plans are {', '.join(sorted(plans))}.{suggest(name, sorted(plans))} "
            "A single run is `chromahint train experiment=NAME`"
        )
    try:
        stages = yaml.safe_load(plans[name].read_text(encoding="utf-8"))["stages"]
        return {str(stage): [str(word) for word in words] for stage, words in stages.items()}
    except (OSError, yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"{plans[name]}: is no plan; it holds stages: {{NAME: [key=value, ...]}} ({reason})"
        ) from None
