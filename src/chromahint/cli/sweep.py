"""The commands `chromahint sweep NAME`, `sweep status NAME` and `sweep plot NAME`."""

from __future__ import annotations

import argparse
import dataclasses
import signal
from collections.abc import Sequence
from pathlib import Path

from chromahint.config.errors import ConfigError
from chromahint.launch.launcher import compose_and_validate, preflight_check
from chromahint.sweeps.sweep_config import SweepConfig, load_sweep, read_sweep


def main(name: str, typed: Sequence[str]) -> int:
    """Check every choice, then make trials until all are made; returns the exit status.

    The sweep lies in RUNS/sweep/NAME. The same command, typed again here or on another machine, is another worker.

    Args:
        name: of the sweep, or the path of a YAML file.
        typed: key=value: options of the sweep, or overrides for every trial.
    """
    sweep = read_sweep(name, typed)
    first, *others = [compose_and_validate(sweep.trial_overrides(values)) for values in sweep.validation_values()]
    for composed in (first, *others):
        preflight_check(composed.config)
    folder = Path(first.config["runs_dir"]).expanduser() / "sweep" / (first.config["name"] or sweep.name)
    from chromahint.sweeps.worker import Worker

    worker = Worker(dataclasses.replace(sweep, name=folder.name), folder, first.config["seed"])
    # one that is asked to leave does so as with Ctrl-C
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return worker.run()
    finally:
        signal.signal(signal.SIGTERM, before)


def look(what: str, *words: str) -> int:
    """Look at a sweep that was begun: `status` prints its trials, `plot` draws how it went; returns the exit status."""
    does = {"status": "Print the trials of a sweep and the best of them.", "plot": "Draw how a sweep went."}
    parser = argparse.ArgumentParser(f"chromahint sweep {what}", description=does[what])
    parser.add_argument("name", metavar="NAME", help="a sweep that was begun here, or its folder")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the folder that run folders are in (runs)")
    if what == "plot":
        parser.add_argument("--output", type=Path, help="the picture to write (sweep.png in the sweep's folder)")
    arguments = parser.parse_args(words)
    if what == "plot":
        return plot(arguments.name, arguments.runs, arguments.output)
    return status(arguments.name, arguments.runs)


def status(where: str, runs: Path) -> int:
    """Print the trials of a sweep, the best of them, and what mattered."""
    sweep, folder = find(where, runs)
    from rich.console import Console

    from chromahint.sweeps.status import print_status
    from chromahint.sweeps.study import open_study

    print_status(open_study(sweep, folder), sweep, Console(soft_wrap=True, highlight=False))
    return 0


def plot(where: str, runs: Path, output: Path | None) -> int:
    """Draw how a sweep went, and print the path of the picture."""
    sweep, folder = find(where, runs)
    from chromahint.sweeps.plot import plot_sweep
    from chromahint.sweeps.study import open_study
    from chromahint.visualization.curves import write_figure

    print(write_figure(plot_sweep(open_study(sweep, folder), sweep), output or folder / "sweep.png"))  # noqa: T201
    return 0


def find(where: str, runs: Path) -> tuple[SweepConfig, Path]:
    """Find a sweep that was begun, by its name or its folder.

    Raises:
        ConfigError: there is none.
    """
    places = [Path(where).expanduser(), runs.expanduser() / "sweep" / where]
    for folder in places:
        if (folder / "sweep.yaml").is_file():
            return load_sweep(folder), folder
    begun = sorted(file.parent.name for file in (runs.expanduser() / "sweep").glob("*/sweep.yaml"))
    known = f"those in {runs} are {', '.join(begun)}" if begun else f"there is none in {runs}"
    raise ConfigError(f"{where}: no sweep of that name was begun here; {known}; type its name, or its folder")
