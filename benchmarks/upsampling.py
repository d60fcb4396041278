"""How close colors come to a photo when a network sees it small: brought up along edges or bilinearly, and how small.

    python benchmarks/upsampling.py                      on the five natural photos in scikit-image
    python benchmarks/upsampling.py --photos FOLDER      on photos of a folder
    python benchmarks/upsampling.py --json               one JSON object

First table: photos at a quarter and at an eighth of their size, with their own colors (`truth`) and with those that
the network makes of 20 and 200 hints. Second table: networks that see photos of about size x size pixels, brought up
along edges. PSNR in dB of 8-bit RGB at the photo's own size, means of the photos; `no worse` is the share of the photos
on which edges are at least as close as bilinear.
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
from chromahint.data.sources.skimage_tiles import FILES
from chromahint.evaluation.metrics import psnr
from chromahint.hints.eval_positions import positions
from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.hints.sparse_hints import sparse_from_hints
from chromahint.images.decode import read_photo
from chromahint.inference.upsample import joint_bilateral_upsample

SHARES, HINTS = (4, 8), (20, 200)
SIZES, COUNTS = (128, 192, 256, 384, 512), (10, 50, 200, 1000)
MODELS = ("pretrained", "levin", "pullpush")


def read(folder: Path | None, count: int) -> dict[str, Tensor]:
    """Photos 13HW by name."""
    if folder is None:
        root = Path(skimage.__file__).parent / "data"
        found = {name: read_photo(root / file) for name, file in FILES.items()}
    else:
        photos = Folder(str(folder)).photos("all", count)
        found = {photos.name(index): photos.read(index) for index in range(len(photos))}
    return {name: torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] for name, photo in found.items()}


def revealed(ab: Tensor, name: str, count: int) -> Hints:
    """The photo's own colors at fixed random places."""
    height, width = ab.shape[-2:]
    mask = torch.zeros(height * width)
    mask[torch.from_numpy(positions(name, 0, height, width, count).copy())] = 1
    return hints_from_mask(ab, mask.view(1, 1, height, width))


@torch.inference_mode()
def edges_beside_bilinear(photos: dict[str, Tensor]) -> list[dict[str, object]]:
    """The first table."""
    network = Colorizer.load("pretrained", device="cpu").network
    rows: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for name, rgb in photos.items():
        lightness, ab = rgb_to_lab(rgb)
        height, width = rgb.shape[-2:]
        for share in SHARES:
            size = (round(height / share), round(width / share))
            small, small_ab = (F.interpolate(x, size, mode="bilinear", antialias=True) for x in (lightness, ab))
            given = {"truth": small_ab}
            for count in HINTS:
                given[f"{count} hints"] = network(small, sparse_from_hints(revealed(ab, name, count)).to_dense(size))
            for what, colors in given.items():
                plain = F.interpolate(colors, (height, width), mode="bilinear")
                edges = joint_bilateral_upsample(colors, small, lightness, 0, height)
                pair = tuple(float(psnr(lab_to_rgb8(lightness, x), rgb)) for x in (plain, edges))
                rows.setdefault((share, what), []).append((pair[0], pair[1]))
    return [
        {
            "share": share,
            "colors": what,
            "bilinear": sum(a for a, _ in pairs) / len(pairs),
            "edges": sum(b for _, b in pairs) / len(pairs),
            "no_worse": sum(b >= a for a, b in pairs) / len(pairs),
        }
        for (share, what), pairs in rows.items()
    ]


def by_size(photos: dict[str, Tensor]) -> list[dict[str, object]]:
    """The second table."""
    rows = []
    for model in MODELS:
        for size in SIZES:
            colorizer = Colorizer.load(model, size=size, device="cpu")
            means = {}
            for count in COUNTS:
                found = []
                for name, rgb in photos.items():
                    colored = colorizer.colorize(rgb, revealed(rgb_to_lab(rgb)[1], name, count))
                    found.append(float(psnr(colored, rgb)))
                means[str(count)] = sum(found) / len(found)
            rows.append({"model": model, "size": size, "psnr": means})
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="pictures in any tree; without it, those in scikit-image")
    parser.add_argument("--pictures", type=int, default=24, help="at most so many, spread over the folder")
    parser.add_argument("--threads", type=int, help="of the processor; default: what torch chooses")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    photos = read(asked.photos, asked.pictures)
    first, second = edges_beside_bilinear(photos), by_size(photos)
    if asked.json:
        print(json.dumps({"photos": len(photos), "edges": first, "sizes": second}))
        return
    print(f"{len(photos)} photos\n\n{'size':>8}{'colors':>12}{'bilinear':>11}{'edges':>9}{'no worse':>10}")
    for r in first:
        print(
            f"{'1/' + str(r['share']):>8}{r['colors']:>12}{r['bilinear']:11.3f}{r['edges']:9.3f}{r['no_worse']:10.0%}"
        )
    print(f"\n{'network':>10}{'size':>6}" + "".join(f"{count:>9}" for count in COUNTS) + "  hints")
    for s in second:
        print(f"{s['model']:>10}{s['size']:6}" + "".join(f"{value:9.2f}" for value in s["psnr"].values()))


if __name__ == "__main__":
    main()
