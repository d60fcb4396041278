"""Trained weights that come with the package: which networks have some in the folder `box`, and for which options.

A network in `models/NAME.py` has `box/NAME.safetensors`, `box/NAME.json`, which says what they are, and a model card,
`box/NAME.md`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRETRAINED_DIR = Path(__file__).with_name("pretrained")


@dataclass(frozen=True)
class PretrainedWeights:
    """Weights in the box.

    Attributes:
        file: of the weights.
        options: of the network that they are for.
        trained_on: in words.
    """

    file: Path
    options: Mapping[str, Any]
    trained_on: str


def find_pretrained(target: str) -> PretrainedWeights | None:
    """What the box has for a class such as `chromahint.models.unet.UNet`; None where it has nothing."""
    room, _, name = target.rpartition(".")[0].rpartition(".")
    about = PRETRAINED_DIR / f"{name}.json"
    if room != __package__ or not about.is_file():
        return None
    said = json.loads(about.read_text(encoding="utf-8"))
    return PretrainedWeights(about.with_suffix(".safetensors"), said["options"], said["trained_on"])


def weights_file(weights: str | None, model: Mapping[str, Any]) -> Path | None:
    """The file that `weights=` names; None for no weights.

    Args:
        weights: none, box, or the path of a file; None takes what the box has for the network, if anything.
        model: `_target_` and options of the network.

    Raises:
        ValueError: the box has nothing for the network, or has it for other options.
    """
    if weights == "none":
        return None
    if weights is not None and weights != "pretrained":
        return Path(weights).expanduser()
    found = find_pretrained(model["_target_"])
    if found is None and weights is None:
        return None
    if found is None:
        raise ValueError(
            f"weights=pretrained: the box has none for {model['_target_'].rpartition('.')[2]}, only for "
            f"{', '.join(sorted(file.stem for file in PRETRAINED_DIR.glob('*.json')))}; type weights=none or weights=FILE"
        )
    other = [f"model.{key}={model[key]}" for key, value in found.options.items() if model.get(key, value) != value]
    if other:
        made_for = ", ".join(f"model.{key}={value}" for key, value in found.options.items())
        raise ValueError(
            f"{', '.join(other)}: the weights in the box are for {made_for}; type weights=none to go without them, or "
            f"train such a network: chromahint train model={found.file.stem} {' '.join(other)}"
        )
    return found.file
