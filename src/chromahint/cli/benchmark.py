"""`chromahint benchmark`: measure several methods on several sets by several protocols, and compare them."""

from __future__ import annotations

import argparse
from pathlib import Path

from chromahint.cli.arguments import DEVICE_HELP, Subparsers, add_trust, integer
from chromahint.config.paths import list_groups

DESCRIPTION = """\
Measure every method on every set of photos by every protocol that a YAML file
lists, and write one page and a leaderboard. Whatever has been measured is not
measured again: if stopped, run the same command again. A set that differs from
its manifest is refused.
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "benchmark", help="compare methods on sets of photos by several protocols", description=DESCRIPTION
    )
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="a benchmark in conf/benchmark/, or the path of a YAML file"
    )
    parser.add_argument(
        "--data", type=Path, default=Path(), metavar="FOLDER", help="folder that contains the folders of the sets"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help="folder of the results; by default benchmark/NAME"
    )
    parser.add_argument(
        "--max-images", type=integer(1), metavar="N", help="at most this many photos of each set, evenly spread"
    )
    parser.add_argument("--dry-run", action="store_true", help="check everything, and list what is left to measure")
    parser.add_argument("--batch-size", type=integer(1), default=8, metavar="N", help="photos per batch")
    parser.add_argument(
        "--num-workers", type=integer(0), default=0, metavar="N", help="worker processes that load photos"
    )
    parser.add_argument("--device", default="auto", help=DEVICE_HELP)
    add_trust(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and write the page; returns the exit status."""
    if arguments.name is None:
        raise ValueError(
            "chromahint benchmark: the name of the benchmark is missing. Type `chromahint benchmark NAME` with one of "
            f"{', '.join(list_groups()['benchmark'])}, or with the path of a YAML file."
        )
    from chromahint.benchmark.benchmark_config import read_benchmark
    from chromahint.console import TextConsole

    benchmark = read_benchmark(arguments.name, arguments.data.expanduser(), arguments.max_images)
    output = Path("benchmark") / benchmark.name if arguments.output is None else arguments.output.expanduser()
    # imports torch; everything above gives its errors without it
    from chromahint.benchmark.run_benchmark import describe_plan, plan_benchmark, run_benchmark

    console = TextConsole()
    plan = plan_benchmark(benchmark, output, arguments.device)
    if arguments.dry_run:
        for line in describe_plan(plan):
            console.print(line)
        return 0
    run_benchmark(plan, output, arguments.batch_size, arguments.num_workers, console)
    from chromahint.benchmark.page import write_results

    for file in write_results(benchmark, plan, output):
        console.print(file)
    return 0
