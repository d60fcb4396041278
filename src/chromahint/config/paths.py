"""Where configs and experiments lie: inside an installed wheel, in a clone, and in the folder a person works in."""

from __future__ import annotations

import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def shipped(name: str) -> Path:
    """Return the folder `conf` or `experiments` that belongs to this installation."""
    in_wheel = PACKAGE / name
    return in_wheel if in_wheel.is_dir() else PACKAGE.parents[1] / name


def experiment_folders() -> list[Path]:
    """Folders that hold experiments: `./experiments` first, then the ones that Chromahint brings."""
    return list(dict.fromkeys(f for f in (Path.cwd() / "experiments", shipped("experiments")) if f.is_dir()))


def plans() -> dict[str, Path]:
    """The plan.yaml of every experiment of several runs, by the experiment's name.

    >>> "equal_budget" in plans()
    True
    """
    found = {file.parent.name: file for folder in experiment_folders()[::-1] for file in folder.glob("*/plan.yaml")}
    return {name: found[name] for name in sorted(found)}


def see_own_networks() -> None:
    """Let networks of one's own be found in the current folder."""
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))


def own_conf() -> Path | None:
    """The folder `./conf` of the current folder, where people keep YAML files of their own, unless it is ours."""
    folder = Path.cwd() / "conf"
    return folder if folder.is_dir() and folder != shipped("conf") else None


def options() -> dict[str, list[str]]:
    """Every config group with its choices, by looking at file names alone: {"model": ["hscaunet", ...], ...}.

    >>> "hscaunet" in options()["model"]
    True
    """
    groups: dict[str, set[str]] = {}
    for conf in filter(None, (shipped("conf"), own_conf())):
        for file in conf.glob("*/*.yaml"):
            groups.setdefault(file.parent.name, set()).add(file.stem)
    groups["experiment"] = {f.parent.name for folder in experiment_folders() for f in folder.glob("*/config.yaml")}
    return {group: sorted(groups[group]) for group in sorted(groups)}


def defaults(name: str) -> dict[str, str]:
    """The choice that `conf/<name>.yaml` makes in each group: {"model": "spreadnet", ..., "experiment": "null"}.

    >>> defaults("train")["model"]
    'spreadnet'
    """
    text = (shipped("conf") / f"{name}.yaml").read_text(encoding="utf-8")
    return dict(re.findall(r"^  - (\w+): (\S+)$", text, flags=re.MULTILINE))
