"""Draw the figures of docs/how-spreadnet-works.md with the pretrained network: `python docs/spreadnet.py`."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
import torch.nn.functional as F
from colorize import POINTS
from PIL import Image, ImageDraw
from skimage import data
from torch import Tensor

from chromahint import Colorizer, Hints
from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.hints.annotations import Annotations, Point
from chromahint.hints.hints import no_hints
from chromahint.models.layers import color_pyramid
from chromahint.models.layers.propagation import neighbor_weights, propagate
from chromahint.models.layers.semantic_encoder import GRID_SIZE

FOLDER = Path(__file__).parent / "assets"
WIDTH, HEIGHT, GAP = 384, 256, 6
SOURCES = [("a hint on the cup", 205, 230), ("a hint in the coffee", 300, 150), ("a hint on the table", 560, 330)]
LEVEL, STEPS = 2, 60


def main() -> None:
    """Draw and write all figures."""
    photo = Image.fromarray(data.coffee())
    scale = WIDTH / photo.width, HEIGHT / photo.height
    rgb = torch.from_numpy(np.array(photo.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))).permute(2, 0, 1)[None]
    lightness, ab = rgb_to_lab(rgb)
    points = [(x * scale[0], y * scale[1], color) for x, y, color, *_ in POINTS["coffee"]]
    hints = Annotations(tuple(Point(x, y, color) for x, y, color in points)).rasterize(HEIGHT, WIDTH)
    hints = hints.to_dense((HEIGHT, WIDTH))
    network = Colorizer.load(device="cpu").network

    gray = picture(lightness, torch.zeros_like(ab))
    with torch.no_grad():
        colored = picture(lightness, network(lightness, hints))
    write("spreadnet-result", [with_points(gray, points), colored, picture(lightness, ab)])
    write("spreadnet-levels", levels(network, lightness, hints))
    write("spreadnet-reach", reach(network, lightness, scale), columns=len(SOURCES))
    write("spreadnet-weights", weights(network, lightness, scale))
    write("spreadnet-error", [expected_error(network, lightness, each) for each in (no_hints(lightness), hints)])


def levels(network: torch.nn.Module, lightness: Tensor, hints: Hints) -> list[Image.Image]:
    """Colors after each level at one lightness, the coarsest first."""
    states: list[Tensor] = []

    def record(*arguments: Tensor) -> Tensor:
        states.append(propagate(*arguments))
        return states[-1]

    with torch.no_grad(), patch.object(color_pyramid, "propagate", record):
        network(lightness, hints)
    even = torch.full_like(lightness, 60)
    return [picture(even, F.interpolate(state[:, :2], (HEIGHT, WIDTH), mode="nearest")) for state in states]


def reach(network: torch.nn.Module, lightness: Tensor, scale: tuple[float, float]) -> list[Image.Image]:
    """How much of a pixel's color comes from one hint: first with Levin's weights, below with the learned ones."""
    with torch.no_grad():
        encoding = network.encode(lightness)
        light, learned = encoding.pyramid.lightness[LEVEL], encoding.pyramid.neighbor_weights[LEVEL]
        fixed = neighbor_weights(light, torch.zeros_like(learned))
    drawn = []
    for weights in (fixed, learned):
        for _, x, y in SOURCES:
            one = torch.zeros_like(light)
            one[..., round(y * scale[1]) >> LEVEL, round(x * scale[0]) >> LEVEL] = 1
            with torch.no_grad():
                share = F.interpolate(propagate(one, weights, one, 1 - one, STEPS), (HEIGHT, WIDTH), mode="nearest")
            drawn.append(with_cross(heat(lightness, share), x * scale[0], y * scale[1]))
    return drawn


def weights(network: torch.nn.Module, lightness: Tensor, scale: tuple[float, float]) -> list[Image.Image]:
    """How much one hint applies to each cell."""
    drawn = []
    for _, x, y in SOURCES:
        mask = torch.zeros_like(lightness)
        mask[..., round(y * scale[1]), round(x * scale[0])] = 1
        with torch.no_grad():
            colors = network.cell_colors(
                network.encode_cells(lightness), lightness, Hints(mask.expand(-1, 2, -1, -1), mask)
            )
        share = colors.weights[0, :, 0].view(1, 1, GRID_SIZE, GRID_SIZE)
        shown = heat(lightness, F.interpolate(share, (HEIGHT, WIDTH), mode="bilinear"), decades=1)
        drawn.append(with_cross(shown, x * scale[0], y * scale[1]))
    return drawn


def expected_error(network: torch.nn.Module, lightness: Tensor, hints: Hints) -> Image.Image:
    """The expected error of ab, with rings at the three best places for the next hint."""
    with torch.no_grad():
        error = network.expected_error(network.encode(lightness), hints)
    shown = heat(lightness, F.interpolate(error / 30, (HEIGHT, WIDTH), mode="bilinear").clamp(max=1), decades=1)
    gray = picture(lightness, torch.zeros_like(lightness).expand(-1, 2, -1, -1))
    draw = ImageDraw.Draw(shown)
    for place in Colorizer.load(device="cpu", size=HEIGHT).where_next(gray, hints, count=3):
        for width, color in ((4, "black"), (2, "white")):
            draw.ellipse((place.x - 9, place.y - 9, place.x + 9, place.y + 9), outline=color, width=width)
    return shown


def picture(lightness: Tensor, ab: Tensor) -> Image.Image:
    """Convert L 11HW and ab 12HW to an image."""
    return Image.fromarray(lab_to_rgb8(lightness, ab)[0].permute(1, 2, 0).numpy())


def heat(lightness: Tensor, share: Tensor, decades: int = 3) -> Image.Image:
    """Show a map 11HW in 0..1 in orange over the gray photo, on a logarithmic scale."""
    strength = (1 + share.clamp(min=10**-decades).log10() / decades).clamp(0, 1)
    return picture(lightness, torch.cat([45 * strength, 75 * strength], dim=1))


def with_points(image: Image.Image, points: list[tuple[float, float, str | None]]) -> Image.Image:
    """Draw the hints as dots."""
    shown = image.copy()
    draw = ImageDraw.Draw(shown)
    for x, y, color in points:
        draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=color or "#909090", outline="white", width=2)
    return shown


def with_cross(image: Image.Image, x: float, y: float) -> Image.Image:
    """Mark a pixel."""
    draw = ImageDraw.Draw(image)
    for width, color in ((5, "black"), (2, "white")):
        draw.line((x - 7, y, x + 7, y), fill=color, width=width)
        draw.line((x, y - 7, x, y + 7), fill=color, width=width)
    return image


def write(name: str, images: list[Image.Image], columns: int | None = None) -> None:
    """Write images side by side as one WebP file."""
    columns = columns or len(images)
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * (WIDTH + GAP) - GAP, rows * (HEIGHT + GAP) - GAP), "white")
    for number, image in enumerate(images):
        sheet.paste(image, (number % columns * (WIDTH + GAP), number // columns * (HEIGHT + GAP)))
    sheet.save(FOLDER / f"{name}.webp", quality=78, method=6)


if __name__ == "__main__":
    main()
