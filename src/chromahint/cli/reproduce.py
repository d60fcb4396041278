"""`chromahint reproduce`: train a finished run again, and compare the results."""

from __future__ import annotations

import argparse

from chromahint.cli.arguments import Subparsers, add_trust


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "reproduce",
        help="train a finished run again, and compare the results",
        description="Train a finished run again from its configuration, and compare the results.\n"
        "The exit status is 0 if they are identical or close.",
    )
    parser.add_argument("run_folder", metavar="RUN", help="folder of a finished run")
    add_trust(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train again and compare; returns the exit status."""
    from chromahint.launch.reproduce import reproduce

    return reproduce(arguments.run_folder)
