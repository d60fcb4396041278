"""Training speed of two processes on the CPU, compared with one, with the same batch and one thread each.

    python benchmarks/two_processes.py                        prints a table
    python benchmarks/two_processes.py model=spreadnet        with other options of `chromahint train`
    python benchmarks/two_processes.py --json                 prints one JSON object

Runs of one and of two processes alternate. Speeds are the last `train/images_per_second` of a run, which leaves out its
start; a ratio is that of the two runs of a round. Run it while nothing else is running: two processes need two cores.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

OPTIONS = (
    "data=scenes", "data.num_train=128", "data.num_val=2", "data.max_images=128", "data.num_workers=0", "logger=none",
    "model=hscaunet", "model.width=16", "trainer.max_minutes=null", "trainer.max_steps=16",
    "trainer.val_check_interval=16", "trainer.log_every_n_steps=8", "protocol.hint_counts=[0]", "protocol.size=64",
    "callbacks.image_logger=null",
)  # fmt: skip
VARIANTS = {"one process": ["trainer=cpu"], "two processes": ["trainer=ddp_cpu", "trainer.devices=2"]}


def measure_speed(words: list[str], folder: Path) -> float:
    """Train, and return the images per second of the last interval."""
    subprocess.run(
        [sys.executable, "-m", "chromahint", "train", *OPTIONS, *words, f"runs_dir={folder}"],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True, capture_output=True,
    )  # fmt: skip
    [file] = folder.glob("*/*/timings.csv")
    with file.open() as rows:
        speeds = [float(row["value"]) for row in csv.DictReader(rows) if row["name"] == "train/images_per_second"]
    return speeds[-1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="options of `chromahint train`")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    speeds: dict[str, list[float]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            for name, words in VARIANTS.items():
                speeds[name].append(measure_speed([*words, *arguments.overrides], Path(folder, f"{number} {name}")))
    one, two = speeds.values()
    ratios = [second / first for first, second in zip(one, two, strict=True)]
    if arguments.json:
        print(json.dumps({**speeds, "ratios": ratios}))
        return
    for name, values in speeds.items():
        print(f"{name:<14} {statistics.median(values):7.1f} images/s")
    print(f"ratio          {statistics.median(ratios):7.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
