"""`chromahint experiment`: the runs of a plan."""

from __future__ import annotations

import argparse

from chromahint.cli.arguments import OVERRIDE_SYNTAX, Subparsers, add_overrides
from chromahint.config.paths import experiment_plans


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "experiment",
        help="run an experiment that consists of several runs",
        usage="chromahint experiment [-h] NAME [key=value ...]",
        description="Run an experiment that consists of several runs: stages that build on each other, or networks\n"
        "to compare. The same command, typed again, continues with what is not finished.",
        epilog=f"{OVERRIDE_SYNTAX}\nNames: {', '.join(experiment_plans())}.",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="a folder in experiments/ that contains plan.yaml")
    add_overrides(parser, "overrides of every run")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the experiment; returns the exit status."""
    if arguments.name is None or "=" in arguments.name:
        raise ValueError(
            "chromahint experiment: the name of the experiment is missing. Type `chromahint experiment NAME` with one "
            f"of {', '.join(experiment_plans())}."
        )
    from chromahint.launch.experiment import run_experiment

    return run_experiment(arguments.name, arguments.overrides)
