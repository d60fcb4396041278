"""Which network a file of weights belongs to, and how that network was used where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from chromahint.color import rgb_to_lab
from chromahint.data.tiles import NaturalTiles
from chromahint.data.transforms import squash
from chromahint.hints.maps import reveal
from chromahint.hints.positions import mark
from chromahint.models.layouts import Recognised, recognise
from chromahint.models.weights import read_state

CENTRES = (0.5, 0.0)
_HINTS, _TILES = 100, (0, 3, 5, 8)
_CLEARLY = 1.02


def identify(file: Path) -> Recognised:
    """Tell the network of a file of weights.

    Raises:
        ValueError: the file can't be read, or fits none of Chromahint's networks.
    """
    found = recognise(read_state(file))
    if found is None:
        raise ValueError(
            f"weights={file}: looks like none of Chromahint's networks; name the network that it was made for with "
            "model=NAME"
        )
    return found


class Centre(NamedTuple):
    """What is subtracted from the 0/1 mask of hints, and why, in a sentence."""

    value: float
    reason: str


@torch.inference_mode()
def try_mask_centres(network: nn.Module, side: int, device: torch.device) -> Centre:
    """Find out which centre of the mask channel weights were trained with, which the file does not say.

    A network colours natural photos with each from the same hints; with the wrong one it takes every pixel for a half
    hinted one, and is further off.

    Args:
        network: ready to colour, with an attribute `mask_centre`; left as it came, which is also what is taken where
            both do the same.
        side: of the photos.
        device: where the network is.
    """
    lightness, ab = rgb_to_lab(_photos(side).to(device))
    hints = reveal(ab, mark(ab, [str(tile) for tile in range(len(ab))], 0, side, _HINTS))
    module: Any = network
    came = module.mask_centre
    errors: dict[float, float] = {}
    for centre in CENTRES:
        module.mask_centre = centre
        errors[centre] = float((network(lightness, hints) - ab).abs().mean())
    module.mask_centre = came
    best, other = sorted(CENTRES, key=lambda centre: errors[centre])
    if errors[other] < _CLEARLY * errors[best]:
        best, other = sorted(CENTRES, key=lambda centre: abs(centre - came))
        reason = "natural photos come out alike with both centres of the mask channel"
    else:
        reason = (
            f"natural photos come out closer than with {other:g} (mean error of ab {errors[best]:.1f}, not "
            f"{errors[other]:.1f})"
        )
    return Centre(best, f"mask centre {best:g}: {reason}; model.mask_centre={other:g} takes the other")


def _photos(side: int) -> Tensor:
    tiles = NaturalTiles()
    return torch.stack([torch.from_numpy(squash(tiles.read(tile), side).copy()).movedim(-1, 0) for tile in _TILES])
