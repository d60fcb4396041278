"""Color hints: the maps of hinted pixels and their colors, and what is known about the colors of the whole image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data._utils.collate import default_collate_fn_map

from chromahint.hints.colors import Color
from chromahint.hints.global_hints import GlobalHints, no_global_hints, palette_hints


class Hints(NamedTuple):
    """Color hints for a batch of images.

    Attributes:
        ab: B2HW float32, hint color in Lab units; 0 at pixels without a hint.
        mask: B1HW float32, 1 at hinted pixels and 0 elsewhere.
        global_hints: Histogram, saturation, and palette of each image; None if no image has any.
    """

    ab: Tensor
    mask: Tensor
    global_hints: GlobalHints | None = None

    @classmethod
    def palette(
        cls, colors: Sequence[Color], size: tuple[int, int], weights: Sequence[float] | None = None, batch: int = 1
    ) -> Hints:
        """Return a palette, without hinted pixels.

        Args:
            colors: One to seven colors, "#rrggbb" or (r, g, b); only their ab counts.
            size: Height and width of the images.
            weights: Share of each color, in any unit; None for equal shares.
            batch: Number of images.

        >>> Hints.palette(["#aa3333", "#445566"], (8, 8)).global_hints.palette_weights[0, :3].tolist()
        [0.5, 0.5, 0.0]
        """
        empty = no_hints(torch.zeros(batch, 1, *size))
        return empty._replace(global_hints=palette_hints(colors, weights, batch))

    def to(self, device: torch.device | str) -> Hints:
        """Move all tensors to a device."""
        moved = None if self.global_hints is None else self.global_hints.to(device)
        return Hints(self.ab.to(device), self.mask.to(device), moved)

    def images(self, start: int, stop: int | None = None) -> Hints:
        """Return the hints of the images `start` to `stop - 1` of the batch."""
        part = slice(start, stop)
        rest = None if self.global_hints is None else GlobalHints(*(each[part] for each in self.global_hints))
        return Hints(self.ab[part], self.mask[part], rest)


def no_hints(lightness: Tensor) -> Hints:
    """Return empty hints for lightness B1HW."""
    mask = torch.zeros_like(lightness, dtype=torch.float32)
    return Hints(mask.expand(-1, 2, -1, -1).clone(), mask)


def hints_from_mask(ab: Tensor, mask: Tensor) -> Hints:
    """Return hints with the image's own color ab B2HW wherever mask B1HW is 1."""
    return Hints(ab.float() * mask, mask.float())


def _collate(batch: Sequence[Hints], *, collate_fn_map: dict[Any, Any] | None = None) -> Hints:
    """Stack the hints of single images, which PyTorch's own function can't do if there are no global hints."""
    ab, mask = torch.stack([each.ab for each in batch]), torch.stack([each.mask for each in batch])
    known = [each.global_hints for each in batch if each.global_hints is not None]
    if not known:
        return Hints(ab, mask)
    if len(known) < len(batch):
        raise ValueError("hints: some images of the batch have global hints and others none. Use no_global_hints.")
    return Hints(ab, mask, GlobalHints(*map(torch.stack, zip(*known, strict=True))))


default_collate_fn_map[Hints] = _collate


def concatenate_hints(parts: Sequence[Hints]) -> Hints:
    """Concatenate the batches of several hints."""
    ab, mask = torch.cat([part.ab for part in parts]), torch.cat([part.mask for part in parts])
    if all(part.global_hints is None for part in parts):
        return Hints(ab, mask)
    return Hints(ab, mask, GlobalHints(*map(torch.cat, zip(*map(_global_hints, parts), strict=True))))


def select_hints(condition: Tensor, chosen: Hints, others: Hints) -> Hints:
    """Return the hints of `chosen` for images where `condition`, B bool, is true, and those of `others` elsewhere."""

    def select(one: Tensor, other: Tensor) -> Tensor:
        return torch.where(condition.view(-1, *[1] * (one.ndim - 1)), one, other)

    ab, mask = select(chosen.ab, others.ab), select(chosen.mask, others.mask)
    if chosen.global_hints is None and others.global_hints is None:
        return Hints(ab, mask)
    pairs = zip(_global_hints(chosen), _global_hints(others), strict=True)
    return Hints(ab, mask, GlobalHints(*(select(one, other) for one, other in pairs)))


def _global_hints(hints: Hints) -> GlobalHints:
    return no_global_hints(len(hints.mask), hints.mask.device) if hints.global_hints is None else hints.global_hints
