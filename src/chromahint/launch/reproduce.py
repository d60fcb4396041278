"""The command `chromahint reproduce RUN`: train again what a run folder says, and compare the figures."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from chromahint.config.errors import ConfigError
from chromahint.config.validate import validate
from chromahint.launch.launcher import launch_and_wait, preflight_check
from chromahint.runs.files import read_json
from chromahint.runs.run import Run, create_run, git_state, open_run, timestamp, versions

CLOSE = 0.01
"""dB of PSNR, and hundredths of SSIM, that count as the same where figures are not identical."""


@dataclass(frozen=True)
class Comparison:
    """How two runs' figures of the test photos differ: (hints, psnr or ssim) -> before and now."""

    figures: dict[tuple[str, str], tuple[float, float]]

    @property
    def identical(self) -> bool:
        """Whether every figure is the same to the last digit."""
        return all(before == now for before, now in self.figures.values())

    @property
    def close(self) -> bool:
        """Whether no figure differs by more than can be told."""
        return all(
            abs(before - now) <= (CLOSE if name == "psnr" else CLOSE / 100)
            for (_, name), (before, now) in self.figures.items()
        )


def main(folder: str) -> int:
    """Train the run once more in a folder of its own; returns 0 where the figures are the same, or close."""
    old = open_run(folder)
    if old.metadata["state"] != "finished":
        raise ConfigError(f"{folder}: is {old.metadata['state']}; only a finished run has figures to compare")
    config = old.config
    validate(config, "train")
    processes = preflight_check(config)
    console = Console(soft_wrap=True, highlight=False)
    for difference in differences(old):
        console.print(difference)
    about = old.metadata
    name = f"{about['name'].partition('/')[0]}-again"
    facts: dict[str, Any] = {key: about[key] for key in ("group", "choices") if key in about}
    facts |= {"name": name, "command": f"chromahint reproduce {folder}", "wandb_id": secrets.token_hex(4)}
    new = create_run(Path(config["runs_dir"]).expanduser() / name / timestamp(), config, facts)
    console.print(f"run: {new.path}")
    if status := launch_and_wait(new, processes):
        return status
    found = compare_evaluations(old, new)
    console.print(verdict(found))
    return 0 if found.close else 1


def compare_evaluations(old: Run, new: Run) -> Comparison:
    """Hold the evaluations of two runs against each other.

    Raises:
        ValueError: they were not measured alike.
    """
    before, now = (_by_hints(run) for run in (old, new))
    if before.keys() != now.keys():
        raise ValueError(f"{old.path} and {new.path} were measured at different numbers of hints")
    names = ("psnr", "ssim")
    return Comparison({(k, name): (before[k][name], now[k][name]) for k in before for name in names})


def verdict(found: Comparison) -> str:
    """Say in words whether the figures match, and by how much they do not."""
    if found.identical:
        return f"reproduced: all {len(found.figures)} figures are identical"
    (count, name), (before, now) = max(found.figures.items(), key=lambda item: abs(item[1][0] - item[1][1]))
    most = f"the largest difference is in {name} at {int(count):,} hints: {before:.4f} before, {now:.4f} now"
    return f"{'reproduced, closely' if found.close else 'not reproduced'}: {most}"


def differences(run: Run) -> list[str]:
    """What is not the same as when the run was made, and why its figures may therefore differ."""
    about, said = run.metadata, []
    now = versions()
    for name, version in about.get("versions", {}).items():
        if now.get(name) != version:
            said.append(f"{name} was {version}, and is {now.get(name, 'not installed')}")
    before, state = about.get("git"), git_state()
    if before != state and before and state:
        said.append(f"the code was at {before['revision'][:12]}, and is at {state['revision'][:12]}")
    if (before or {}).get("dirty"):
        said.append("the code had changes that were not committed")
    limit = run.config["trainer"]["max_minutes"]
    if limit is not None and _stopped_by_the_clock(run):
        said.append(f"the run was ended by the clock after {limit} minutes, which no other run meets to the step")
    return said


def _stopped_by_the_clock(run: Run) -> bool:
    lines = (run.path / "metrics.csv").read_text(encoding="utf-8").splitlines()
    steps = run.config["trainer"]["max_steps"]
    return steps is None or len(lines) < 2 or int(lines[-1].split(",")[0]) + 1 < steps


def _by_hints(run: Run) -> dict[str, dict[str, float]]:
    files = sorted(run.path.glob("evaluation/*/metrics.json"))
    if not files:
        raise ValueError(f"{run.path}: has no evaluation")
    by_hints: dict[str, dict[str, float]] = read_json(files[0])["by_hints"]
    return by_hints
