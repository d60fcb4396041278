"""`chromahint dashboard`: compare runs on W&B."""

from __future__ import annotations

import argparse
import dataclasses
import json

from chromahint.cli.arguments import Subparsers, add_overrides


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "dashboard",
        help="build a W&B workspace and report that compare runs",
        description="Build a W&B workspace to explore runs, and a W&B report to share.",
    )
    add_overrides(parser, "overrides of the runs, if their project or their numbers of hints differ from the defaults")
    parser.add_argument("--project", help="W&B project; by default, logger.wandb.project")
    parser.add_argument("--entity", help="W&B team or user; by default, logger.wandb.entity or that of the account")
    parser.add_argument("--group", help="only runs of this group, such as multirun/DATE; by default, all runs")
    parser.add_argument("--sweep", metavar="NAME", help="only runs of this sweep, compared by its parameters")
    parser.add_argument(
        "--by", action="append", metavar="KEY", help="config key to compare by, or choices.GROUP; may be repeated"
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would be built; needs no account")
    parser.add_argument("--json", action="store_true", help="with --dry-run: print what would be sent to W&B")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Build the dashboard, and print its addresses; returns the exit status."""
    if arguments.json and not arguments.dry_run:
        raise ValueError("--json: prints what would be sent to W&B. Type --dry-run --json.")
    from chromahint.report.compose_dashboard import compose_dashboard

    page = compose_dashboard(
        arguments.overrides,
        project=arguments.project,
        entity=arguments.entity,
        group=arguments.group,
        sweep_name=arguments.sweep,
        keys=arguments.by,
    )
    if arguments.dry_run and not arguments.json:
        from chromahint.report.wandb_dashboard import dashboard_outline

        print(dashboard_outline(page))
        return 0
    from chromahint.report.wandb_workspace import default_entity, save_dashboard, to_json

    if arguments.dry_run:
        print(json.dumps(to_json(page), indent=2))
        return 0
    from chromahint.wandb_api.server import find_api_key

    if find_api_key() is None:
        raise ValueError(
            "WANDB_API_KEY: a dashboard is stored on W&B, but there is no API key. Run `wandb login`, or set "
            "WANDB_API_KEY. `chromahint dashboard --dry-run` prints what would be built, and `chromahint report` needs "
            "no account."
        )
    page = dataclasses.replace(page, entity=page.entity or default_entity())
    for address in save_dashboard(page):
        print(address)
    return 0
