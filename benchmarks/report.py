"""Time of `chromahint report` for a hundred runs, compared with ten.

    python benchmarks/report.py RUNS            uses a folder of evaluated runs, such as runs/equal_budget
    python benchmarks/report.py RUNS --json     prints one JSON object

The runs are copied, without checkpoints, until there are enough. The gallery is disabled, because it takes as long as
the networks need to color its photos. Times are medians of the whole command.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

IGNORED = shutil.ignore_patterns("checkpoints", "pictures", "wandb", "gallery", "baselines")


def copy_runs(runs: Path, count: int, folder: Path) -> None:
    """Copy runs into a folder, `count` in total."""
    found = sorted(file.parent for file in runs.rglob("run.json"))
    if not found:
        raise SystemExit(f"{runs}: contains no runs. Train first with `chromahint train`, then pass the folder `runs`.")
    for number, run in zip(range(count), itertools.cycle(found), strict=False):
        shutil.copytree(run, folder / f"{number:03d}-{run.name}", ignore=IGNORED)


def measure_seconds(folder: Path) -> float:
    """Return the time of one report in seconds."""
    options = [str(folder), "--gallery", "0", "-o", str(folder / "report.html")]
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "chromahint", "report", *options], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    times: dict[int, list[float]] = {10: [], 100: []}
    with tempfile.TemporaryDirectory() as folder:
        for count in times:
            copy_runs(arguments.runs, count, Path(folder) / str(count))
        for _ in range(arguments.rounds):
            for count, each in times.items():
                each.append(measure_seconds(Path(folder) / str(count)))
    few, many = (statistics.median(each) for each in times.values())
    if arguments.json:
        print(json.dumps({"10": few, "100": many, "ratio": many / few}))
    else:
        print(f"10 runs: {few:.1f} s\n100 runs: {many:.1f} s, {many / few:.1f} times as long")


if __name__ == "__main__":
    main()
