"""Which hints a network is tested with: protocols that give every network, epoch and machine the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from chromahint.hints.maps import Hints, reveal
from chromahint.hints.positions import positions


class HintProtocol(Protocol):
    """What the sweep, the pictures and the reports need of a protocol."""

    @property
    def name(self) -> str:
        """Name of the folder and of the entry in metrics.json."""
        ...

    @property
    def counts(self) -> list[int]:
        """Numbers of hints that are tried, ascending."""
        ...

    @property
    def size(self) -> int:
        """Height and width of the pictures in pixels."""
        ...

    def hints(self, ab: Tensor, ids: Sequence[str], count: int) -> Hints:
        """Give hints that depend on each picture's id, not on its neighbours in the batch.

        Args:
            ab: B2HW float32, the photos' colours in Lab units, H = W = `size`.
            ids: B picture ids.
            count: hints in each picture; the hints of a smaller count are among those of a larger one.

        Returns:
            Hints of the same batch, height and width, on the device of `ab`.
        """
        ...


@dataclass(frozen=True)
class RandomPixels:
    """Single pixels at random places: k = 328 and 1,966 are 0.5 % and 3 % of a picture of 256x256.

    Args:
        counts: numbers of hints that are tried: distinct, ascending, 0..size * size.
        size: height and width of the pictures in pixels, 7 or more.
        seed: chooses the places, together with the picture's id.
    """

    name = "random_pixels"

    counts: list[int] = field(default_factory=lambda: [0, 1, 10, 100, 328, 1966])
    size: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size < 7:
            raise ValueError(
                f"protocol.size={self.size}: pictures are 7 pixels or more, the window of SSIM. "
                "Type for example protocol.size=256."
            )
        good = sorted({count for count in self.counts if 0 <= count <= self.size**2}) or [0, 1, 10]
        if self.counts != good:
            raise ValueError(
                f"protocol.counts={self.counts} at protocol.size={self.size}: distinct numbers in ascending order are "
                f"allowed, from 0 to size * size = {self.size**2}. Type for example "
                f"'protocol.counts={str(good).replace(' ', '')}'."
            )

    def hints(self, ab: Tensor, ids: Sequence[str], count: int) -> Hints:
        """Reveal `count` pixels of each picture; see `HintProtocol.hints`."""
        batch, _, height, width = ab.shape
        if (height, width) != (self.size, self.size):
            raise ValueError(
                f"Pictures of {height}x{width} pixels came to the protocol {self.name}, which is for "
                f"{self.size}x{self.size}. Type protocol.size={height}, or give it pictures of its own size."
            )
        assert len(ids) == batch
        places = np.stack([positions(name, self.seed, height, width, count) for name in ids])
        mask = torch.zeros(batch, height * width, device=ab.device)
        mask.scatter_(1, torch.from_numpy(places).to(ab.device), 1.0)
        return reveal(ab, mask.view(batch, 1, height, width))
