"""Accuracy and speed of the iterative solver of Levin's method, compared with the exact one.

    python benchmarks/levin.py                    prints a table for the natural tiles of scikit-image
    python benchmarks/levin.py --photos FOLDER    uses photos of a folder, resized to squares
    python benchmarks/levin.py --json             prints one JSON object

Both solvers color the same images from the same hints, one image at a time. They alternate, so that other load on the
machine affects both. Times and their ratio are medians over images, PSNR is the mean.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

from chromahint.color import lab_to_rgb8
from chromahint.data.sources.base import Photos
from chromahint.data.sources.folder import Folder
from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.evaluation.metrics import psnr
from chromahint.evaluation.protocols.base import LabImages
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.images.resize import resize_square
from chromahint.models.levin import Levin


def measure(photos: Photos, size: int, count: int, iterations: int) -> dict[str, float]:
    """Color each photo with both solvers, from `count` hints."""
    protocol = RandomPixels(hint_counts=[count], size=size)
    solvers = {"iterative": Levin("iterative", iterations), "exact": Levin("exact")}
    seconds: dict[str, list[float]] = {name: [] for name in solvers}
    decibels: dict[str, list[float]] = {name: [] for name in solvers}
    for index in range(len(photos)):
        rgb = torch.from_numpy(resize_square(photos.read(index), size).copy()).permute(2, 0, 1)[None]
        truth = LabImages.from_rgb(rgb)
        lightness = truth.lightness
        hints = protocol.hints(truth, [photos.identify(index)], count)
        for name, solver in solvers.items():
            if index == 0:
                solver(lightness, hints)
            start = time.perf_counter()
            found = solver(lightness, hints)
            seconds[name].append(time.perf_counter() - start)
            decibels[name].append(float(psnr(lab_to_rgb8(lightness, found), rgb)))
    speedups = [exact / iterative for iterative, exact in zip(*seconds.values(), strict=True)]
    differences = [abs(exact - iterative) for iterative, exact in zip(*decibels.values(), strict=True)]
    return {
        "hints": count,
        **{f"{name}_seconds": statistics.median(values) for name, values in seconds.items()},
        "speedup": statistics.median(speedups),
        **{f"{name}_psnr": statistics.fmean(values) for name, values in decibels.items()},
        "max_difference": max(differences),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--photos", type=Path, help="folder of images, searched recursively (default: the natural tiles)"
    )
    parser.add_argument("--images", type=int, default=24, help="maximum number of images, spread over the folder")
    parser.add_argument("--size", type=int, default=256, help="height and width of the images")
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 100, 328, 1966], help="numbers of hints")
    parser.add_argument("--iterations", type=int, default=Levin().iterations, help="iterations of the iterative solver")
    parser.add_argument("--threads", type=int, help="CPU threads (default: chosen by PyTorch)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    photos: Photos = NaturalTiles(arguments.size)
    if arguments.photos is not None:
        photos = Folder(str(arguments.photos)).photos("all", arguments.images)
    results = [measure(photos, arguments.size, count, arguments.iterations) for count in arguments.counts]
    if arguments.json:
        settings = {"size": arguments.size, "iterations": arguments.iterations, "threads": torch.get_num_threads()}
        print(json.dumps({**settings, "images": len(photos), "results": results}))
        return
    settings = f"{arguments.iterations} iterations, {torch.get_num_threads()} threads"
    print(f"{len(photos)} images of {arguments.size} px, {settings}\n")
    print(f"{'':6}{'seconds per image':^30}{'PSNR in dB':^33}")
    print(
        f"{'hints':>6}{'iterative':>11}{'exact':>9}{'speedup':>10}{'iterative':>11}{'exact':>9}{'max difference':>16}"
    )
    for r in results:
        print(
            f"{r['hints']:6}{r['iterative_seconds']:11.3f}{r['exact_seconds']:9.3f}{r['speedup']:9.1f}x"
            f"{r['iterative_psnr']:11.3f}{r['exact_psnr']:9.3f}{r['max_difference']:16.3f}"
        )


if __name__ == "__main__":
    main()
