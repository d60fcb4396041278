"""Detect the network that a file of weights belongs to, and options that its tensors do not determine."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from chromahint.color import rgb_to_lab
from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.hints.eval_positions import first_k_mask
from chromahint.hints.hints import hints_from_mask
from chromahint.images.resize import resize_square
from chromahint.models.checkpoint_formats import DetectedArchitecture, detect
from chromahint.models.state_dict import read_state_dict

AMBIGUOUS_OPTIONS: dict[str, tuple[Any, Any]] = {"mask_offset": (0.5, 0.0), "output": ("linear", "tanh")}
"""Options that weights do not determine, and the two values that networks were published with."""

_NUM_HINTS, _TILES = 100, (0, 3, 5, 8)
_MIN_ERROR_RATIO = 1.02
"""With a smaller ratio of errors, both values are considered equal."""


def detect_architecture(file: Path) -> DetectedArchitecture:
    """Detect the network that a file of weights belongs to.

    Raises:
        ValueError: The file can't be read, or matches none of Chromahint's networks.
    """
    detected = detect(read_state_dict(file))
    if detected is None:
        raise ValueError(
            f"weights={file}: matches none of Chromahint's networks. Name the network of the weights with model=NAME."
        )
    return detected


class InferredOption(NamedTuple):
    """Value of an option that weights were trained with, and a sentence about the evidence."""

    value: Any
    reason: str


@torch.inference_mode()
def infer_option(network: nn.Module, option: str, size: int, device: torch.device) -> InferredOption:
    """Infer which value of an option weights were trained with.

    The network colors natural photos from the same hints with each value; the wrong one has a larger error. A wrong
    mask offset makes every pixel look half hinted, and a wrong output activation tints all pixels.

    Args:
        network: Network in eval mode, with the option as an attribute. Its value is restored, and is returned if both
            values perform equally.
        option: One of `AMBIGUOUS_OPTIONS`.
        size: Height and width of the photos in pixels.
        device: Device of the network.
    """
    lightness, ab = rgb_to_lab(_load_photos(size).to(device))
    hints = hints_from_mask(ab, first_k_mask(ab, [str(tile) for tile in range(len(ab))], 0, size, _NUM_HINTS))
    current = getattr(network, option)
    errors: dict[Any, float] = {}
    for value in AMBIGUOUS_OPTIONS[option]:
        setattr(network, option, value)
        errors[value] = float((network(lightness, hints) - ab).abs().mean())
    setattr(network, option, current)
    best, other = sorted(errors, key=lambda value: errors[value])
    if errors[other] < _MIN_ERROR_RATIO * errors[best]:
        if other == current:
            best, other = other, best
        evidence = f"natural photos have the same error with {_format(other)}"
    else:
        evidence = (
            f"natural photos have a smaller error than with {_format(other)} (mean error of ab {errors[best]:.1f} "
            f"instead of {errors[other]:.1f})"
        )
    title = f"{option.replace('_', ' ')} {_format(best)}"
    return InferredOption(best, f"{title}: {evidence}; model.{option}={_format(other)} overrides this")


def _format(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _load_photos(size: int) -> Tensor:
    """Return natural photos as uint8 RGB, B3HW."""
    tiles = NaturalTiles()
    return torch.stack(
        [torch.from_numpy(resize_square(tiles.read(tile), size).copy()).movedim(-1, 0) for tile in _TILES]
    )
