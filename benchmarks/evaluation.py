"""Evaluation of SpreadNet with one encoding per photo, compared with one encoding per number of hints.

    python benchmarks/evaluation.py                     evaluates the photos that scikit-image includes
    python benchmarks/evaluation.py --photos PHOTOS     evaluates the photos of a folder
    python benchmarks/evaluation.py --json              prints one JSON object

Both ways take turns on the same batches, so that other load on the machine affects both. Times are medians over batches
of the complete evaluation: hints, network, conversion to RGB, and metrics.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import torch
from torch import Tensor

from chromahint.data.dataloader import PhotoLoader
from chromahint.data.dataset import EvalDataset
from chromahint.data.samplers import EvalSampler
from chromahint.data.sources.base import Photos, limit_to
from chromahint.data.sources.folder import Folder
from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.evaluation.hint_counts import evaluate_hint_counts
from chromahint.evaluation.protocols.base import HintProtocol
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.hints.hints import Hints
from chromahint.inference.load import load_network


def measure(photos: Photos, protocol: HintProtocol, batch_size: int) -> dict[str, float]:
    """Evaluate in both ways and return the median seconds per photo, and the largest difference of a PSNR."""
    network = load_network("pretrained", torch.device("cpu")).network

    def encode_every_time(lightness: Tensor, hints: Hints) -> Tensor:
        ab: Tensor = network(lightness, hints)
        return ab

    seconds: dict[str, list[float]] = {"every_time": [], "once": []}
    difference = 0.0
    for batch in PhotoLoader(EvalDataset(photos, protocol.size), EvalSampler(len(photos), batch_size), 0):
        scores = {}
        for way, method in (("every_time", encode_every_time), ("once", network)):
            start = time.perf_counter()
            results = evaluate_hint_counts(method, batch["rgb"], batch["id"], protocol)
            scores[way] = [result.scores["psnr"] for result in results]
            seconds[way].append((time.perf_counter() - start) / len(batch["id"]))
        pairs = zip(scores["every_time"], scores["once"], strict=True)
        difference = max(difference, *((a - b).abs().max().item() for a, b in pairs))
    return {way: statistics.median(values) for way, values in seconds.items()} | {"psnr_difference": difference}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", help="a folder of photos (default: those of scikit-image)")
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    photos = Folder(arguments.photos).photos("all") if arguments.photos else NaturalTiles()
    result = measure(limit_to(photos, arguments.images), RandomPixels(), arguments.batch_size)
    if arguments.json:
        print(json.dumps(result))
        return
    every_time, once = result["every_time"], result["once"]
    print(f"encode for each number of hints   {1000 * every_time:6.0f} ms a photo")
    print(f"encode once                       {1000 * once:6.0f} ms a photo   {every_time / once:.2f}x")
    print(f"largest difference of a PSNR      {result['psnr_difference']:.6f} dB")


if __name__ == "__main__":
    main()
