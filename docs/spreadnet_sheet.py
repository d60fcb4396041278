"""Draw experiments/spreadnet/sheet.jpg: 12 photos with 0 to 30 clicks, colored by several methods.

    python docs/spreadnet_sheet.py                          Levin, and the pretrained network
    python docs/spreadnet_sheet.py --save earlier.npz       in a checkout of an earlier version
    python docs/spreadnet_sheet.py --earlier earlier.npz    with what that version saved in a third column

The clicks are those of `protocol=regions`, the same for every method: in the middle of each region, the largest first.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from chromahint.color import lab_to_rgb8
from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.evaluation.metrics import psnr
from chromahint.evaluation.protocols.base import LabImages
from chromahint.evaluation.protocols.regions import Regions
from chromahint.inference.load import load_network

OUTPUT = Path(__file__).parents[1] / "experiments/spreadnet/sheet.jpg"
HOPPER = Path(matplotlib.get_data_path()) / "sample_data/grace_hopper.jpg"
COUNTS = [0, 1, 3, 10, 30]
SIZE, SHOWN, GAP, HEADER = 256, 112, 3, 34


def photos() -> NDArray[np.uint8]:
    """The eleven tiles of scikit-image's photos, and a portrait."""
    tiles = NaturalTiles(SIZE)
    with Image.open(HOPPER) as portrait:
        square = portrait.convert("RGB").crop((0, 0, portrait.width, portrait.width)).resize((SIZE, SIZE))
    return np.stack([*(tiles.read(index) for index in range(len(tiles))), np.asarray(square)])


@torch.no_grad()
def colored(source: str, rgb: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Color all photos with all numbers of clicks: PxKxHxWx3, and PSNR PxK."""
    network = load_network(source).network
    truth = LabImages.from_rgb(torch.from_numpy(rgb).permute(0, 3, 1, 2))
    protocol = Regions(hint_counts=COUNTS)
    ids = [str(index) for index in range(len(rgb))]
    results = [
        lab_to_rgb8(truth.lightness, network(truth.lightness, protocol.hints(truth, ids, count))) for count in COUNTS
    ]
    scores = torch.stack([psnr(result, truth.rgb) for result in results], dim=1)
    return torch.stack(results, dim=1).permute(0, 1, 3, 4, 2).numpy(), scores.numpy()


def draw(rgb: NDArray[np.uint8], methods: dict[str, tuple[NDArray[np.uint8], NDArray[np.float32]]]) -> Image.Image:
    """One row for each photo: for each number of clicks, the result of each method, and last the photo itself."""
    step = SHOWN + GAP
    width = (len(COUNTS) * len(methods) + 1) * step + len(COUNTS) * 2 * GAP
    sheet = Image.new("RGB", (width, HEADER + len(rgb) * (step + 12)), "white")
    text = ImageDraw.Draw(sheet)
    for row, photo in enumerate(rgb):
        x, y = 0, HEADER + row * (step + 12)
        for index, count in enumerate(COUNTS):
            for name, (results, scores) in methods.items():
                if row == 0:
                    text.text((x + 2, 2), f"{count} click{'' if count == 1 else 's'}", fill="black")
                    text.text((x + 2, 17), name, fill="black")
                sheet.paste(Image.fromarray(results[row, index]).resize((SHOWN, SHOWN)), (x, y))
                text.text((x + 2, y + SHOWN), f"{scores[row, index]:.1f} dB", fill="gray")
                x += step
            x += 2 * GAP
        sheet.paste(Image.fromarray(photo).resize((SHOWN, SHOWN)), (x, y))
    return sheet


def main() -> None:
    """Color the photos and draw the sheet, or save the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the results of the pretrained network")
    parser.add_argument("--earlier", type=Path, metavar="FILE", help="results of another version to show, too")
    arguments = parser.parse_args()
    rgb = photos()
    if arguments.save is not None:
        pictures, scores = colored("pretrained", rgb)
        np.savez_compressed(arguments.save, pictures=pictures, scores=scores)
        return
    methods = {"levin": colored("levin", rgb)}
    if arguments.earlier is not None:
        with np.load(arguments.earlier) as earlier:
            methods["earlier weights"] = earlier["pictures"], earlier["scores"]
    methods["spreadnet"] = colored("pretrained", rgb)
    draw(rgb, methods).save(OUTPUT, quality=88)


if __name__ == "__main__":
    main()
