"""`chromahint evaluate`: measure a network on images."""

from __future__ import annotations

import argparse
import json

from chromahint.cli.arguments import Subparsers, add_overrides, add_trust, describe_groups, refuse_overrides
from chromahint.cli.show_config import add_config_options, check_config_dir, show_config, shows_config
from chromahint.config.paths import using_config_dir

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
    add_config_options(parser)
    parser.add_argument("--json", action="store_true", help="print metrics.json instead of a table")
    add_trust(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate; returns the exit status."""
    refuse_overrides(
        arguments.overrides, {"ckpt_path": "chromahint evaluate run=RUN` or `chromahint evaluate weights=FILE"}
    )
    check_config_dir(arguments.config_dir)
    with using_config_dir(arguments.config_dir):
        return show_config(arguments, "evaluate") if shows_config(arguments) else _evaluate(arguments)


def _evaluate(arguments: argparse.Namespace) -> int:
    from chromahint.console import TextConsole
    from chromahint.evaluation.compose import compose_evaluation

    console = TextConsole(stderr=arguments.json)
    evaluation = compose_evaluation(arguments.overrides, console.print)
    # imports torch; everything above gives its errors without it
    from chromahint.evaluation.runner import evaluate_config, predict_config

    given = evaluation.config, evaluation.weights, evaluation.name, evaluation.parent, evaluation.output, console
    if not evaluation.has_ground_truth:
        if arguments.json:
            raise ValueError("--json: pairs of hint image and mask have no metrics. Leave it out.")
        predict_config(*given)
        return 0
    metrics = evaluate_config(*given)
    if arguments.json:
        print(json.dumps(metrics, indent=2))
    return 0
