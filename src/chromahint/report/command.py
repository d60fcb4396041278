"""The commands `chromahint report` and `chromahint best`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from chromahint.config.folders import options


def report(words: Sequence[str]) -> int:
    """Compare runs on one page that opens anywhere; returns the exit status."""
    parser = argparse.ArgumentParser("chromahint report", description="Compare runs on one page that opens anywhere.")
    _add_runs(parser)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("report.html"), help="the page to write (report.html)"
    )
    parser.add_argument("--gallery", type=int, default=8, metavar="N", help="photos in the gallery; 0 draws none (8)")
    parser.add_argument(
        "--beside", action="append", default=[], choices=options()["model"], metavar="NAME",
        help="a method that learns nothing, such as levin, measured on the same photos; may be repeated",
    )  # fmt: skip
    arguments = parser.parse_args(words)
    if arguments.gallery < 0:
        raise ValueError(f"--gallery {arguments.gallery}: is a number of photos from 0")
    from chromahint.report.compare import write_report

    return write_report(
        arguments.runs, arguments.output, arguments.gallery, arguments.at, arguments.beside, arguments.evaluation
    )


def best(words: Sequence[str]) -> int:
    """Name the best of several runs, and whether it is ahead by more than chance; returns the exit status."""
    parser = argparse.ArgumentParser(
        "chromahint best", description="Name the best of several runs, and say whether it is ahead by more than chance."
    )
    _add_runs(parser)
    form = parser.add_mutually_exclusive_group()
    for name, text in (("json", "print JSON"), ("path", "print the winner's folder and nothing else")):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, default="text", help=text)
    arguments = parser.parse_args(words)
    from chromahint.report.compare import name_best

    return name_best(arguments.runs, arguments.at, arguments.evaluation, arguments.form)


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", metavar="RUNS", nargs="+", help="run folders, or folders with run folders below them")
    parser.add_argument("--at", type=int, metavar="K", help="rank by K hints (each photo's mean over all from 1 on)")
    parser.add_argument(
        "--evaluation", metavar="NAME", help="the folder of this name in each run's evaluation/ (what most runs share)"
    )
