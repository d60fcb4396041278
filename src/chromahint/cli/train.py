"""`chromahint train`: one training run, or several with -m."""

from __future__ import annotations

import argparse

from chromahint.cli.arguments import Subparsers, add_overrides, describe_groups, integer, refuse_overrides
from chromahint.cli.show_config import add_config_options, check_config_dir, show_config, shows_config
from chromahint.config.paths import using_config_dir

DESCRIPTION = """\
Train a network, and evaluate it on the test images.

With -m, every combination of comma-separated values is trained, each in a process
and a folder of its own: `chromahint train -m model=unet,resunet seed=0,1`.
With launcher=slurm, the runs are submitted to a cluster.
"""
MOVED = {
    "resume": "chromahint resume RUN",
    "tune": "chromahint tune lr` or `chromahint tune batch-size",
    "status": "chromahint status FOLDER",
    "n_jobs": "chromahint train -m --n-jobs N",
    "ckpt_path": "chromahint resume RUN` or `chromahint train weights=FILE",
    "hparams_search": "chromahint sweep NAME",
}
"""Words that look like options of the configuration, and the command that does what they ask for."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "train",
        help="train a network, or every combination of several choices",
        description=DESCRIPTION,
        epilog=describe_groups("train"),
    )
    add_overrides(parser)
    add_config_options(parser)
    parser.add_argument("-m", "--multirun", action="store_true", help="train every combination of a=1,2 b=3,4")
    parser.add_argument(
        "--n-jobs",
        type=integer(1),
        metavar="N",
        help="with -m: runs at a time; each writes to output.txt in its folder",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train; returns the exit status."""
    refuse_overrides(arguments.overrides, MOVED)
    check_config_dir(arguments.config_dir)
    with using_config_dir(arguments.config_dir):
        return show_config(arguments, "train") if shows_config(arguments) else _train(arguments)


def _train(arguments: argparse.Namespace) -> int:
    if arguments.multirun:
        from chromahint.launch.multirun import run_multirun

        return run_multirun(arguments.overrides, arguments.n_jobs)
    if arguments.n_jobs is not None:
        raise ValueError(f"--n-jobs {arguments.n_jobs}: is for several runs. Add -m, or leave it out.")
    from chromahint.launch.launcher import launch_training

    return launch_training(arguments.overrides)
