"""The command `chromahint doctor`: what this machine has, where things are kept, and what is missing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import torch
from packaging.requirements import Requirement
from rich.console import Console
from rich.table import Table

from chromahint.data.parallel import available_cores
from chromahint.data.synthetic.cache import cache_folder
from chromahint.runs.run import versions
from chromahint.training.loggers.wandb import has_wandb_api_key
from chromahint.training.trainer import choose_precision


def main() -> int:
    """Print everything."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for title, lines in findings().items():
        table.add_row(title, "\n".join(lines))
    Console(soft_wrap=True, highlight=False).print(table)
    return 0


def findings() -> dict[str, list[str]]:
    """All that is looked at: title -> lines."""
    return {
        "versions": [f"{name} {version}" for name, version in versions().items()],
        "devices": devices(),
        "cache": [kept(cache_folder())],
        "runs": [kept(Path("runs"))],
        "W&B": [wandb_state()],
        "extras": extras(),
    }


def devices() -> list[str]:
    """The processor and every GPU, with the precision that trainer.precision=auto takes there."""
    lines = [
        f"processor: {platform.machine()}, {available_cores()} cores, {torch.get_num_threads()} threads, "
        f"trains in {choose_precision('auto', on_gpu=False)}"
    ]
    for number in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(number)
        lines.append(
            f"GPU {number}: {about.name}, {about.total_memory / 2**30:.0f} GiB, "
            f"trains in {choose_precision('auto', on_gpu=True)}"
        )
    if len(lines) == 1:
        built = f"this PyTorch was built for CUDA {torch.version.cuda}" if torch.version.cuda else "PyTorch has no CUDA"
        lines.append(f"no GPU ({built})")
    return lines


def kept(folder: Path) -> str:
    """Where a folder is and how much lies in it."""
    if not folder.is_dir():
        return f"{folder.absolute()}: not there yet"
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    return f"{folder.absolute()}: {len(sizes):,} files, {sum(sizes) / 1e6:,.1f} MB"


def wandb_state() -> str:
    """Whether runs are uploaded."""
    if mode := os.environ.get("WANDB_MODE"):
        return f"WANDB_MODE={mode}"
    if has_wandb_api_key():
        return "an API key is present: runs are uploaded"
    return "no API key: runs are kept offline, `wandb login` changes that, `wandb sync RUN/wandb/offline-run-*` uploads"


def extras() -> list[str]:
    """What each extra needs that is not there, and how to get it."""
    wanted: dict[str, list[str]] = {}
    for line in importlib.metadata.requires("chromahint") or []:
        requirement = Requirement(line)
        for extra in importlib.metadata.metadata("chromahint").get_all("Provides-Extra") or []:
            if requirement.marker and requirement.marker.evaluate({"extra": extra}):
                wanted.setdefault(extra, []).extend([] if _is_there(requirement) else [requirement.name])
    return [
        f"{extra}: {'complete' if not missing else 'lacks ' + ', '.join(missing)}"
        + (f"; pip install 'chromahint[{extra}]'" if missing else "")
        for extra, missing in wanted.items()
    ]


def _is_there(requirement: Requirement) -> bool:
    try:
        found = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(found, prereleases=True)
