"""Folders of configs and experiments: in an installed wheel, in a clone, and in the current folder."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
_config_dir: Path | None = None


def packaged_dir(name: str) -> Path:
    """Return the folder `conf` or `experiments` of this installation: in the wheel, or at the top of the clone."""
    in_wheel = PACKAGE / name
    return in_wheel if in_wheel.is_dir() else PACKAGE.parents[1] / name


def experiment_folders() -> list[Path]:
    """Folders that hold experiments: `./experiments` first, then the packaged ones."""
    return list(dict.fromkeys(f for f in (Path.cwd() / "experiments", packaged_dir("experiments")) if f.is_dir()))


def experiment_plans() -> dict[str, Path]:
    """The plan.yaml of every experiment of several runs, by the experiment's name.

    >>> "equal_budget" in experiment_plans()
    True
    """
    found = {file.parent.name: file for folder in experiment_folders()[::-1] for file in folder.glob("*/plan.yaml")}
    return {name: found[name] for name in sorted(found)}


def add_cwd_to_path() -> None:
    """Make networks that are defined in the current folder importable."""
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))


@contextlib.contextmanager
def using_config_dir(folder: Path | None) -> Iterator[None]:
    """Use a folder in place of `./conf` as the one that holds your own YAML files; None changes nothing."""
    global _config_dir
    previous, _config_dir = _config_dir, folder.absolute() if folder else _config_dir
    try:
        yield
    finally:
        _config_dir = previous


def user_conf_dir() -> Path | None:
    """The folder that may hold your own YAML files, by default `./conf`; None if it is missing or the packaged one."""
    folder = _config_dir or Path.cwd() / "conf"
    return folder if folder.is_dir() and folder != packaged_dir("conf") else None


def list_groups() -> dict[str, list[str]]:
    """Every config group with its choices, from file names alone: {"model": ["hscaunet", ...], ...}.

    Files whose names begin with `_` are bases that other files share, not choices.

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
    """The default choice of each group in `conf/<name>.yaml`: {"model": "spreadnet", ..., "experiment": "null"}.

    >>> group_defaults("train")["model"]
    'spreadnet'
    """
    text = (packaged_dir("conf") / f"{name}.yaml").read_text(encoding="utf-8")
    return dict(re.findall(r"^  - (\w+): (\S+)$", text, flags=re.MULTILINE))


def targets(group: str) -> list[tuple[str, str]]:
    """The `_target_` of each choice of a group, as (choice, target).

    >>> ("unet", "chromahint.models.unet.UNet") in targets("model")
    True
    """
    conf = [folder for folder in (packaged_dir("conf"), user_conf_dir()) if folder is not None]
    files = [file for folder in conf for file in folder.glob(f"{group}/*.yaml")]
    found = [(file.stem, re.search(r"^_target_: (\S+)$", file.read_text(encoding="utf-8"), re.M)) for file in files]
    return [(name, match[1]) for name, match in found if match]


def choice_of(group: str, target: str) -> str:
    """How to name a target in a message: `model=unet` if one file of the group has it, else its `_target_`.

    >>> choice_of("model", "chromahint.models.unet.UNet")
    'model=unet'
    >>> choice_of("model", "mynets.Blend")
    'model._target_=mynets.Blend'
    """
    found = [name for name, each in targets(group) if each == target]
    return f"{group}={found[0]}" if len(found) == 1 else f"{group}._target_={target}"
