"""Time and memory of SpreadNet per image and per click, compared with Levin's solver.

    python benchmarks/spreadnet.py                      prints a table for 256, 512 and 1,024 px and two megapixels
    python benchmarks/spreadnet.py --sizes 256x256      uses other images, height x width
    python benchmarks/spreadnet.py --share 0.00015 --rounds 50    10 hints in 256x256 pixels
    python benchmarks/spreadnet.py --json               prints one JSON object

`encode` does not depend on the hints and runs once per image; `propagate` runs for every click. They alternate with the
solver, so that other load on the machine affects all. Times are medians, and for clicks also the 95th percentile.
Memory is the increase of the peak memory of a process, measured in a separate process for each size.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import time

import torch

from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.models.levin import Levin
from chromahint.models.spreadnet import SpreadNet


def random_input(height: int, width: int, share: float) -> tuple[torch.Tensor, Hints]:
    """Create smooth noise at several scales, and hints at a share of the pixels."""
    generator = torch.Generator().manual_seed(0)
    rgb = torch.zeros(1, 3, height, width)
    for size in (4, 16, 64):
        coarse = torch.rand(1, 3, -(-height // size), -(-width // size), generator=generator)
        rgb += torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear") / 3
    mask = (torch.rand(1, 1, height, width, generator=generator) < share).float()
    return rgb[:, :1] * 100, hints_from_mask((rgb[:, 1:] - 0.5) * 100, mask)


@torch.inference_mode()
def measure(height: int, width: int, share: float, rounds: int, threads: int | None) -> dict[str, float]:
    """Return the median times and the peak memory; run this in a new process."""
    if threads:
        torch.set_num_threads(threads)
    network, solver = SpreadNet().eval(), Levin()
    network(*random_input(64, 64, share))
    lightness, hints = random_input(height, width, share)
    before = _peak_bytes()
    network(lightness, hints)
    memory = _peak_bytes() - before
    seconds: dict[str, list[float]] = {"encode": [], "propagate": [], "levin": []}
    for _ in range(rounds):
        start = time.perf_counter()
        encoding = network.encode(lightness)
        encoded = time.perf_counter()
        network.propagate(encoding, hints)
        propagated = time.perf_counter()
        solver(lightness, hints)
        end = time.perf_counter()
        for name, value in zip(seconds, (encoded - start, propagated - encoded, end - propagated), strict=True):
            seconds[name].append(value)
    return {
        "height": height,
        "width": width,
        **{name: statistics.median(values) for name, values in seconds.items()},
        "propagate_p95": statistics.quantiles(seconds["propagate"], n=20)[-1],
        "memory_mib": memory / 2**20,
    }


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kilobytes on Linux


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["256x256", "512x512", "1024x1024", "1250x1600"])
    parser.add_argument("--share", type=float, default=0.005, help="fraction of hinted pixels")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, help="CPU threads (default: chosen by PyTorch)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    results = []
    for size in arguments.sizes:
        height, width = (int(side) for side in size.split("x"))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            results.append(pool.apply(measure, (height, width, arguments.share, arguments.rounds, arguments.threads)))
    if arguments.json:
        print(json.dumps({"threads": arguments.threads or torch.get_num_threads(), "results": results}))
        return
    print(
        f"{arguments.threads or torch.get_num_threads()} threads, hints at {100 * arguments.share:g} % of the pixels\n"
    )
    print(f"{'image':>12}{'encode':>11}{'propagate':>11}{'95 %':>10}{'levin':>10}{'memory':>12}")
    for r in results:
        print(
            f"{r['height']:>6}x{r['width']:<5}{r['encode']:9.3f} s{r['propagate']:9.3f} s{r['propagate_p95']:8.3f} s"
            f"{r['levin']:8.3f} s{r['memory_mib']:8.0f} MiB"
        )


if __name__ == "__main__":
    main()
