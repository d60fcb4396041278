"""The commands `chromahint report`, `chromahint best` and `chromahint dashboard`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path

from chromahint.config.paths import list_groups
from chromahint.report.wandb_dashboard import DEFAULT_KEYS, Dashboard, missing_keys, plan_dashboard


def report(words: Sequence[str]) -> int:
    """Compare runs on one page that opens anywhere; returns the exit status."""
    parser = argparse.ArgumentParser("chromahint report", description="Compare runs on one page that opens anywhere.")
    _add_runs(parser)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("report.html"), help="the page to write (report.html)"
    )
    parser.add_argument("--gallery", type=int, default=8, metavar="N", help="photos in the gallery; 0 draws none (8)")
    parser.add_argument(
        "--baseline", action="append", default=[], choices=list_groups()["model"], metavar="NAME",
        help="a method that learns nothing, such as levin, measured on the same photos; may be repeated",
    )  # fmt: skip
    arguments = parser.parse_args(words)
    if arguments.gallery < 0:
        raise ValueError(f"--gallery {arguments.gallery}: is a number of photos from 0")
    from chromahint.report.compare import write_report

    return write_report(
        arguments.runs, arguments.output, arguments.gallery, arguments.hints, arguments.baseline, arguments.evaluation
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
    from chromahint.report.compare import print_best

    return print_best(arguments.runs, arguments.hints, arguments.evaluation, arguments.form)


def dashboard(words: Sequence[str]) -> int:
    """Build a page on W&B about the runs of a project, a group or a sweep; returns the exit status."""
    parser = argparse.ArgumentParser(
        "chromahint dashboard", description="Compare runs on W&B: a workspace to look around in, and a report to show."
    )
    parser.add_argument(
        "typed", metavar="key=value", nargs="*",
        help="what was typed for `train`, where the runs have other counts of hints or another project than usual",
    )  # fmt: skip
    parser.add_argument("--project", help="of W&B (logger.project)")
    parser.add_argument("--entity", help="the team or user (logger.entity, or the account's default)")
    parser.add_argument("--group", help="runs of this group alone, such as multirun/DATE (all runs)")
    parser.add_argument("--sweep", metavar="NAME", help="runs of this sweep alone, compared by what it tries")
    parser.add_argument(
        "--by", action="append", metavar="KEY",
        help="a key of the config to compare by, or choices.GROUP; may be repeated",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="say what would be built; needs no account")
    parser.add_argument("--json", action="store_true", help="with --dry-run: print what W&B would be sent")
    arguments = parser.parse_intermixed_args(words)
    if arguments.json and not arguments.dry_run:
        raise ValueError("--json prints what W&B would be sent; type --dry-run --json")
    page = _page(arguments)
    if arguments.dry_run and not arguments.json:
        from chromahint.report.wandb_dashboard import outline

        print(outline(page))  # noqa: T201
        return 0
    from chromahint.report.wandb_workspace import default_entity, save_dashboard, to_json

    if arguments.dry_run:
        print(json.dumps(to_json(page), indent=2))  # noqa: T201
        return 0
    from chromahint.training.loggers.wandb import has_wandb_api_key

    if not has_wandb_api_key():
        raise ValueError(
            "a dashboard lies on W&B, and there is no API key: type `wandb login`, or set WANDB_API_KEY; "
            "`chromahint dashboard --dry-run` says what would be built, and `chromahint report` needs no account"
        )
    page = dataclasses.replace(page, entity=page.entity or default_entity())
    for address in save_dashboard(page):
        print(address)  # noqa: T201
    return 0


def _page(arguments: argparse.Namespace) -> Dashboard:
    """Plan the page from what was typed."""
    from chromahint.config.compose import compose
    from chromahint.sweeps.search_space import RangeParameter
    from chromahint.sweeps.sweep_config import read_sweep
    from chromahint.sweeps.wandb_export import wandb_key

    for word in arguments.typed:
        if "=" not in word:
            raise ValueError(f"{word}: is not key=value; see `chromahint dashboard --help`")
    sweep = read_sweep(arguments.sweep, arguments.typed) if arguments.sweep else None
    first = sweep.validation_values()[0] if sweep else {}
    composed = compose("train", sweep.trial_overrides(first) if sweep else arguments.typed)
    logger = composed.config["logger"]
    group, choices, logs = arguments.group or logger.get("group"), list(DEFAULT_KEYS), []
    if sweep:
        group = group or f"sweep/{composed.config['name'] or sweep.name}"
        choices = [wandb_key(name, parameter) for name, parameter in sweep.space.items()]
        logs = [name for name, parameter in sweep.space.items() if isinstance(parameter, RangeParameter) and parameter.log]
    choices = arguments.by or choices
    logged = composed.config | {"choices": composed.choices, "trial": sweep.categorical_labels(first) if sweep else {}}
    if unknown := missing_keys(logged, choices):
        raise ValueError(f"--by {unknown[0]}: runs log no such key; type --by model.width, or --by choices.loss")
    return plan_dashboard(
        arguments.project or logger.get("project") or "chromahint",
        arguments.entity or logger.get("entity") or os.environ.get("WANDB_ENTITY"),
        group,
        composed.config["protocol"]["hint_counts"],
        choices,
        logs,
    )


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", metavar="RUNS", nargs="+", help="run folders, or folders with run folders below them")
    parser.add_argument("--hints", type=int, metavar="K", help="rank by K hints (each photo's mean over all from 1 on)")
    parser.add_argument(
        "--evaluation", metavar="NAME", help="the folder of this name in each run's evaluation/ (what most runs share)"
    )
