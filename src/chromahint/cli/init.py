"""`chromahint init`: create a research project of one's own."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
from pathlib import Path

from chromahint import __version__
from chromahint.cli.arguments import Subparsers
from chromahint.runs.files import write_text

TEMPLATE = Path(__file__).resolve().parents[1] / "project_template"
"""Files of a new project. Those of Python have the suffix .txt, since they belong to another project."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "init",
        help="create a small research project with a network of its own",
        description="Create a small research project that depends on Chromahint: one network, its config, two "
        "experiments, tests, a Makefile, and a README. It trains in a minute.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the project; it must be new or empty")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Create the project; returns the exit status."""
    folder: Path = arguments.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder}: already exists and is not empty. Choose another folder.")
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or "colorization"
    try:
        for file in sorted(TEMPLATE.rglob("*")):
            if file.is_file():
                path = folder / file.relative_to(TEMPLATE).with_name(file.name.removesuffix(".txt"))
                text = file.read_text(encoding="utf-8").replace("{{name}}", name).replace("{{version}}", __version__)
                write_text(path, text)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    print(f"{folder}: a project with the network `mixer`. Train it: cd {shlex.quote(str(folder))} && make train")
    return 0
