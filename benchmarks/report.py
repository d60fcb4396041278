"""How long `chromahint report` takes for a hundred runs, beside ten, in one run.

    python benchmarks/report.py RUNS            folders of runs that were measured, such as runs/equal_budget
    python benchmarks/report.py RUNS --json     one JSON object

The runs that are found are copied until there are enough of them, without their checkpoints. The gallery is left out:
it colors photos, which takes what the networks take. Seconds are medians, from the command to its end.
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

WITHOUT = shutil.ignore_patterns("checkpoints", "pictures", "wandb", "gallery", "baselines")


def copies(runs: Path, count: int, folder: Path) -> None:
    """Fill a folder with copies of runs."""
    found = sorted(file.parent for file in runs.rglob("run.json"))
    if not found:
        raise SystemExit(f"{runs}: has no runs; type for example `chromahint train` first, then runs")
    for number, run in zip(range(count), itertools.cycle(found), strict=False):
        shutil.copytree(run, folder / f"{number:03d}-{run.name}", ignore=WITHOUT)


def seconds(folder: Path) -> float:
    """Time one report."""
    words = [str(folder), "--gallery", "0", "-o", str(folder / "report.html")]
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "chromahint", "report", *words], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Time both in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    times: dict[int, list[float]] = {10: [], 100: []}
    with tempfile.TemporaryDirectory() as made:
        for count in times:
            copies(arguments.runs, count, Path(made) / str(count))
        for _ in range(arguments.rounds):
            for count, each in times.items():
                each.append(seconds(Path(made) / str(count)))
    few, many = (statistics.median(each) for each in times.values())
    if arguments.json:
        print(json.dumps({"10": few, "100": many, "ratio": many / few}))
    else:
        print(f"10 runs: {few:.1f} s\n100 runs: {many:.1f} s, {many / few:.1f} times as long")


if __name__ == "__main__":
    main()
