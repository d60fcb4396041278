"""Where configs and experiments lie: inside an installed wheel, in a clone, and in the folder a person works in."""

from __future__ import annotations

import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def packaged_dir(name: str) -> Path:
    """Return the folder `conf` or `experiments` that belongs to this installation."""
    in_wheel = PACKAGE / name
    return in_wheel if in_wheel.is_dir() else PACKAGE.parents[1] / name


def experiment_folders() -> list[Path]:
    """Folders that hold experiments: `./experiments` first, then the ones that Chromahint brings."""
    return list(dict.fromkeys(f for f in (Path.cwd() / "experiments", packaged_dir("experiments")) if f.is_dir()))


def experiment_plans() -> dict[str, Path]:
    """The plan.yaml of every experiment of several runs, by the experiment's name.

    >>> "equal_budget" in experiment_plans()
    True
    """
    found = {file.parent.name: file for folder in experiment_folders()[::-1] for file in folder.glob("*/plan.yaml")}
    return {name: found[name] for name in sorted(found)}


def add_cwd_to_path() -> None:
    """Let networks of one's own be found in the current folder."""
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))


def user_conf_dir() -> Path | None:
    """The folder `./conf` of the current folder, where people keep YAML files of their own, unless it is ours."""
    folder = Path.cwd() / "conf"
    return folder if folder.is_dir() and folder != packaged_dir("conf") else None


def list_groups() -> dict[str, list[str]]:
    """Every config group with its choices, by looking at file names alone: {"model": ["hscaunet", ...], ...}.

    >>> "hscaunet" in list_groups()["model"]
    True
    """
    groups: dict[str, set[str]] = {}
    for conf in filter(None, (packaged_dir("conf"), user_conf_dir())):
        for file in conf.glob("*/[!_]*.yaml"):
            groups.setdefault(file.parent.name, set()).add(file.stem)
    groups["experiment"] = {f.parent.name for folder in experiment_folders() for f in folder.glob("*/config.yaml")}
    return {group: sorted(groups[group]) for group in sorted(groups)}


def group_defaults(name: str) -> dict[str, str]:
    """The choice that `conf/<name>.yaml` makes in each group: {"model": "spreadnet", ..., "experiment": "null"}.

    >>> group_defaults("train")["model"]
    'spreadnet'
    """
    text = (packaged_dir("conf") / f"{name}.yaml").read_text(encoding="utf-8")
    return dict(re.findall(r"^  - (\w+): (\S+)$", text, flags=re.MULTILINE))
