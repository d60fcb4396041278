"""Pretrained weights that ship with the package, in the folder `pretrained/`.

The weights of the network in `models/NAME.py` consist of `pretrained/NAME.safetensors`, a description in
`pretrained/NAME.json` and a model card in `pretrained/NAME.md`.
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
    """Pretrained weights of a network.

    Attributes:
        file: Path of the weights.
        options: Options of the network that the weights were trained with.
        trained_on: Description of the training data.
    """

    file: Path
    options: Mapping[str, Any]
    trained_on: str


def find_pretrained(target: str) -> PretrainedWeights | None:
    """Return the pretrained weights for a class such as `chromahint.models.unet.UNet`, if it has any."""
    package, _, name = target.rpartition(".")[0].rpartition(".")
    description_file = PRETRAINED_DIR / f"{name}.json"
    if package != __package__ or not description_file.is_file():
        return None
    description = json.loads(description_file.read_text(encoding="utf-8"))
    file = description_file.with_suffix(".safetensors")
    return PretrainedWeights(file, description["options"], description["trained_on"])


def resolve_weights_file(weights: str | None, model: Mapping[str, Any]) -> Path | None:
    """Return the file that `weights=` refers to, or None for no weights.

    Args:
        weights: `none`, `pretrained` or the path of a file. None means `pretrained` if the network has pretrained
            weights, else `none`.
        model: `_target_` and options of the network.

    Raises:
        ValueError: The network has no pretrained weights, or only for other options.
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
            f"weights=pretrained: {model['_target_'].rpartition('.')[2]} has no pretrained weights, only "
            f"{', '.join(sorted(file.stem for file in PRETRAINED_DIR.glob('*.json')))} has. Use weights=none or the "
            "path of a weights file."
        )
    changed = [f"model.{key}={model[key]}" for key, value in found.options.items() if model.get(key, value) != value]
    if changed:
        expected = ", ".join(f"model.{key}={value}" for key, value in found.options.items())
        raise ValueError(
            f"{', '.join(changed)}: the pretrained weights require {expected}. Use weights=none for a network without "
            f"weights, or train it: chromahint train model={found.file.stem} {' '.join(changed)}"
        )
    return found.file
