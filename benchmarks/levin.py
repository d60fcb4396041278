"""How far the iterative solver of Levin's method is from the exact one, and how much faster, in one run.

    python benchmarks/levin.py                    a table on the natural tiles in scikit-image
    python benchmarks/levin.py --photos FOLDER    the same on photos of a folder, squashed
    python benchmarks/levin.py --json             one JSON object

Both color the same pictures from the same hints, one picture at a time and in turn, so that whatever else the machine
does meets both. Seconds and their ratio are medians over pictures, PSNR is the mean.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.data.sources.base import Photos
from chromahint.data.sources.folder import Folder
from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.data.transforms import resize_square
from chromahint.evaluation.metrics import psnr
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.models.levin import Levin


def measure(photos: Photos, size: int, count: int, iterations: int) -> dict[str, float]:
    """Color each photo with both solvers from `count` hints."""
    protocol = RandomPixels(hint_counts=[count], size=size)
    solvers = {"iterative": Levin("iterative", iterations), "exact": Levin("exact")}
    seconds: dict[str, list[float]] = {name: [] for name in solvers}
    decibels: dict[str, list[float]] = {name: [] for name in solvers}
    for index in range(len(photos)):
        rgb = torch.from_numpy(resize_square(photos.read(index), size).copy()).permute(2, 0, 1)[None]
        lightness, ab = rgb_to_lab(rgb)
        hints = protocol.hints(ab, [photos.identify(index)], count)
        for name, solver in solvers.items():
            if index == 0:
                solver(lightness, hints)
            start = time.perf_counter()
            found = solver(lightness, hints)
            seconds[name].append(time.perf_counter() - start)
            decibels[name].append(float(psnr(lab_to_rgb8(lightness, found), rgb)))
    faster = [exact / iterative for iterative, exact in zip(*seconds.values(), strict=True)]
    apart = [abs(exact - iterative) for iterative, exact in zip(*decibels.values(), strict=True)]
    return {
        "hints": count,
        **{f"{name}_seconds": statistics.median(values) for name, values in seconds.items()},
        "faster": statistics.median(faster),
        **{f"{name}_psnr": statistics.fmean(values) for name, values in decibels.items()},
        "furthest_apart": max(apart),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="pictures in any tree; without it, the natural tiles")
    parser.add_argument("--pictures", type=int, default=24, help="at most so many, spread over the folder")
    parser.add_argument("--size", type=int, default=256, help="height and width of the pictures")
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 100, 328, 1966], help="numbers of hints")
    parser.add_argument("--iterations", type=int, default=Levin().iterations, help="of the iterative solver")
    parser.add_argument("--threads", type=int, help="of the processor; default: what torch chooses")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    photos: Photos = NaturalTiles(asked.size)
    if asked.photos is not None:
        photos = Folder(str(asked.photos)).photos("all", asked.pictures)
    results = [measure(photos, asked.size, count, asked.iterations) for count in asked.counts]
    if asked.json:
        settings = {"size": asked.size, "iterations": asked.iterations, "threads": torch.get_num_threads()}
        print(json.dumps({**settings, "pictures": len(photos), "results": results}))
        return
    print(
        f"{len(photos)} pictures of {asked.size} px, {asked.iterations} iterations, {torch.get_num_threads()} threads\n"
    )
    print(f"{'':6}{'seconds a picture':^30}{'PSNR in dB':^33}")
    print(f"{'hints':>6}{'iterative':>11}{'exact':>9}{'faster':>10}{'iterative':>11}{'exact':>9}{'furthest apart':>16}")
    for r in results:
        print(
            f"{r['hints']:6}{r['iterative_seconds']:11.3f}{r['exact_seconds']:9.3f}{r['faster']:9.1f}x"
            f"{r['iterative_psnr']:11.3f}{r['exact_psnr']:9.3f}{r['furthest_apart']:16.3f}"
        )


if __name__ == "__main__":
    main()
