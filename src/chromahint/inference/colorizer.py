"""Colorization of images in Python: arrays, PIL images or tensors of any size, with any hints."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from chromahint.color import lab_to_rgb8
from chromahint.inference.array_adapters import ImageBuffer, open_images
from chromahint.inference.load import load_network, resolve_device
from chromahint.inference.look import Look
from chromahint.inference.session import (
    DEFAULT_LOOK,
    ChoosesHints,
    HintsLike,
    Session,
    takes_palette,
    to_hint_layers,
    to_sparse_hints,
)
from chromahint.models.ab_bins import HasColorClasses
from chromahint.models.color_suggestions import HasColorDistribution, suggest_colors

ImageLike = TypeVar("ImageLike", NDArray[Any], Image.Image, Tensor)
MIN_SIZE = 16
OnMessage = Callable[[str], None]


class SuggestedColor(NamedTuple):
    """Color suggestion for a pixel.

    Attributes:
        color: Color as "#rrggbb", with the lightness of the pixel; usable as a hint.
        probability: Probability in 0..1. Those of all suggestions for a pixel sum to 1.
    """

    color: str
    probability: float


class ProposedHint(NamedTuple):
    """A place where one more hint helps.

    Attributes:
        x: Column of the pixel.
        y: Row of the pixel.
        gain: Expected decrease of the mean squared error of ab, in Lab units.
    """

    x: int
    y: int
    gain: float


class Colorizer:
    """Colors images with a network. `Colorizer.load()` loads the pretrained weights of the package.

    The network colors a version of the image downsampled to about size x size pixels. Its colors are upsampled along
    the edges of the image, which keeps its lightness and its size.

    Args:
        network: Network in eval mode, (lightness, hints) -> ab.
        name: Name of the network, for messages.
        size: The network colors images of about size x size pixels, at their own aspect ratio; smaller images are not
            enlarged.
        square: Squash all images to size x size instead, as networks with a fixed input size need.
    """

    def __init__(self, network: nn.Module, name: str, size: int, square: bool = False) -> None:
        if size < MIN_SIZE:
            raise ValueError(f"size={size}: must be an integer >= {MIN_SIZE}. Try size=512.")
        self.network = network
        self.name = name
        self.size = size
        self.square = square
        self.device = next((p.device for p in network.parameters()), torch.device("cpu"))

    def __repr__(self) -> str:
        return f"<Colorizer {self.name}: at about {self.size}x{self.size} pixels, on {self.device}>"

    @classmethod
    def load(
        cls,
        source: str | Path = "pretrained",
        *,
        size: int | None = None,
        device: str = "auto",
        on_message: OnMessage = lambda sentence: None,
    ) -> Colorizer:
        """Load a network.

        Args:
            source: `pretrained` for the weights in the package; a run folder; a file of weights (a checkpoint,
                safetensors, or a released file of HSCAU-Net, Zhang 2017 or iColoriT); a folder or an ONNX file written
                by `chromahint export`; or a training-free baseline, `levin` or `pullpush`.
            size: The network colors images of about size x size pixels; None is the recommended size of the network.
            device: auto, cpu, cuda, cuda:1 or mps.
            on_message: Called with sentences that tell what was loaded.

        Raises:
            ValueError: The source does not exist or can't be loaded.
        """
        loaded = load_network(source, resolve_device(device))
        for message in loaded.messages:
            on_message(message)
        image_size = loaded.image_size if size is None else size
        return cls(loaded.network, loaded.name, image_size, square=loaded.input_size is not None)

    @torch.no_grad()
    def colorize(self, image: ImageLike, hints: HintsLike = None, look: Look = DEFAULT_LOOK) -> ImageLike:
        """Color an image. Only the lightness of a color image is used.

        Args:
            image: NumPy array HxW or HxWx3, PIL image, or tensor CxHxW or BxCxHxW with 1 or 3 channels; uint8, uint16,
                or floating point in 0..1; sRGB.
            hints: Points as tuples (x, y, color) or (x, y, color, radius), with pixel coordinates from 0, x to the
                right and y down, and the color as "#rrggbb", (r, g, b), or None for gray; the path of a hint file;
                `Annotations`; or `Hints` (ab B2HW, mask B1HW) of the image's size, such as `Hints.palette(["#aa3333",
                "#445566"], size)`. A batch takes `Hints`, or the same other hints for all images.
            look: How strong the colors are, and how far each hint reaches.

        Returns:
            A colored RGB image of the same kind, size, type and lightness.
        """
        buffers, get_result = open_images(image)
        layers = to_hint_layers([buffer.size for buffer in buffers], hints)
        for buffer, hints_of_image in zip(buffers, layers, strict=True):
            self.open_session(buffer).colorize_full(hints_of_image, look)
        colored: ImageLike = get_result()
        return colored

    @property
    def supports_suggestions(self) -> bool:
        """Whether the network has color classes or a distribution of colors, which `suggest` needs."""
        return isinstance(self.network, HasColorClasses | HasColorDistribution)

    @property
    def takes_palette(self) -> bool:
        """Whether the network takes a palette, which `colorize` refuses otherwise."""
        return takes_palette(self.network)

    @property
    def proposes_hints(self) -> bool:
        """Whether the network predicts where the next hint helps most, which `where_next` needs."""
        return isinstance(self.network, ChoosesHints)

    def open_session(self, image: ImageBuffer, lightness: Tensor | None = None) -> Session:
        """Open a photo to color it repeatedly.

        Args:
            image: Buffer of the photo (see `open_images`).
            lightness: L 11HW of the photo, if it is known from another session.
        """
        return Session(self.network, self.size, self.square, self.device, image, lightness)

    @torch.no_grad()
    def suggest(self, image: ImageLike, x: int, y: int, hints: HintsLike = None) -> list[SuggestedColor]:
        """Suggest up to eight colors for a pixel, most probable first. Needs a network that `supports_suggestions`.

        Args:
            image: One image, as in `colorize`.
            x: Column of the pixel.
            y: Row of the pixel.
            hints: Hints, as in `colorize`.
        """
        buffers, _ = open_images(image)
        if len(buffers) != 1:
            raise ValueError(f"batch of {len(buffers)} images: colors are suggested for one image. Pass one image.")
        height, width = buffers[0].size
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(
                f"x={x}, y={y}: outside of the image, which is {width} wide and {height} high. "
                f"Use 0 <= x < {width} and 0 <= y < {height}."
            )
        return self.suggest_in(self.open_session(buffers[0]), x, y, hints)

    @torch.no_grad()
    def where_next(self, image: ImageLike, hints: HintsLike = None, count: int = 8) -> list[ProposedHint]:
        """Propose where to put the next hint, the best place first. Needs a network that `proposes_hints`.

        Args:
            image: One image, as in `colorize`.
            hints: Hints so far, as in `colorize`.
            count: Largest number of places.
        """
        buffers, _ = open_images(image)
        if len(buffers) != 1:
            raise ValueError(f"batch of {len(buffers)} images: hints are proposed for one image. Pass one image.")
        return self.where_next_in(self.open_session(buffers[0]), hints, count)

    @torch.no_grad()
    def where_next_in(self, session: Session, hints: HintsLike = None, count: int = 8) -> list[ProposedHint]:
        """Propose hints like `where_next`, for a photo in an open session."""
        if not isinstance(self.network, ChoosesHints):
            raise ValueError(f"{self.name}: does not predict where a hint helps. Use spreadnet.")
        height, width = session.image.size
        small = session.network_input()
        dense = (
            to_sparse_hints([(height, width)], hints)[0].to_dense((small.shape[-2], small.shape[-1])).to(self.device)
        )
        gain = self.network.expected_gain(session.encoding(), dense)
        gain = gain.masked_fill(F.adaptive_max_pool2d(dense.mask, gain.shape[-2:]) > 0, -torch.inf)
        # of the places around a good one, only the best is proposed
        peaks = gain == F.max_pool2d(gain, 5, stride=1, padding=2)
        rows, columns = gain.shape[-2:]
        order = gain.where(peaks, -torch.inf).flatten().sort(descending=True)
        places = zip(order.values.tolist(), order.indices.tolist(), strict=True)
        return [
            ProposedHint(
                x=int((index % columns + 0.5) * width / columns),
                y=int((index // columns + 0.5) * height / rows),
                gain=value,
            )
            for value, index in itertools.islice(places, count)
            if value > -math.inf
        ]

    @torch.no_grad()
    def suggest_in(self, session: Session, x: int, y: int, hints: HintsLike = None) -> list[SuggestedColor]:
        """Suggest colors like `suggest`, for a photo in an open session."""
        height, width = session.image.size
        small = session.network_input()
        size = (small.shape[-2], small.shape[-1])
        dense_hints = to_sparse_hints([(height, width)], hints)[0].to_dense(size).to(self.device)
        row, column = y * size[0] // height, x * size[1] // width
        encoding = session.encoding() if isinstance(self.network, HasColorDistribution) else None
        # suggest_colors raises an error if the network predicts no distribution
        suggestions = suggest_colors(self.network, small, dense_hints, row, column, encoding)  # type: ignore[arg-type]
        lightness = small[..., row : row + 1, column : column + 1].cpu()
        colors = [lab_to_rgb8(lightness, torch.tensor(each.ab).view(1, 2, 1, 1)).flatten() for each in suggestions]
        return [
            SuggestedColor("#{:02x}{:02x}{:02x}".format(*color.tolist()), suggestion.probability)
            for color, suggestion in zip(colors, suggestions, strict=True)
        ]
