"""How long a photo takes from gray to color, and how much memory, beside plain OpenCV in one piece, in one run.

    python benchmarks/colorize.py                     a table for 0.25, 6 and 24 megapixels
    python benchmarks/colorize.py --sizes 512x512     other photos, height x width
    python benchmarks/colorize.py --model RUN         another network: a run, a file of weights, levin, pullpush
    python benchmarks/colorize.py --json              one JSON object

Both give the same network the same small picture and 50 hints. `Colorizer` works strip by strip, brings colors up
along edges and keeps the photo's lightness; plain converts the whole photo to Lab and back with OpenCV, in float32,
and brings colors up bilinearly. They take turns, so that whatever else the machine does meets both. Seconds are
medians. Memory is the most that the process held while coloring, beyond what it held before, in a process of its own
for each.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import resource
import statistics
import time

import cv2
import numpy as np
import torch

from chromahint import Colorizer
from chromahint.hints.annotations import Annotations, Point

Ways = dict[str, float]


def photo(height: int, width: int) -> np.ndarray:
    """Noise of several sizes, uint8 RGB, made without more memory than it takes itself."""
    rng = np.random.default_rng(0)
    small = np.zeros((512, 512, 3), np.float32)
    for size in (4, 16, 64):
        coarse = rng.random((512 // size, 512 // size, 3), dtype=np.float32)
        small += cv2.resize(coarse, (512, 512), interpolation=cv2.INTER_LINEAR) * (255 / 3)
    return cv2.resize(small.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)


def points(height: int, width: int, count: int = 50) -> Annotations:
    """Hints at random places."""
    rng = np.random.default_rng(1)
    places = rng.random((count, 2)) * (width - 1, height - 1)
    colors = rng.integers(0, 256, (count, 3))
    return Annotations(tuple(Point(x, y, tuple(map(int, c))) for (x, y), c in zip(places, colors, strict=True)))


@torch.inference_mode()
def plain(colorizer: Colorizer, picture: np.ndarray, marks: Annotations) -> np.ndarray:
    """The usual way: everything in one piece."""
    height, width = picture.shape[:2]
    lightness = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[..., 0]
    share = min(1.0, colorizer.size / math.sqrt(height * width))
    size = (round(width * share), round(height * share))
    small = torch.from_numpy(cv2.resize(lightness, size, interpolation=cv2.INTER_AREA))[None, None]
    ab = colorizer.network(small, marks.rasterize(height, width).to_dense((size[1], size[0])))
    large = cv2.resize(ab[0].permute(1, 2, 0).contiguous().numpy(), (width, height), interpolation=cv2.INTER_LINEAR)
    rgb = cv2.cvtColor(np.dstack([lightness, large]), cv2.COLOR_Lab2RGB)
    return np.rint(rgb * 255).astype(np.uint8)


def ways(model: str) -> dict[str, object]:
    """The two, as functions of a photo and its hints."""
    colorizer = Colorizer.load(model, device="cpu")
    return {"colorizer": colorizer.colorize, "plain": lambda picture, marks: plain(colorizer, picture, marks)}


def seconds(model: str, height: int, width: int, rounds: int, threads: int | None) -> Ways:
    """Time both in turn."""
    if threads:
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
    both, picture, marks = ways(model), photo(height, width), points(height, width)
    taken: dict[str, list[float]] = {name: [] for name in both}
    for _ in range(rounds + 1):
        for name, color in both.items():
            start = time.perf_counter()
            color(picture, marks)  # type: ignore[operator]
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[1:]) for name, values in taken.items()}


def memory(model: str, height: int, width: int, way: str) -> float:
    """MiB that one of them takes."""
    color, picture, marks = ways(model)[way], photo(height, width), points(height, width)
    color(photo(64, 64), points(64, 64))  # type: ignore[operator]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    color(picture, marks)  # type: ignore[operator]
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024  # kilobytes on Linux


def alone(function: object, *arguments: object) -> object:
    """Call a function in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)  # type: ignore[arg-type]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["512x512", "2000x3000", "4000x6000"])
    parser.add_argument("--model", default="pretrained")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of the processor; default: what torch chooses")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    results = []
    for size in asked.sizes:
        height, width = (int(side) for side in size.split("x"))
        taken = alone(seconds, asked.model, height, width, asked.rounds, asked.threads)
        held = {way: alone(memory, asked.model, height, width, way) for way in ("colorizer", "plain")}
        results.append({"height": height, "width": width, "seconds": taken, "memory_mib": held})
    threads = asked.threads or torch.get_num_threads()
    if asked.json:
        print(json.dumps({"threads": threads, "model": asked.model, "results": results}))
        return
    print(f"{asked.model}, {threads} threads, 50 hints\n")
    print(f"{'photo':>12}{'colorizer':>22}{'plain':>22}{'time':>8}{'memory':>8}")
    for r in results:
        s, m = r["seconds"], r["memory_mib"]
        print(
            f"{r['height']:>6}x{r['width']:<5}"
            + "".join(f"{s[way]:9.2f} s{m[way]:7.0f} MiB" for way in ("colorizer", "plain"))
            + f"{s['colorizer'] / s['plain']:7.2f}x{m['colorizer'] / m['plain']:7.2f}x"
        )


if __name__ == "__main__":
    main()
