"""Loss curves of the same training in bf16 and in float32, compared with the difference that another seed makes.

    python benchmarks/precision.py                      prints a table
    python benchmarks/precision.py model=spreadnet      with other options of `chromahint train`
    python benchmarks/precision.py --json               prints one JSON object

Three runs see the same number of images: float32, bf16, and float32 with other initial weights, images, and hints. The
difference of two curves is the mean over windows of steps, relative to the float32 curve.
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
    "data=scenes", "data.num_train=512", "data.num_val=2", "data.max_images=2", "data.num_workers=0",
    "data.train_size=64", "data.batch_size=8", "logger=none", "model=hscaunet", "model.width=16", "trainer=cpu",
    "trainer.max_minutes=null", "trainer.log_every_n_steps=1", "protocol.hint_counts=[0]", "protocol.size=64",
    "callbacks.image_logger=null",
)  # fmt: skip
VARIANTS = {
    "float32": ["trainer.precision=32-true", "seed=0"],
    "bf16": ["trainer.precision=bf16-mixed", "seed=0"],
    "float32, other seed": ["trainer.precision=32-true", "seed=1"],
}


def losses(words: list[str], steps: int, folder: Path) -> list[float]:
    """Train, and return the loss of each step."""
    limits = [f"trainer.max_steps={steps}", f"trainer.val_check_interval={steps}"]
    subprocess.run(
        [sys.executable, "-m", "chromahint", "train", *OPTIONS, *limits, *words, f"runs_dir={folder}"],
        check=True, capture_output=True, env=os.environ,
    )  # fmt: skip
    [file] = folder.glob("*/*/metrics.csv")
    with file.open() as rows:
        return [float(row["value"]) for row in csv.DictReader(rows) if row["name"] == "train/loss"]


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="options of `chromahint train`")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--window", type=int, default=20, help="steps whose losses are averaged")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    curves = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, words) in enumerate(VARIANTS.items()):
            values = losses([*words, *arguments.overrides], arguments.steps, Path(folder, str(number)))
            starts = range(0, len(values), arguments.window)
            curves[name] = [statistics.mean(values[first : first + arguments.window]) for first in starts]
    plain = curves["float32"]
    differences = {
        name: statistics.mean(abs(one - other) / other for one, other in zip(curve, plain, strict=True))
        for name, curve in curves.items()
        if name != "float32"
    }
    if arguments.json:
        print(json.dumps({"curves": curves, "differences": differences}))
        return
    print(f"{'steps':<10}" + "".join(f"{name:>22}" for name in curves))
    for number, row in enumerate(zip(*curves.values(), strict=True)):
        end = min(arguments.steps, (number + 1) * arguments.window)
        print(f"to {end:<7}" + "".join(f"{value:22.5f}" for value in row))
    for name, value in differences.items():
        print(f"mean difference from float32: {name}, {value:.2%}")


if __name__ == "__main__":
    main()
