"""`chromahint evaluate`: measure a network on images."""

from __future__ import annotations

import argparse

from chromahint.cli.arguments import Subparsers, add_overrides, describe_groups

DESCRIPTION = """\
Measure a network: `run=RUN` takes the network, weights and data of a run,
`weights=FILE` recognizes the network that a weights file belongs to, and
`model=NAME weights=none|pretrained|FILE` names both. Without any of them, the
pretrained weights in the package are measured.
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure a network on images",
        description=DESCRIPTION,
        epilog=describe_groups("evaluate"),
    )
    add_overrides(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate; returns the exit status."""
    from rich.console import Console

    from chromahint.evaluation.compose import compose_evaluation

    console = Console(soft_wrap=True, highlight=False)
    evaluation = compose_evaluation(arguments.overrides, lambda message: console.print(message, markup=False))
    # imports torch; everything above gives its errors without it
    from chromahint.evaluation.runner import evaluate_config, predict_config

    perform = evaluate_config if evaluation.has_ground_truth else predict_config
    perform(evaluation.config, evaluation.weights, evaluation.name, evaluation.parent, evaluation.output, console)
    return 0
