"""`chromahint resume`: continue a run that was stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

from chromahint.cli.arguments import Subparsers, add_overrides, add_trust, integer


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "resume",
        help="continue a run, or a multirun, that was stopped or killed",
        description="Continue a run from its last checkpoint. It ends as if it had never been stopped.\n"
        "Of a folder with several runs, continue all that are not finished, and begin those that never began.",
    )
    parser.add_argument("run_folder", metavar="RUN", help="folder of an unfinished run, or of several runs")
    parser.add_argument("--n-jobs", type=integer(1), metavar="N", help="of several runs: how many at a time")
    add_overrides(parser, "options that may change: limits of training, data.root and data.num_workers")
    add_trust(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Resume; returns the exit status."""
    folder = Path(arguments.run_folder).expanduser()
    if not (folder / "run.json").is_file() and any(folder.glob("*/run.json")):
        if arguments.overrides:
            raise ValueError(f"{arguments.overrides[0]}: options can be changed for a single run. Resume it alone.")
        from chromahint.launch.multirun import resume_multirun

        return resume_multirun(folder, arguments.n_jobs)
    if arguments.n_jobs is not None:
        raise ValueError(f"--n-jobs {arguments.n_jobs}: is for a folder with several runs. Leave it out.")
    from chromahint.launch.resume import resume

    return resume(arguments.run_folder, arguments.overrides)
