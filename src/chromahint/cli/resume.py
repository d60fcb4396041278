"""`chromahint resume`: continue a run that was stopped."""

from __future__ import annotations

import argparse

from chromahint.cli.arguments import Subparsers, add_overrides


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "resume",
        help="continue a run that was stopped or killed",
        description="Continue a run from its last checkpoint. It ends as if it had never been stopped.",
    )
    parser.add_argument("run_folder", metavar="RUN", help="folder of an unfinished run")
    add_overrides(parser, "options that may change: limits of training, data.root and data.num_workers")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Resume; returns the exit status."""
    from chromahint.launch.resume import resume

    return resume(arguments.run_folder, arguments.overrides)
