"""`chromahint tune`: suggest a learning rate or a batch size."""

from __future__ import annotations

import argparse

from chromahint.cli.arguments import Subparsers, add_overrides


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "tune",
        help="suggest a learning rate or a batch size",
        description="Suggest a learning rate or a batch size from short trials, which leave no run behind.",
    )
    parser.add_argument("option", choices=["lr", "batch-size"], metavar="lr|batch-size", help="what to suggest")
    add_overrides(parser, "the same overrides as for `chromahint train`")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Tune; returns the exit status."""
    from chromahint.launch.tune import tune

    return tune(arguments.option, arguments.overrides)
