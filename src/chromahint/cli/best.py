"""`chromahint best`: the best of several runs."""

from __future__ import annotations

import argparse

from chromahint.cli.arguments import Subparsers, add_runs


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "best",
        help="print the best of several runs",
        description="Print the best of several runs, and whether its lead is statistically significant.",
    )
    add_runs(parser)
    parser.add_argument(
        "--metric",
        choices=["psnr", "ssim", "ciede2000"],
        default="psnr",
        help="metric to rank by; of ciede2000, a color difference, lower values are better",
    )
    output = parser.add_mutually_exclusive_group()
    for name, text in (("json", "print JSON"), ("path", "print only the folder of the best run")):
        output.add_argument(f"--{name}", dest="form", action="store_const", const=name, default="text", help=text)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the best run; returns the exit status."""
    from chromahint.report.compare import print_best

    return print_best(arguments.runs, arguments.hints, arguments.evaluation, arguments.form, arguments.metric)
