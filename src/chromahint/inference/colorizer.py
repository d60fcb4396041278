"""From a gray image to color in Python: any image of any size, any hints, an image of the same kind back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from chromahint.color import lab_to_rgb8
from chromahint.inference.array_adapters import ImageBuffer, open_images
from chromahint.inference.load import OnMessage, load_network, resolve_device
from chromahint.inference.session import HintsLike, Session, to_sparse_hints
from chromahint.models.ab_bins import HasColorClasses
from chromahint.models.color_suggestions import suggest_colors

ImageLike = TypeVar("AnyImage", NDArray[Any], Image.Image, Tensor)
MIN_SIZE = 16


class SuggestedColor(NamedTuple):
    """A color to choose from.

    Attributes:
        color: #rrggbb with the pixel's lightness, to be used as a hint.
        probability: 0..1; those of all suggestions sum to 1.
    """

    color: str
    probability: float


class Colorizer:
    """Colors images with a network: `Colorizer.load()` has the weights in the package.

    The network sees an image shrunk to about `size` x `size` pixels, and its colors are brought up along the edges of
    the image, which keeps its own lightness at its own size.

    Args:
        network: ready to color, (lightness, hints) -> ab.
        name: of the network, for messages.
        size: the network sees images of about size x size pixels, in their own proportions; smaller ones as they are.
        square: whether images of any size are squashed to size x size, as networks were published with.
    """

    def __init__(self, network: nn.Module, name: str, size: int, square: bool = False) -> None:
        if size < MIN_SIZE:
            raise ValueError(f"size={size}: {MIN_SIZE} pixels or more are allowed, such as 512")
        self.network = network
        self.name = name
        self.size = size
        self.square = square
        self.device = next((p.device for p in network.parameters()), torch.device("cpu"))

    @classmethod
    def load(
        cls,
        source: str | Path = "pretrained",
        *,
        size: int | None = None,
        device: str = "auto",
        on_message: OnMessage = lambda sentence: None,
    ) -> Colorizer:
        """Make a network ready.

        Args:
            source: `box` for the weights in the package; the folder of a run; a file of weights (a checkpoint,
                safetensors, or a released file of HSCAU-Net, Zhang 2017 or iColoriT); a folder or an ONNX file that
                `chromahint export` wrote; or `levin` or `pullpush`, which have nothing to learn.
            size: the network sees images of about size x size pixels; None takes what is good for the network.
            device: auto, cpu, cuda, cuda:1 or mps.
            on_message: Called with each message about what was found.

        Raises:
            ValueError: there is no such source, or it can't be used.
        """
        loaded = load_network(source, resolve_device(device), on_message)
        return cls(loaded.network, loaded.name, loaded.size if size is None else size, loaded.square)

    @torch.no_grad()
    def colorize(self, image: ImageLike, hints: HintsLike = None) -> ImageLike:
        """Color an image; of one that has colors only the lightness counts.

        Args:
            image: a NumPy array HxW or HxWx3, a PIL image, or a tensor CxHxW or BxCxHxW with 1 or 3 channels; uint8,
                uint16, or floating point in 0..1; sRGB.
            hints: points as tuples (x, y, color) or (x, y, color, radius), x to the right and y down from 0 in pixels,
                the color as "#rrggbb" or (r, g, b), or None for what stays gray; the path of a hint file; `Annotations`;
                or maps, `Hints` (ab B2HW, mask B1HW) of the image's size. A batch takes maps, or the same hints for
                all.

        Returns:
            A colored image of the same kind, size and type, RGB, with the lightness of the one given.
        """
        opened, close = open_images(image)
        for image, pixels in zip(opened, to_sparse_hints([each.size for each in opened], hints), strict=True):
            self.open_session(image).colorize_full(pixels)
        colored: ImageLike = close()
        return colored

    @property
    def supports_suggestions(self) -> bool:
        """Whether the network has color classes, which `suggest` needs."""
        return isinstance(self.network, HasColorClasses)

    def open_session(self, image: ImageBuffer, lightness: Tensor | None = None) -> Session:
        """Take a photo to be colored again and again; see `open_images`.

        Args:
            image: the photo, and where its colors go.
            lightness: of the photo, L 11HW, where another session has it already.
        """
        return Session(self.network, self.size, self.square, self.device, image, lightness)

    @torch.no_grad()
    def suggest(self, image: ImageLike, x: int, y: int, hints: HintsLike = None) -> list[SuggestedColor]:
        """Offer up to nine colors for a pixel, the likeliest first; only networks with color classes can.

        Args:
            image: as in `colorize`, one image.
            x: of the pixel.
            y: of the pixel.
            hints: as in `colorize`.
        """
        opened, _ = open_images(image)
        if len(opened) != 1:
            raise ValueError(f"colors are suggested for one image at a time, not {len(opened)}")
        height, width = opened[0].size
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(f"x={x}, y={y}: outside of the photo, which is {width} wide and {height} high")
        return self.suggest_in(self.open_session(opened[0]), x, y, hints)

    @torch.no_grad()
    def suggest_in(self, session: Session, x: int, y: int, hints: HintsLike = None) -> list[SuggestedColor]:
        """Offer colors as `suggest` does, for a photo that is open already."""
        height, width = session.image.size
        small = session.network_input()
        size = (small.shape[-2], small.shape[-1])
        given = to_sparse_hints([(height, width)], hints)[0].to_dense(size).to(self.device)
        row, column = y * size[0] // height, x * size[1] // width
        found = suggest_colors(self.network, small, given, row, column)  # type: ignore[arg-type]  # it tells whether it can
        place = small[..., row : row + 1, column : column + 1].cpu()
        shown = [lab_to_rgb8(place, torch.tensor(each.ab).view(1, 2, 1, 1)).flatten().tolist() for each in found]
        return [
            SuggestedColor("#{:02x}{:02x}{:02x}".format(*rgb), each.probability)
            for rgb, each in zip(shown, found, strict=True)
        ]
