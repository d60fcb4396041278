"""A run is a folder: what was asked, what happened, what came of it."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import yaml

from chromahint import __version__
from chromahint.runs.files import read_json, write_json, write_text

FORMAT = 2
State = Literal["created", "running", "finished", "pruned", "failed", "interrupted"]
PACKAGES = ("torch", "lightning", "hydra-core", "kornia", "torchmetrics", "wandb", "numpy")


@dataclass(frozen=True)
class Run:
    """A run folder that exists."""

    path: Path

    @property
    def metadata(self) -> dict[str, Any]:
        """What run.json says: format, state, git revision, versions, command, W&B id."""
        return read_json(self.path / "run.json")

    @property
    def config(self) -> dict[str, Any]:
        """The resolved config."""
        try:
            config = yaml.safe_load((self.path / "config.yaml").read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{self.path / 'config.yaml'}: cannot be read: {str(error).splitlines()[0]}") from None
        if not isinstance(config, dict):
            raise ValueError(f"{self.path / 'config.yaml'}: holds no config")
        return config

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints: last.ckpt and best.ckpt."""
        return self.path / "checkpoints"

    @property
    def best_checkpoint(self) -> Path:
        """The checkpoint that the run is judged by: the best one, or the last where no validation came."""
        for name in ("best.ckpt", "last.ckpt"):
            if (self.checkpoints / name).is_file():
                return self.checkpoints / name
        raise ValueError(f"{self.path}: has no checkpoint yet; train it first, or choose another run")

    def update_metadata(self, **facts: Any) -> None:
        """Add facts to run.json, or replace them."""
        write_json(self.path / "run.json", self.metadata | facts)


def create_run(folder: Path, config: dict[str, Any], about: dict[str, Any]) -> Run:
    """Make a run folder that nobody else has, named by `folder`, or `folder`-2, -3, ... where that is taken.

    Args:
        folder: the wanted path.
        config: the resolved config.
        about: `command`, `overrides`, `choices` and whatever else run.json is to say.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    path, number = folder, 1
    while True:
        try:
            path.mkdir()
            break
        except FileExistsError:
            number += 1
            path = folder.with_name(f"{folder.name}-{number}")
    write_text(path / "config.yaml", yaml.safe_dump(config, sort_keys=False))
    write_text(path / "overrides.yaml", yaml.safe_dump(about.pop("overrides", [])))
    facts = {"format": FORMAT, "state": "created", "created": iso_now(), **about}
    write_json(path / "run.json", facts | {"git": git_state(), "versions": versions()})
    return Run(path)


def open_run(path: str | Path) -> Run:
    """Open a run folder, or say why it is none.

    Raises:
        ValueError: there is no such folder, or it was written by a later version.
    """
    run = Run(Path(path).expanduser())
    if not run.path.is_dir():
        raise ValueError(f"{path}: there is no such folder; a run lies in runs/NAME/DATE, where `train` made it")
    if not (run.path / "run.json").is_file():
        raise ValueError(f"{path}: is no run folder: it has no run.json; a run lies in runs/NAME/DATE")
    if run.metadata.get("format") != FORMAT:
        raise ValueError(f"{path}: has format {run.metadata.get('format')!r}, this version reads format {FORMAT}")
    return run


def find_runs(folder: Path) -> list[Path]:
    """Find the runs below a folder, or the folder itself where it is one."""
    found = []
    for parent, inner, files in os.walk(folder):
        if "run.json" in files:
            found.append(Path(parent).resolve())
            inner.clear()  # the files of a run are many, and none of them is a run
        inner.sort()
    return found


def iso_now() -> str:
    """The time in ISO format, to the second, with the time zone."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def timestamp() -> str:
    """The time as it stands in folder names: 2026-01-31_23-59-59."""
    return datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")


def git_state() -> dict[str, Any] | None:
    """The revision of the code, where the code lies in a clone."""
    here = Path(__file__).parent
    try:
        revision = _output("git", "-C", str(here), "rev-parse", "HEAD")
        changes = _output("git", "-C", str(here), "status", "--porcelain")
    except (OSError, subprocess.SubprocessError):
        return None
    return {"revision": revision, "dirty": bool(changes)}


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()  # noqa: S603


def versions() -> dict[str, str]:
    """Of Python, of this package and of those that figures depend on."""
    found = {"python": platform.python_version(), "chromahint": __version__}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
