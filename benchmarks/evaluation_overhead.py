"""Everything around the network in an evaluation: reading, hints, and metrics, compared with the usual way of scripts.

    python benchmarks/evaluation_overhead.py                     evaluates the photos that scikit-image includes
    python benchmarks/evaluation_overhead.py --photos PHOTOS     evaluates the photos of a folder
    python benchmarks/evaluation_overhead.py --json              prints one JSON object

Both ways color photos with a network that does nothing (gray), with six numbers of random hints, and compute PSNR,
SSIM, and CIEDE2000 of each photo. The usual way reads each photo once per number of hints with Pillow, converts it and
draws its hints with scikit-image and NumPy, writes the result as a PNG file, and reads that again for the metrics of
scikit-image, all on one core. They take turns on each batch.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage import data
from skimage.color import deltaE_ciede2000, lab2rgb, rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from chromahint.data.dataloader import PhotoLoader
from chromahint.data.dataset import EvalDataset
from chromahint.data.samplers import EvalSampler
from chromahint.data.sources.base import Photos, limit_to
from chromahint.data.sources.folder import Folder
from chromahint.evaluation.hint_counts import evaluate_hint_counts
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.hints.hints import Hints

SAMPLES = ("astronaut", "chelsea", "coffee", "rocket", "cat", "colorwheel", "retina", "immunohistochemistry")


def gray(lightness: Tensor, hints: Hints) -> Tensor:
    """Color nothing."""
    return lightness.new_zeros(hints.ab.shape)


def usual_scores(path: Path, counts: Sequence[int], size: int, folder: Path) -> Iterator[tuple[float, float, float]]:
    """Yield PSNR, SSIM, and CIEDE2000 for each number of hints."""
    for count in counts:
        photo = np.asarray(Image.open(path).convert("RGB").resize((size, size), Image.Resampling.BILINEAR))
        lab = rgb2lab(photo)
        places = np.random.default_rng(count).choice(size * size, count, replace=False)
        mask = np.zeros(size * size, bool)
        mask[places] = True
        hints = np.where(mask.reshape(size, size, 1), lab[..., 1:], 0)
        colored = np.dstack([lab[..., :1], np.zeros_like(hints)])
        file = folder / f"{count}.png"
        Image.fromarray((lab2rgb(colored) * 255).round().astype(np.uint8)).save(file)
        result = np.asarray(Image.open(file))
        yield (
            peak_signal_noise_ratio(photo, result),
            structural_similarity(photo, result, channel_axis=-1),
            float(deltaE_ciede2000(rgb2lab(photo), rgb2lab(result)).mean()),
        )


def measure(root: Path, photos: Photos, batch_size: int) -> dict[str, float]:
    """Return the median seconds per photo of both ways."""
    protocol = RandomPixels()
    seconds: dict[str, list[float]] = {"usual": [], "ours": []}
    batches = iter(PhotoLoader(EvalDataset(photos, protocol.size), EvalSampler(len(photos), batch_size), 0))
    with tempfile.TemporaryDirectory() as folder:
        for first in range(0, len(photos), batch_size):
            start = time.perf_counter()
            batch = next(batches)
            for _ in evaluate_hint_counts(gray, batch["rgb"], batch["id"], protocol):
                pass
            seconds["ours"].append((time.perf_counter() - start) / len(batch["id"]))
            paths = [root / photos.name(number) for number in range(first, min(len(photos), first + batch_size))]
            start = time.perf_counter()
            for path in paths:
                for _ in usual_scores(path, protocol.hint_counts, protocol.size, Path(folder)):
                    pass
            seconds["usual"].append((time.perf_counter() - start) / len(paths))
    return {way: statistics.median(values) for way, values in seconds.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", help="a folder of photos (default: some of scikit-image)")
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--threads", type=int, help="CPU threads of Chromahint (default: chosen by PyTorch)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as samples:
        root = Path(arguments.photos or samples)
        if not arguments.photos:
            for name in SAMPLES:
                Image.fromarray(getattr(data, name)()[..., :3]).save(root / f"{name}.jpg", quality=92)
        photos = limit_to(Folder(str(root)).photos("all"), arguments.images)
        result = measure(root, photos, arguments.batch_size)
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"usual way    {1000 * result['usual']:7.0f} ms a photo")
    print(f"Chromahint   {1000 * result['ours']:7.0f} ms a photo   {result['usual'] / result['ours']:.1f}x")


if __name__ == "__main__":
    main()
