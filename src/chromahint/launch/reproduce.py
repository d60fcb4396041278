"""Train a finished run again from its config, and compare the results."""

from __future__ import annotations

import secrets
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chromahint.config.errors import ConfigError
from chromahint.config.validate import validate
from chromahint.console import TextConsole
from chromahint.inference.trust import trusted_config
from chromahint.launch.launcher import launch_and_wait, preflight_check
from chromahint.runs.files import read_json
from chromahint.runs.run import Run, create_run, git_state, open_run, timestamp, versions

TOLERANCES = {"psnr": 0.01, "ssim": 0.0001}
"""Differences up to these, in dB of PSNR and in SSIM, count as close."""


@dataclass(frozen=True)
class EvaluationDifference:
    """Test scores of two runs: (number of hints, psnr or ssim) -> old and new value."""

    scores: dict[tuple[str, str], tuple[float, float]]

    @property
    def identical(self) -> bool:
        """Whether all scores are exactly the same."""
        return all(old == new for old, new in self.scores.values())

    @property
    def close(self) -> bool:
        """Whether all scores are the same within TOLERANCES."""
        return all(abs(old - new) <= TOLERANCES[metric] for (_, metric), (old, new) in self.scores.items())


def reproduce(folder: str) -> int:
    """Train the run in a folder again, in a new folder; returns 0 if the results are identical or close.

    Raises:
        ConfigError: The run is not finished.
    """
    old = open_run(folder)
    if old.metadata["state"] != "finished":
        raise ConfigError(f"{folder}: is {old.metadata['state']}, and has no results to compare. Pass a finished run.")
    config = trusted_config(old)
    validate(config, "train")
    processes = preflight_check(config)
    console = TextConsole()
    for difference in differences(old):
        console.print(difference)
    old_metadata = old.metadata
    name = f"{old_metadata['name'].partition('/')[0]}-again"
    metadata: dict[str, Any] = {key: old_metadata[key] for key in ("group", "choices") if key in old_metadata}
    metadata |= {
        "name": name,
        "command": shlex.join(["chromahint", "reproduce", str(folder)]),
        "wandb_id": secrets.token_hex(4),
    }
    new = create_run(Path(config["runs_dir"]).expanduser() / name / timestamp(), config, metadata)
    console.print(f"run: {new.path}")
    if status := launch_and_wait(new, processes):
        return status
    comparison = compare_evaluations(old, new)
    console.print(verdict(comparison))
    return 0 if comparison.close else 1


def compare_evaluations(old: Run, new: Run) -> EvaluationDifference:
    """Compare the test scores of two runs.

    Raises:
        ValueError: They were evaluated at different numbers of hints.
    """
    before, after = (_scores_by_hints(run) for run in (old, new))
    if before.keys() != after.keys():
        raise ValueError(
            f"{old.path}, {new.path}: evaluated at different numbers of hints. Compare runs of the same protocol."
        )
    return EvaluationDifference(
        {(k, metric): (before[k][metric], after[k][metric]) for k in before for metric in TOLERANCES}
    )


def verdict(comparison: EvaluationDifference) -> str:
    """Say whether the scores match, and by how much they differ."""
    if comparison.identical:
        return f"reproduced: all {len(comparison.scores)} scores are identical"
    largest = max(comparison.scores.items(), key=lambda item: abs(item[1][0] - item[1][1]))
    (count, metric), (old, new) = largest
    difference = f"the largest difference is in {metric} at {int(count):,} hints: {old:.4f} before, {new:.4f} now"
    return f"{'reproduced closely' if comparison.close else 'not reproduced'}: {difference}"


def differences(run: Run) -> list[str]:
    """List what has changed since the run was made, and may therefore change its results."""
    metadata, messages = run.metadata, []
    current = versions()
    for name, version in metadata.get("versions", {}).items():
        if current.get(name) != version:
            messages.append(f"{name} was {version}, and is {current.get(name, 'not installed')}")
    old_git, new_git = metadata.get("git"), git_state()
    if old_git != new_git and old_git and new_git:
        messages.append(f"the code was at {old_git['revision'][:12]}, and is at {new_git['revision'][:12]}")
    if (old_git or {}).get("dirty"):
        messages.append("the code had uncommitted changes")
    limit = run.config["trainer"]["max_minutes"]
    if limit is not None and _ended_by_time_limit(run):
        messages.append(f"the run ended at its time limit of {limit} minutes, which is never at exactly the same step")
    return messages


def _ended_by_time_limit(run: Run) -> bool:
    lines = (run.path / "metrics.csv").read_text(encoding="utf-8").splitlines()
    steps = run.config["trainer"]["max_steps"]
    return steps is None or len(lines) < 2 or int(lines[-1].split(",")[0]) + 1 < steps


def _scores_by_hints(run: Run) -> dict[str, dict[str, float]]:
    files = sorted(run.path.glob("evaluation/*/metrics.json"))
    if not files:
        raise ValueError(f"{run.path}: has no evaluation. Pass a run that was evaluated.")
    by_hints: dict[str, dict[str, float]] = read_json(files[0])["by_hints"]
    return by_hints
