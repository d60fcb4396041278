"""Seconds that the preparation of a scan takes, step by step.

    python benchmarks/preparation.py                 a sepia scan of 12 megapixels, on two cores
    python benchmarks/preparation.py --megapixels 24 --threads 4

The scan is a photo of scikit-image, enlarged, toned, scratched, with noise, crooked on a scanner. Each figure is the
best of some rounds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from chromahint.images.image_file import ImageFile
from chromahint.images.preparation.prepare import STEPS, automatic, choose_steps, prepare

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from support.damage import placed_on_scanner, scratched, sepia


def make_scan(megapixels: float) -> ImageFile:
    """Make a damaged scan of about this size."""
    gray = cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2GRAY)
    scale = (megapixels * 1e6 / (gray.shape[0] * gray.shape[1])) ** 0.5 * 0.93
    gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    damaged, _ = scratched(gray, scratches=20, specks=600)
    scan = placed_on_scanner(sepia(damaged), 1.5, border=round(0.04 * max(gray.shape)))
    noise = cv2.randn(np.empty(scan.shape, np.int16), (0, 0, 0), (5, 5, 5))
    return ImageFile(cv2.add(scan, noise, dtype=cv2.CV_8U))


def best(function: Callable[[], object], rounds: int) -> float:
    """Return the shortest time of a function in seconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    scan = make_scan(arguments.megapixels)
    height, width = scan.pixels.shape[:2]
    print(f"{width}x{height}, {arguments.threads} threads")
    for step in STEPS:
        settings = choose_steps(scan, [step])
        print(f"{step:12} {best(lambda settings=settings: prepare(scan, settings), arguments.rounds):.2f} s")
    settings = automatic(scan)
    print(f"{'choosing':12} {best(lambda: automatic(scan), arguments.rounds):.2f} s: {settings.to_json()}")
    print(f"{'all chosen':12} {best(lambda: prepare(scan, settings), arguments.rounds):.2f} s")


if __name__ == "__main__":
    main()
