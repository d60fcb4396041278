"""Which network a file of weights belongs to, and how that network was used where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from chromahint.color import rgb_to_lab
from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.data.transforms import resize_square
from chromahint.hints.eval_positions import first_k_mask
from chromahint.hints.hints import hints_from_mask
from chromahint.models.checkpoint_formats import DetectedArchitecture, detect
from chromahint.models.state_dict import read_state_dict

AMBIGUOUS_OPTIONS: dict[str, tuple[Any, Any]] = {"mask_offset": (0.5, 0.0), "output": ("linear", "tanh")}
"""Options of networks that their weights do not tell, and the two values that networks were published with."""

_HINTS, _TILES = 100, (0, 3, 5, 8)
_CLEARLY = 1.02


def detect_architecture(file: Path) -> DetectedArchitecture:
    """Tell the network of a file of weights.

    Raises:
        ValueError: the file can't be read, or fits none of Chromahint's networks.
    """
    found = detect(read_state_dict(file))
    if found is None:
        raise ValueError(
            f"weights={file}: looks like none of Chromahint's networks; name the network that it was made for with "
            "model=NAME"
        )
    return found


class InferredOption(NamedTuple):
    """The value of an option that weights were trained with, and why, in a sentence."""

    value: Any
    reason: str


@torch.inference_mode()
def infer_option(network: nn.Module, option: str, size: int, device: torch.device) -> InferredOption:
    """Find out which value of an option weights were trained with, which the file does not say.

    A network colors natural photos with each from the same hints; with the wrong one it is further off: with the wrong
    center it takes every pixel for a half hinted one, and with the wrong end it tints them all.

    Args:
        network: ready to color, with the option as an attribute; left as it came, which is also what is taken where
            both do the same.
        option: one of `AMBIGUOUS_OPTIONS`.
        side: of the photos.
        device: where the network is.
    """
    lightness, ab = rgb_to_lab(_photos(size).to(device))
    hints = hints_from_mask(ab, first_k_mask(ab, [str(tile) for tile in range(len(ab))], 0, size, _HINTS))
    came = getattr(network, option)
    errors: dict[Any, float] = {}
    for value in AMBIGUOUS_OPTIONS[option]:
        setattr(network, option, value)
        errors[value] = float((network(lightness, hints) - ab).abs().mean())
    setattr(network, option, came)
    best, other = sorted(errors, key=lambda value: errors[value])
    if errors[other] < _CLEARLY * errors[best]:
        if other == came:
            best, other = other, best
        reason = f"natural photos come out alike with {_shown(other)}"
    else:
        reason = (
            f"natural photos come out closer than with {_shown(other)} (mean error of ab {errors[best]:.1f}, not "
            f"{errors[other]:.1f})"
        )
    title = f"{option.replace('_', ' ')} {_shown(best)}"
    return InferredOption(best, f"{title}: {reason}; model.{option}={_shown(other)} takes the other")


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _photos(side: int) -> Tensor:
    tiles = NaturalTiles()
    return torch.stack(
        [torch.from_numpy(resize_square(tiles.read(tile), side).copy()).movedim(-1, 0) for tile in _TILES]
    )
