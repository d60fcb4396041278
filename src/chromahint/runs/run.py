"""Run folders: config, metadata and results of one training run."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from chromahint import __version__
from chromahint.runs.files import read_json, write_json, write_text
from chromahint.runs.signature import is_signed, sign
from chromahint.wandb_api.run_artifact import download_run, is_wandb_run

RUN_FORMAT = 2
State = Literal["created", "running", "finished", "pruned", "failed", "interrupted"]
PACKAGES = ("torch", "lightning", "hydra-core", "kornia", "torchmetrics", "wandb", "numpy")


@dataclass(frozen=True)
class Run:
    """An existing run folder."""

    path: Path

    @property
    def metadata(self) -> dict[str, Any]:
        """Content of run.json: format, state, git revision, package versions, command, W&B ID."""
        return read_json(self.path / "run.json")

    @property
    def config(self) -> dict[str, Any]:
        """Resolved config."""
        file = self.path / "config.yaml"
        try:
            config = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{file}: cannot be read ({str(error).splitlines()[0]}).") from None
        if not isinstance(config, dict):
            raise ValueError(f"{file}: must contain a mapping.")
        return config

    @property
    def is_own(self) -> bool:
        """Whether this user wrote the config on this machine."""
        return is_signed((self.path / "config.yaml").read_bytes(), self.metadata.get("signature"))

    @property
    def checkpoints(self) -> Path:
        """Folder of last.ckpt and best.ckpt."""
        return self.path / "checkpoints"

    @property
    def best_checkpoint(self) -> Path:
        """The checkpoint that represents the run: best.ckpt, or last.ckpt if no validation took place."""
        for name in ("best.ckpt", "last.ckpt"):
            if (self.checkpoints / name).is_file():
                return self.checkpoints / name
        raise ValueError(f"{self.path}: has no checkpoint yet. Train it first, or choose another run.")

    def write_config(self, config: dict[str, Any]) -> None:
        """Replace the config by one that the user has given, and sign it."""
        text = yaml.safe_dump(config, sort_keys=False)
        write_text(self.path / "config.yaml", text)
        self.update_metadata(signature=sign(text.encode()))

    def update_metadata(self, **fields: Any) -> None:
        """Add or replace fields of run.json."""
        write_json(self.path / "run.json", self.metadata | fields)


def create_run(folder: Path, config: dict[str, Any], metadata: dict[str, Any]) -> Run:
    """Create a run folder exclusively, as `folder` or, if that exists, `folder`-2, `folder`-3, ...

    Args:
        folder: Preferred path.
        config: Resolved config.
        metadata: `overrides`, for overrides.yaml, and further fields of run.json such as `command` and `choices`.

    Raises:
        OSError: The folder can't be written; nothing of it is left.
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
    run = Run(path)
    try:
        text = yaml.safe_dump(config, sort_keys=False)
        write_text(path / "overrides.yaml", yaml.safe_dump(metadata.pop("overrides", [])))
        write_text(path / "config.yaml", text)
        fields = {"format": RUN_FORMAT, "state": "created", "created": iso_now(), **metadata}
        fields |= {"git": git_state(), "versions": versions(), "signature": sign(text.encode())}
        write_json(path / "run.json", fields)  # last: with it, the folder is a run
    except OSError:
        shutil.rmtree(path, ignore_errors=True)
        raise
    return run


def open_run(path: str | Path) -> Run:
    """Open a run folder, or that of a run on W&B, named wandb:ENTITY/PROJECT/RUN.

    Raises:
        ValueError: The path is not a run folder, or another version of Chromahint wrote it.
    """
    run = Run(download_run(path) if is_wandb_run(path) else Path(path).expanduser())
    if not run.path.is_dir():
        raise ValueError(f"{path}: folder not found. Pass a run folder such as runs/NAME/DATE.")
    if not (run.path / "run.json").is_file():
        raise ValueError(f"{path}: not a run folder. Pass a folder that contains run.json, such as runs/NAME/DATE.")
    if run.metadata.get("format") != RUN_FORMAT:
        raise ValueError(f"{path}: written by another version of Chromahint. Train again, or use that version.")
    return run


def find_runs(folder: Path) -> list[Path]:
    """List the run folders below a folder, which may itself be one, in alphabetical order."""
    found = []
    for parent, subfolders, files in os.walk(folder):
        if "run.json" in files:
            found.append(Path(parent).resolve())
            subfolders.clear()  # runs are not nested, and contain many files
        subfolders.sort()
    return found


def iso_now() -> str:
    """Return the local time in ISO format, to the second, with its time zone."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def timestamp() -> str:
    """Return the local time as used in folder names: 2026-01-31_23-59-59."""
    return datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")


def git_state() -> dict[str, Any] | None:
    """Return revision and dirtiness of the code if it lies in a git clone."""
    source = Path(__file__).parent
    try:
        revision = _output("git", "-C", str(source), "rev-parse", "HEAD")
        changes = _output("git", "-C", str(source), "status", "--porcelain")
    except (OSError, subprocess.SubprocessError):
        return None
    return {"revision": revision, "dirty": bool(changes)}


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()  # noqa: S603


def versions() -> dict[str, str]:
    """Return the versions of Python, Chromahint and the packages that results depend on."""
    found = {"python": platform.python_version(), "chromahint": __version__}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
