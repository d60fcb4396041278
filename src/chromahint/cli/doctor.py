"""`chromahint doctor`: versions, devices, folders, and what is missing."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from chromahint.cli.arguments import Subparsers

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="show versions, devices, folders, and what is missing",
        description="Show versions, devices, folders, and what is missing. Please include the output in bug reports.",
    )
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print everything; returns the exit status."""
    from rich.table import Table

    from chromahint.console import TextConsole

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for title, lines in diagnose().items():
        table.add_row(title, "\n".join(lines))
    TextConsole().print(table)
    return 0


def diagnose() -> dict[str, list[str]]:
    """Return everything that is printed: title -> lines."""
    from chromahint.cache_folder import cache_folder
    from chromahint.runs.run import versions

    return {
        "versions": [f"{name} {version}" for name, version in versions().items()],
        "devices": describe_devices(),
        "cache": [describe_folder(cache_folder())],
        "runs": [describe_folder(Path("runs"))],
        "W&B": [describe_wandb()],
        "extras": describe_extras(),
    }


def describe_devices() -> list[str]:
    """Describe the CPU and each GPU, with the precision that trainer.precision=auto selects there."""
    import torch

    from chromahint.data.parallel import available_cores
    from chromahint.training.precision import choose_precision

    lines = [
        f"CPU: {platform.machine()}, {available_cores()} cores, {torch.get_num_threads()} threads, "
        f"trains in {choose_precision('auto', on_gpu=False)}"
    ]
    for number in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(number)
        lines.append(
            f"GPU {number}: {gpu.name}, {gpu.total_memory / 2**30:.0f} GiB, "
            f"trains in {choose_precision('auto', on_gpu=True)}"
        )
    if len(lines) == 1:
        cuda = torch.version.cuda
        lines.append(f"no GPU ({f'PyTorch was built for CUDA {cuda}' if cuda else 'PyTorch was built without CUDA'})")
    return lines


def describe_folder(folder: Path) -> str:
    """Return the path of a folder, and the number and size of its files."""
    if not folder.is_dir():
        return f"{folder.absolute()}: does not exist yet"
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    return f"{folder.absolute()}: {len(sizes):,} files, {sum(sizes) / 1e6:,.1f} MB"


def describe_wandb() -> str:
    """Tell whether runs are uploaded."""
    from chromahint.wandb_api.server import find_api_key, server_problem

    if mode := os.environ.get("WANDB_MODE"):
        return f"WANDB_MODE={mode}"
    if find_api_key():
        problem = server_problem()
        return f"API key found: runs are {f'logged offline, because {problem}' if problem else 'uploaded'}"
    return (
        "no API key: runs are logged offline; `wandb login` changes that, and `wandb sync RUN/wandb/offline-run-*` "
        "uploads them"
    )


def describe_extras() -> list[str]:
    """List the extras of the package, with what is missing of each and how to install it."""
    from packaging.requirements import Requirement

    missing: dict[str, list[str]] = {}
    for line in importlib.metadata.requires("chromahint") or []:
        requirement = Requirement(line)
        for extra in importlib.metadata.metadata("chromahint").get_all("Provides-Extra") or []:
            if requirement.marker and requirement.marker.evaluate({"extra": extra}):
                missing.setdefault(extra, []).extend([] if _is_installed(requirement) else [requirement.name])
    return [
        f"{extra}: missing {', '.join(names)}; run: pip install 'chromahint[{extra}]'"
        if names
        else f"{extra}: complete"
        for extra, names in missing.items()
    ]


def _is_installed(requirement: Requirement) -> bool:
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)
