"""`chromahint report`: compare runs on one HTML page."""

from __future__ import annotations

import argparse
from pathlib import Path

from chromahint.cli.arguments import Subparsers, add_runs, add_trust, integer
from chromahint.config.paths import list_groups


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "report",
        help="compare runs on one HTML page",
        description="Compare runs on one HTML page, which needs no other files.",
    )
    add_runs(parser)
    parser.add_argument("-o", "--output", type=Path, default=Path("report.html"), metavar="FILE", help="page to write")
    parser.add_argument(
        "--gallery", type=integer(0), default=8, metavar="N", help="number of images in the gallery, or 0"
    )
    parser.add_argument(
        "--baseline",
        action="append",
        default=[],
        choices=list_groups()["model"],
        metavar="NAME",
        help="training-free baseline, such as levin, to measure on the same images; may be repeated",
    )
    add_trust(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the page; returns the exit status."""
    from chromahint.report.compare import write_report

    return write_report(
        arguments.runs, arguments.output, arguments.gallery, arguments.hints, arguments.baseline, arguments.evaluation
    )
