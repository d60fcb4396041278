"""Create the pictures of the studio's samples on its first page: small photos, colored with a few points.

python docs/samples.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from colorize import POINTS
from PIL import Image, ImageOps

from chromahint import Colorizer
from chromahint.images.decode import read_photo
from chromahint.studio.model_list import SAMPLES
from chromahint.studio.samples import sample_file

FOLDER = Path(__file__).parents[1] / "src" / "chromahint" / "studio" / "assets" / "samples"
SIZE = 480, 360
QUALITY = 80
FUR, SKY = "#b07d4e", "#5f7fb0"
MORE_POINTS = {
    "chelsea": [
        *(
            (x, y, FUR)
            for x, y in ((250, 30), (110, 120), (250, 110), (90, 40), (360, 40), (285, 85), (350, 90), (285, 130))
        ),
        *((x, y, "#a09a50", 4) for x, y in ((165, 105), (182, 112), (315, 112))),  # eyes
        (262, 245, "#c08078"),  # nose
        *((x, y, "#e0d6ca") for x, y in ((190, 250), (330, 240), (230, 215))),
        *((x, y, "#b5a184") for x, y in ((420, 260), (60, 250), (430, 120))),  # sofa
    ],
    "rocket": [
        *((x, y, SKY) for x, y in ((60, 60), (560, 60), (320, 20), (120, 200), (520, 200))),
        *((x, y, "#e8924a") for x, y in ((320, 330), (300, 380), (345, 380))),
        (318, 230, "#d8d4cc", 3),
        *((x, y, "#7a6a50") for x, y in ((80, 400), (560, 400))),
    ],
}


def main() -> None:
    """Color the samples and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="output folder (default: that of the page)")
    folder = parser.parse_args().folder
    colorizer = Colorizer.load(device="cpu")
    for name in SAMPLES:
        gray = cv2.cvtColor(read_photo(sample_file(name)), cv2.COLOR_RGB2GRAY)
        colored = colorizer.colorize(np.ascontiguousarray(gray), (POINTS | MORE_POINTS)[name])
        ImageOps.fit(Image.fromarray(colored), SIZE, Image.Resampling.LANCZOS).save(
            folder / f"{name}.webp", quality=QUALITY, method=6
        )


if __name__ == "__main__":
    main()
