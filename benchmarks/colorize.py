"""Time and memory to colorize a photo, compared with plain OpenCV that processes the whole photo at once.

    python benchmarks/colorize.py                     prints a table for 0.25, 6 and 24 megapixels
    python benchmarks/colorize.py --sizes 512x512     uses other photos, height x width
    python benchmarks/colorize.py --model RUN         uses another network: a run, a weights file, levin or pullpush
    python benchmarks/colorize.py --json              prints one JSON object

Both methods run the same network on the same downsampled image with 50 hints. `Colorizer` processes the photo in
chunks, upsamples colors along edges and preserves the lightness. The plain method converts the whole photo to Lab and
back with OpenCV, in float32, and upsamples colors bilinearly. The methods alternate, so that other load on the machine
affects both. Times are medians. Memory is the increase of the peak memory of a process, measured in a separate process
each.
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


def photo(height: int, width: int) -> np.ndarray:
    """Create smooth noise at several scales, uint8 RGB, without large temporary arrays."""
    rng = np.random.default_rng(0)
    small = np.zeros((512, 512, 3), np.float32)
    for size in (4, 16, 64):
        coarse = rng.random((512 // size, 512 // size, 3), dtype=np.float32)
        small += cv2.resize(coarse, (512, 512), interpolation=cv2.INTER_LINEAR) * (255 / 3)
    return cv2.resize(small.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)


def points(height: int, width: int, count: int = 50) -> Annotations:
    """Create hints at random positions."""
    rng = np.random.default_rng(1)
    positions = rng.random((count, 2)) * (width - 1, height - 1)
    colors = rng.integers(0, 256, (count, 3))
    return Annotations(tuple(Point(x, y, tuple(map(int, c))) for (x, y), c in zip(positions, colors, strict=True)))


@torch.inference_mode()
def colorize_plain(colorizer: Colorizer, image: np.ndarray, annotations: Annotations) -> np.ndarray:
    """Colorize the whole photo at once."""
    height, width = image.shape[:2]
    lightness = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[..., 0]
    scale = min(1.0, colorizer.size / math.sqrt(height * width))
    size = (round(width * scale), round(height * scale))
    small = torch.from_numpy(cv2.resize(lightness, size, interpolation=cv2.INTER_AREA))[None, None]
    ab = colorizer.network(small, annotations.rasterize(height, width).to_dense((size[1], size[0])))
    large = cv2.resize(ab[0].permute(1, 2, 0).contiguous().numpy(), (width, height), interpolation=cv2.INTER_LINEAR)
    rgb = cv2.cvtColor(np.dstack([lightness, large]), cv2.COLOR_Lab2RGB)
    return np.rint(rgb * 255).astype(np.uint8)


def load_methods(model: str) -> dict[str, object]:
    """Return both methods as functions of a photo and its hints."""
    colorizer = Colorizer.load(model, device="cpu")
    return {
        "colorizer": colorizer.colorize,
        "plain": lambda image, annotations: colorize_plain(colorizer, image, annotations),
    }


def measure_seconds(model: str, height: int, width: int, rounds: int, threads: int | None) -> dict[str, float]:
    """Return the median time of each method in seconds."""
    if threads:
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
    methods, image, annotations = load_methods(model), photo(height, width), points(height, width)
    times: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(rounds + 1):
        for name, colorize in methods.items():
            start = time.perf_counter()
            colorize(image, annotations)  # type: ignore[operator]
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def measure_memory(model: str, height: int, width: int, method: str) -> float:
    """Return the peak memory of a method in MiB."""
    colorize, image, annotations = load_methods(model)[method], photo(height, width), points(height, width)
    colorize(photo(64, 64), points(64, 64))  # type: ignore[operator]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    colorize(image, annotations)  # type: ignore[operator]
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024  # kilobytes on Linux


def run_in_subprocess(function: object, *arguments: object) -> object:
    """Call a function in a new process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)  # type: ignore[arg-type]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["512x512", "2000x3000", "4000x6000"])
    parser.add_argument("--model", default="pretrained")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="CPU threads (default: chosen by PyTorch)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    results = []
    for size in arguments.sizes:
        height, width = (int(side) for side in size.split("x"))
        settings = (arguments.model, height, width)
        seconds = run_in_subprocess(measure_seconds, *settings, arguments.rounds, arguments.threads)
        memory = {name: run_in_subprocess(measure_memory, *settings, name) for name in ("colorizer", "plain")}
        results.append({"height": height, "width": width, "seconds": seconds, "memory_mib": memory})
    threads = arguments.threads or torch.get_num_threads()
    if arguments.json:
        print(json.dumps({"threads": threads, "model": arguments.model, "results": results}))
        return
    print(f"{arguments.model}, {threads} threads, 50 hints\n")
    print(f"{'photo':>12}{'colorizer':>22}{'plain':>22}{'time':>8}{'memory':>8}")
    for r in results:
        s, m = r["seconds"], r["memory_mib"]
        print(
            f"{r['height']:>6}x{r['width']:<5}"
            + "".join(f"{s[name]:9.2f} s{m[name]:7.0f} MiB" for name in ("colorizer", "plain"))
            + f"{s['colorizer'] / s['plain']:7.2f}x{m['colorizer'] / m['plain']:7.2f}x"
        )


if __name__ == "__main__":
    main()
