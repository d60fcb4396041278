"""`chromahint sweep`: hyperparameter search, led by Optuna or by W&B."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from chromahint.cli.arguments import OVERRIDE_SYNTAX, Parser, Subparsers, add_overrides
from chromahint.config.paths import list_groups

DESCRIPTION = """\
Search for good hyperparameters. The same command, typed again here or on another
machine that shares the folder, adds a worker.
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the parsers of the commands."""
    names = f"Names: {', '.join(list_groups()['sweep'])}; or the path of a YAML file."
    options = "Options of the sweep itself: trials, minutes, objective, sampler, pruner, storage, heartbeat."

    sweep = subparsers.add_parser(
        "sweep",
        help="search for good hyperparameters",
        usage="chromahint sweep [-h] NAME [key=value ...]",
        description=DESCRIPTION,
        epilog=f"{OVERRIDE_SYNTAX}\n{options}\n{names}",
    )
    sweep.add_argument("name", metavar="NAME", nargs="?", help="a sweep in conf/sweep/, or the path of a YAML file")
    add_overrides(sweep, "options of the sweep, or overrides of every trial")
    sweep.set_defaults(run=run)

    status = subparsers.add_parser(
        "sweep status",
        help="show the trials of a sweep, and which parameters matter",
        description="Show the trials of a sweep, the best of them, and which parameters matter.",
    )
    _add_started_sweep(status)
    status.add_argument("--json", action="store_true", help="print JSON instead of tables")
    status.set_defaults(run=run_status)

    plot = subparsers.add_parser(
        "sweep plot", help="plot the trials of a sweep", description="Plot the trials of a sweep."
    )
    _add_started_sweep(plot)
    plot.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="image to write; by default, sweep.png in its folder"
    )
    plot.set_defaults(run=run_plot)

    wandb = subparsers.add_parser(
        "sweep wandb",
        help="write a sweep as a file for `wandb sweep`",
        description="Write a sweep as a file for `wandb sweep`: W&B chooses the values, and its agents train.",
        epilog=names,
    )
    wandb.add_argument("name", metavar="NAME", help="a sweep in conf/sweep/, or the path of a YAML file")
    add_overrides(wandb, "options of the sweep, or overrides of every trial")
    wandb.add_argument("-o", "--output", type=Path, metavar="FILE", help="file to write; by default, NAME_wandb.yaml")
    wandb.set_defaults(run=run_wandb)

    trial = subparsers.add_parser(
        "sweep trial", description="Train one trial of a sweep that W&B leads. W&B's agents run this command."
    )
    trial.add_argument("name", metavar="NAME", help="a sweep in conf/sweep/, or the path of a YAML file")
    add_overrides(trial, "overrides of every trial")
    trial.add_argument("--values", metavar="NAME=VALUE", nargs="*", default=[], help="values that W&B chose")
    trial.set_defaults(run=run_trial)


def run(arguments: argparse.Namespace) -> int:
    """Run trials until none is left; returns the exit status."""
    if arguments.name is None or "=" in arguments.name:
        raise ValueError(
            "chromahint sweep: the name of the sweep is missing. Type `chromahint sweep NAME` with one of "
            f"{', '.join(list_groups()['sweep'])}, or with the path of a YAML file."
        )
    from chromahint.sweeps.start import run_worker

    return run_worker(arguments.name, arguments.overrides)


def run_status(arguments: argparse.Namespace) -> int:
    """Print the trials; returns the exit status."""
    from chromahint.sweeps.start import find_sweep

    sweep, folder = find_sweep(arguments.name, arguments.runs_dir)
    from chromahint.console import TextConsole
    from chromahint.sweeps.status import describe_study, print_status
    from chromahint.sweeps.study import open_study

    study = open_study(sweep, folder)
    if arguments.json:
        print(json.dumps(describe_study(study, sweep), indent=2))
    else:
        print_status(study, sweep, TextConsole())
    return 0


def run_plot(arguments: argparse.Namespace) -> int:
    """Plot the trials, and print the path of the image; returns the exit status."""
    from chromahint.sweeps.start import find_sweep

    sweep, folder = find_sweep(arguments.name, arguments.runs_dir)
    from chromahint.sweeps.plot import plot_sweep
    from chromahint.sweeps.study import open_study
    from chromahint.visualization.curves import write_figure

    print(write_figure(plot_sweep(open_study(sweep, folder), sweep), arguments.output or folder / "sweep.png"))
    return 0


def run_wandb(arguments: argparse.Namespace) -> int:
    """Write the file for W&B, and print what to type next; returns the exit status."""
    from chromahint.sweeps.start import write_wandb_sweep

    file, sweep_id = write_wandb_sweep(arguments.name, arguments.overrides, arguments.output)
    print(f"saved: {file}")
    print(f"start: {shlex.join(['wandb', 'sweep', str(file)])}")
    print(f"train: wandb agent {sweep_id}")
    print(
        "`wandb sweep` prints the ID to type instead of SWEEP. Each agent, here or on another machine, is another "
        "worker. Both commands need `wandb login`."
    )
    return 0


def run_trial(arguments: argparse.Namespace) -> int:
    """Train one trial; returns the exit status."""
    from chromahint.sweeps.start import run_wandb_trial

    return run_wandb_trial(arguments.name, arguments.overrides, arguments.values)


def _add_started_sweep(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="a sweep that was started here, or its folder")
    parser.add_argument(
        "--runs-dir", type=Path, default=Path("runs"), metavar="FOLDER", help="the runs_dir that it was started with"
    )
