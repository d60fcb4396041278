"""Pretrained weights that ship with the package, in the folder `pretrained/`.

Each consists of `pretrained/NAME.safetensors`, a description in `pretrained/NAME.json` and a model card in
`pretrained/NAME.md`. Those with the name of a network are its default weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chromahint.wandb_api.run_artifact import BEST_CHECKPOINT, download_run, is_wandb_run

PRETRAINED_DIR = Path(__file__).with_name("pretrained")
PRETRAINED = "pretrained"
"""Stands for the default weights of a network, and where no network is named, of SpreadNet."""


@dataclass(frozen=True)
class PretrainedWeights:
    """Pretrained weights of a network.

    Attributes:
        file: Path of the weights.
        model: Name of the network.
        options: Options of the network that the weights were trained with.
        trained_on: Description of the training data.
    """

    file: Path
    model: str
    options: Mapping[str, Any]
    trained_on: str

    @property
    def name(self) -> str:
        """Name of the weights."""
        return self.file.stem

    @property
    def card(self) -> str:
        """Text of the model card."""
        return self.file.with_suffix(".md").read_text(encoding="utf-8")


def list_pretrained() -> list[str]:
    """Return the names of all pretrained weights, sorted."""
    return sorted(file.stem for file in PRETRAINED_DIR.glob("*.json"))


def find_pretrained(source: str | Path) -> PretrainedWeights | None:
    """Return the pretrained weights of that name, or None for any other source; `pretrained` is `spreadnet`."""
    name = "spreadnet" if source == PRETRAINED else str(source)
    if name not in list_pretrained():
        return None
    file = PRETRAINED_DIR / f"{name}.safetensors"
    description = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    return PretrainedWeights(file, description["model"], description["options"], description["trained_on"])


def pretrained_of_file(file: Path | None) -> PretrainedWeights | None:
    """Return the pretrained weights of a file, or None if it is not one of the package."""
    return find_pretrained(file.stem) if file is not None and file.parent == PRETRAINED_DIR else None


def resolve_weights_file(weights: str | None, model: Mapping[str, Any]) -> Path | None:
    """Return the file that `weights=` refers to, or None for no weights.

    Args:
        weights: `none`, `pretrained`, a name of pretrained weights, or the path of a file or the name of a run on
            W&B (see `find_weights_file`). None means `pretrained` if
            the network has pretrained weights, else `none`.
        model: `_target_` and options of the network.

    Raises:
        ValueError: The file does not exist, or the package has no such weights for this network or for its options.
    """
    if weights == "none":
        return None
    package, _, module = model["_target_"].rpartition(".")[0].rpartition(".")
    network = module if package == __package__ else None
    found = find_pretrained(network or "" if weights in (None, PRETRAINED) else str(weights))
    if found is None and weights is None:
        return None
    if found is None and weights != PRETRAINED:
        return find_weights_file(str(weights))
    if found is None or found.model != network:
        models = sorted({each.model for name in list_pretrained() if (each := find_pretrained(name)) is not None})
        raise ValueError(
            f"weights={weights}: {model['_target_'].rpartition('.')[2]} has no pretrained weights, only "
            f"{', '.join(models)} has. Use weights=none or the path of a weights file."
        )
    changed = [f"model.{key}={model[key]}" for key, value in found.options.items() if model.get(key, value) != value]
    if changed:
        expected = ", ".join(f"model.{key}={value}" for key, value in found.options.items())
        raise ValueError(
            f"{', '.join(changed)}: the pretrained weights require {expected}. Use weights=none for a network without "
            f"weights, or train it: chromahint train model={found.model} {' '.join(changed)}"
        )
    return found.file


def find_weights_file(weights: str) -> Path:
    """Return the path of a weights file, or of the best weights of a run on W&B, named wandb:ENTITY/PROJECT/RUN.

    Raises:
        ValueError: There is no such file.
    """
    if is_wandb_run(weights):
        return download_run(weights) / BEST_CHECKPOINT
    file = Path(weights).expanduser()
    if not file.is_file():
        problem = "is a folder" if file.is_dir() else "file not found"
        names = ", ".join([PRETRAINED, *list_pretrained()])
        raise ValueError(f"weights={weights}: {problem}. Use none, {names}, or the path of a weights file.")
    return file
