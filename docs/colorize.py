"""Create docs/colorize.jpg: two gray photos with points on them, and the colored results.

python docs/colorize.py
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from skimage import data

from chromahint import Colorizer

RED, WOOD, ORANGE = "#b02810", "#a0683c", "#e0582c"
POINTS = {
    "coffee": [
        (300, 150, "#b8842e", 8),  # coffee
        (260, 60, "#e8dfd2"),  # inside of the cup
        (205, 230, RED),  # outside of the cup
        *((x, y, RED) for x, y in ((120, 220), (300, 360), (445, 230))),  # saucer
        (370, 310, None),  # the spoon stays gray
        *((x, y, WOOD) for x, y in ((70, 270), (560, 330), (500, 90))),
    ],
    "astronaut": [
        *((x, y, ORANGE) for x, y in ((80, 330), (220, 340), (60, 450), (325, 320), (160, 290))),
        (225, 160, "#d9a184"),  # skin
        *((x, y, "#8a6a3a") for x, y in ((190, 60), (275, 80))),  # hair
        *((x, y, "#cbbfb6") for x, y in ((330, 60), (130, 60), (330, 200), (490, 40), (490, 180))),  # wall
        *((x, y, "#a02030") for x, y in ((60, 180), (25, 235))),  # flag
        (40, 90, "#2a3060"),
        (145, 375, "#5a4a8a", 5),  # patch
        *((x, y, "#a8641c", 4) for x, y in ((410, 30), (430, 110))),  # tank
        *((x, y, None) for x, y in ((400, 400), (390, 300), (395, 200), (265, 430))),  # black and white
    ],
}
HEIGHT, GAP = 400, 8


def main() -> None:
    """Color the photos and write the picture."""
    colorizer = Colorizer.load(device="cpu")
    images = []
    for name, points in POINTS.items():
        gray = np.asarray(Image.fromarray(getattr(data, name)()).convert("L"))
        annotated = Image.fromarray(gray).convert("RGB")
        draw = ImageDraw.Draw(annotated)
        for x, y, color, *_ in points:
            draw.ellipse((x - 7, y - 7, x + 7, y + 7), fill=color or "#909090", outline="white", width=2)
        for image in (annotated, Image.fromarray(colorizer.colorize(gray, points))):
            size = round(image.width * HEIGHT / image.height), HEIGHT
            images.append(image.resize(size, Image.Resampling.LANCZOS))
    grid = Image.new("RGB", (sum(image.width + GAP for image in images) - GAP, HEIGHT), "white")
    left = 0
    for image in images:
        grid.paste(image, (left, 0))
        left += image.width + GAP
    grid.save(Path(__file__).with_name("colorize.jpg"), quality=82, optimize=True)


if __name__ == "__main__":
    main()
