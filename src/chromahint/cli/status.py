"""`chromahint status`: the state of runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from chromahint.cli.arguments import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "status",
        help="show the state and the results of runs",
        description="Show the state and the results of a run, or of the runs in a folder, and why some failed.\n"
        "The exit status is 1 if a run has failed.",
    )
    parser.add_argument(
        "folder",
        type=Path,
        metavar="FOLDER",
        nargs="?",
        default=Path("runs"),
        help="a run, or a folder with runs at any depth",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show the state; returns the exit status."""
    from chromahint.launch.run_states import show_status

    return show_status(arguments.folder.expanduser(), as_json=arguments.json)
