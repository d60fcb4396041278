"""Accuracy of color upsampling: edge-aware or bilinear, and at which size the network should process a photo.

    python benchmarks/upsampling.py                      uses the five natural photos of scikit-image
    python benchmarks/upsampling.py --photos FOLDER      uses photos of a folder
    python benchmarks/upsampling.py --json               prints one JSON object

The first table downsamples photos to a quarter and an eighth of their size, and upsamples their own colors (`truth`)
and those that the network predicts from 20 and 200 hints. The second table compares networks that process photos at
about size x size pixels, with edge-aware upsampling. PSNR in dB of 8-bit RGB at the full size, mean over photos.
`no worse` is the fraction of photos on which edge-aware upsampling is at least as accurate as bilinear upsampling.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import skimage
import torch
import torch.nn.functional as F
from torch import Tensor

from chromahint import Colorizer
from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.data.sources.folder import Folder
from chromahint.data.sources.skimage_tiles import TILE_FILES
from chromahint.evaluation.metrics import psnr
from chromahint.hints.eval_positions import positions
from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.hints.sparse_hints import sparse_from_hints
from chromahint.images.decode import read_photo
from chromahint.inference.upsample import joint_bilateral_upsample

FACTORS, HINTS = (4, 8), (20, 200)
SIZES, COUNTS = (128, 192, 256, 384, 512), (10, 50, 200, 1000)
MODELS = ("pretrained", "levin", "pullpush")


def read(folder: Path | None, count: int) -> dict[str, Tensor]:
    """Read photos 13HW by name."""
    if folder is None:
        root = Path(skimage.__file__).parent / "data"
        found = {name: read_photo(root / file) for name, file in TILE_FILES.items()}
    else:
        photos = Folder(str(folder)).photos("all", count)
        found = {photos.name(index): photos.read(index) for index in range(len(photos))}
    return {name: torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] for name, photo in found.items()}


def true_hints(ab: Tensor, name: str, count: int) -> Hints:
    """Return hints with the photo's own colors at fixed random positions."""
    height, width = ab.shape[-2:]
    mask = torch.zeros(height * width)
    mask[torch.from_numpy(positions(name, 0, height, width, count).copy())] = 1
    return hints_from_mask(ab, mask.view(1, 1, height, width))


@torch.inference_mode()
def compare_upsampling(photos: dict[str, Tensor]) -> list[dict[str, object]]:
    """Return the rows of the first table."""
    network = Colorizer.load("pretrained", device="cpu").network
    rows: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for name, rgb in photos.items():
        lightness, ab = rgb_to_lab(rgb)
        height, width = rgb.shape[-2:]
        for factor in FACTORS:
            size = (round(height / factor), round(width / factor))
            small, small_ab = (F.interpolate(x, size, mode="bilinear", antialias=True) for x in (lightness, ab))
            sources = {"truth": small_ab}
            for count in HINTS:
                hints = sparse_from_hints(true_hints(ab, name, count)).to_dense(size)
                sources[f"{count} hints"] = network(small, hints)
            for source, colors in sources.items():
                bilinear = F.interpolate(colors, (height, width), mode="bilinear")
                edge_aware = joint_bilateral_upsample(colors, small, lightness, 0, height)
                pair = tuple(float(psnr(lab_to_rgb8(lightness, x), rgb)) for x in (bilinear, edge_aware))
                rows.setdefault((factor, source), []).append((pair[0], pair[1]))
    return [
        {
            "factor": factor,
            "colors": source,
            "bilinear": sum(a for a, _ in pairs) / len(pairs),
            "edge_aware": sum(b for _, b in pairs) / len(pairs),
            "no_worse": sum(b >= a for a, b in pairs) / len(pairs),
        }
        for (factor, source), pairs in rows.items()
    ]


def compare_sizes(photos: dict[str, Tensor]) -> list[dict[str, object]]:
    """Return the rows of the second table."""
    rows = []
    for model in MODELS:
        for size in SIZES:
            colorizer = Colorizer.load(model, size=size, device="cpu")
            means = {}
            for count in COUNTS:
                found = []
                for name, rgb in photos.items():
                    colored = colorizer.colorize(rgb, true_hints(rgb_to_lab(rgb)[1], name, count))
                    found.append(float(psnr(colored, rgb)))
                means[str(count)] = sum(found) / len(found)
            rows.append({"model": model, "size": size, "psnr": means})
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--photos", type=Path, help="folder of images, searched recursively (default: the photos of scikit-image)"
    )
    parser.add_argument("--images", type=int, default=24, help="maximum number of images, spread over the folder")
    parser.add_argument("--threads", type=int, help="CPU threads (default: chosen by PyTorch)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    photos = read(arguments.photos, arguments.images)
    first, second = compare_upsampling(photos), compare_sizes(photos)
    if arguments.json:
        print(json.dumps({"photos": len(photos), "upsampling": first, "sizes": second}))
        return
    print(f"{len(photos)} photos\n\n{'size':>8}{'colors':>12}{'bilinear':>11}{'edge-aware':>12}{'no worse':>10}")
    for r in first:
        psnr_columns = f"{r['bilinear']:11.3f}{r['edge_aware']:12.3f}"
        print(f"{'1/' + str(r['factor']):>8}{r['colors']:>12}{psnr_columns}{r['no_worse']:10.0%}")
    print(f"\n{'network':>10}{'size':>6}" + "".join(f"{count:>9}" for count in COUNTS) + "  hints")
    for s in second:
        print(f"{s['model']:>10}{s['size']:6}" + "".join(f"{value:9.2f}" for value in s["psnr"].values()))


if __name__ == "__main__":
    main()
