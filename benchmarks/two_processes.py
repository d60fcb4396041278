"""Training speed of two processes on the CPU, compared with one, with the same batch and one thread each.

    python benchmarks/two_processes.py                        prints a table
    python benchmarks/two_processes.py model=spreadnet        with other options of `chromahint train`
    python benchmarks/two_processes.py --json                 prints one JSON object

Runs of one and of two processes alternate. Speeds are the last `train/images_per_second` of a run, which leaves out its
start; a ratio is that of the two runs of a round. Run it while nothing else is running: two processes need two cores.
The CPU time of a step is that of the busier process. The ratio of CPU times is what two free cores would reach if no
process ever waited for the other.
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
import time
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer

FIRST_STEP = 4
"""The steps before are left out of the CPU time."""
OPTIONS = (
    "data=scenes", "data.num_train=128", "data.num_val=2", "data.max_images=128", "data.num_workers=0", "logger=none",
    "model=hscaunet", "model.width=16", "trainer.max_minutes=null", "trainer.max_steps=16",
    "trainer.val_check_interval=16", "trainer.log_every_n_steps=8", "protocol.hint_counts=[0]", "protocol.size=64",
    "callbacks.image_logger=null", "+callbacks.clock._target_=two_processes.Clock",
)  # fmt: skip
VARIANTS = {"one process": ["trainer=cpu"], "two processes": ["trainer=ddp_cpu", "trainer.devices=2"]}


class Clock(Callback):
    """Writes the CPU seconds of a step of this process into the run's folder."""

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        """Remember when the first step began."""
        if trainer.global_step == FIRST_STEP:
            self.start = time.process_time()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Write the mean of the steps so far."""
        if trainer.global_step > FIRST_STEP:
            seconds = (time.process_time() - self.start) / (trainer.global_step - FIRST_STEP)
            Path(os.environ["CLOCK"], f"{trainer.global_rank}.txt").write_text(str(seconds))


def measure(words: list[str], folder: Path) -> tuple[float, float]:
    """Train, and return the images per second of the last interval, and the CPU seconds of a step."""
    folder.mkdir()
    subprocess.run(
        [sys.executable, "-m", "chromahint", "train", *OPTIONS, *words, f"runs_dir={folder}"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CLOCK": str(folder)}, cwd=Path(__file__).parent, check=True,
        capture_output=True,
    )  # fmt: skip
    [file] = folder.glob("*/*/timings.csv")
    with file.open() as rows:
        speeds = [float(row["value"]) for row in csv.DictReader(rows) if row["name"] == "train/images_per_second"]
    return speeds[-1], max(float(file.read_text()) for file in folder.glob("*.txt"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="options of `chromahint train`")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            for name, words in VARIANTS.items():
                results[name].append(measure([*words, *arguments.overrides], Path(folder, f"{number} {name}")))
    one, two = results.values()
    ratios = {
        "images/s": [second[0] / first[0] for first, second in zip(one, two, strict=True)],
        "CPU time of a step": [first[1] / second[1] for first, second in zip(one, two, strict=True)],
    }
    if arguments.json:
        print(json.dumps({**results, "ratios": ratios}))
        return
    for name, values in results.items():
        speed, seconds = (statistics.median(column) for column in zip(*values, strict=True))
        print(f"{name:<14} {speed:6.1f} images/s, {seconds:.3f} s of CPU a step")
    for name, values in ratios.items():
        print(f"ratio of {name}: {statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()
