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
from chromahint.models import spreadnet
from chromahint.models.layers.propagation import neighbor_weights, propagate

FOLDER = Path(__file__).parent / "assets"
WIDTH, HEIGHT, GAP = 384, 256, 6
SOURCES = [("a hint on the cup", 205, 230), ("a hint in the coffee", 300, 150), ("a hint on the table", 560, 330)]
QUERIES = [("a pixel of the cup", 150, 160), ("of the saucer", 190, 370), ("of the table", 480, 40)]
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
    write("spreadnet-influence", influence(network, lightness, hints, gray, scale))


def levels(network: torch.nn.Module, lightness: Tensor, hints: Hints) -> list[Image.Image]:
    """Colors after each level at one lightness, the coarsest first."""
    states: list[Tensor] = []

    def record(*arguments: Tensor) -> Tensor:
        states.append(propagate(*arguments))
        return states[-1]

    with torch.no_grad(), patch.object(spreadnet, "propagate", record):
        network(lightness, hints)
    even = torch.full_like(lightness, 60)
    return [picture(even, F.interpolate(state[:, :2], (HEIGHT, WIDTH), mode="nearest")) for state in states]


def reach(network: torch.nn.Module, lightness: Tensor, scale: tuple[float, float]) -> list[Image.Image]:
    """How much of a pixel's color comes from one hint: first with Levin's weights, below with the learned ones."""
    with torch.no_grad():
        encoding = network.encode(lightness)
        light, learned = encoding.lightness[LEVEL], encoding.neighbor_weights[LEVEL]
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


def influence(
    network: torch.nn.Module, lightness: Tensor, hints: Hints, gray: Image.Image, scale: tuple[float, float]
) -> list[Image.Image]:
    """How strongly each hint determines the color of one pixel: the derivative of its ab with respect to the hint's."""
    drawn = []
    for _, x, y in QUERIES:
        x, y = x * scale[0], y * scale[1]
        ab = hints.ab.clone().requires_grad_()
        network(lightness, Hints(ab, hints.mask))[..., round(y), round(x)].sum().backward()
        assert ab.grad is not None
        strength = ab.grad.abs().mean(dim=1)[0]
        strength = strength / strength.sum()
        shown = gray.copy()
        draw = ImageDraw.Draw(shown)
        for row, column in hints.mask[0, 0].nonzero().tolist():
            radius = 2 + 22 * float(strength[row, column]) ** 0.5
            color = lab_to_rgb8(torch.full((1, 1, 1, 1), 60.0), hints.ab[..., row : row + 1, column : column + 1])
            box = (column - radius, row - radius, column + radius, row + radius)
            draw.ellipse(box, fill=tuple(color.flatten().tolist()), outline="white", width=2)
        drawn.append(with_cross(shown, x, y))
    return drawn


def picture(lightness: Tensor, ab: Tensor) -> Image.Image:
    """Convert L 11HW and ab 12HW to an image."""
    return Image.fromarray(lab_to_rgb8(lightness, ab)[0].permute(1, 2, 0).numpy())


def heat(lightness: Tensor, share: Tensor) -> Image.Image:
    """Show a map 11HW in 0..1 in orange over the gray photo, on a logarithmic scale of three decades."""
    strength = (1 + share.clamp(min=1e-3).log10() / 3).clamp(0, 1)
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
