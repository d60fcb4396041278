"""How long SpreadNet takes for a picture and for a click, and how much memory, beside Levin's solver, in one run.

    python benchmarks/spreadnet.py                      a table for 256, 512 and 1,024 px and for two megapixels
    python benchmarks/spreadnet.py --sizes 256x256      other pictures, height x width
    python benchmarks/spreadnet.py --json               one JSON object

Reading is what does not depend on hints and is kept from click to click; spreading is the answer to a click. The two
and the solver take turns, so that whatever else the machine does meets all. Seconds are medians. Memory is the most
that the process held while coloring, beyond what it held before, in a process of its own for each size.
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


def picture(height: int, width: int, share: float) -> tuple[torch.Tensor, Hints]:
    """Noise of several sizes, and hints at a share of the pixels."""
    generator = torch.Generator().manual_seed(0)
    rgb = torch.zeros(1, 3, height, width)
    for size in (4, 16, 64):
        coarse = torch.rand(1, 3, -(-height // size), -(-width // size), generator=generator)
        rgb += torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear") / 3
    mask = (torch.rand(1, 1, height, width, generator=generator) < share).float()
    return rgb[:, :1] * 100, hints_from_mask((rgb[:, 1:] - 0.5) * 100, mask)


@torch.inference_mode()
def measure(height: int, width: int, share: float, rounds: int, threads: int | None) -> dict[str, float]:
    """Time the parts in turn, in a process of its own."""
    if threads:
        torch.set_num_threads(threads)
    network, solver = SpreadNet().eval(), Levin()
    small = picture(64, 64, share)
    network(*small)
    lightness, hints = picture(height, width, share)
    before = _peak()
    network(lightness, hints)
    memory = _peak() - before
    seconds: dict[str, list[float]] = {"read": [], "spread": [], "levin": []}
    for _ in range(rounds):
        start = time.perf_counter()
        reading = network.encode(lightness)
        read = time.perf_counter()
        network.propagate(reading, hints)
        spread = time.perf_counter()
        solver(lightness, hints)
        end = time.perf_counter()
        for name, value in zip(seconds, (read - start, spread - read, end - spread), strict=True):
            seconds[name].append(value)
    return {
        "height": height,
        "width": width,
        **{name: statistics.median(values) for name, values in seconds.items()},
        "memory_mib": memory / 2**20,
    }


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kilobytes on Linux


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["256x256", "512x512", "1024x1024", "1250x1600"])
    parser.add_argument("--share", type=float, default=0.005, help="of the pixels that are hinted")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, help="of the processor; default: what torch chooses")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    results = []
    for size in asked.sizes:
        height, width = (int(side) for side in size.split("x"))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            results.append(pool.apply(measure, (height, width, asked.share, asked.rounds, asked.threads)))
    if asked.json:
        print(json.dumps({"threads": asked.threads or torch.get_num_threads(), "results": results}))
        return
    print(f"{asked.threads or torch.get_num_threads()} threads, hints at {100 * asked.share:g} % of the pixels\n")
    print(f"{'picture':>12}{'read':>10}{'spread':>10}{'levin':>10}{'memory':>12}")
    for r in results:
        print(
            f"{r['height']:>6}x{r['width']:<5}{r['read']:8.3f} s{r['spread']:8.3f} s{r['levin']:8.3f} s"
            f"{r['memory_mib']:8.0f} MiB"
        )


if __name__ == "__main__":
    main()
