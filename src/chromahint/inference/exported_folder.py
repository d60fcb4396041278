"""A network as a folder: `model.safetensors`, `config.json` and a model card, which anybody can open or pass on."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
from torch import Tensor, nn

from chromahint.models.registry import create_model
from chromahint.models.state_dict import load_weights
from chromahint.runs.files import read_json

FORMAT = "chromahint-network/1"
WEIGHTS, CONFIG, MODEL_CARD = "model.safetensors", "config.json", "README.md"
FILES = (WEIGHTS, CONFIG, MODEL_CARD)


class ExportedFolder(NamedTuple):
    """What lies in a folder.

    Attributes:
        network: with its weights, in evaluation mode on the processor, for images of any size.
        name: of the network, such as `unet`.
        options: that it was built with.
        side: of the square that its images are to be squashed to (see `FixedSizeWrapper`); None where they are not.
        about: everything that config.json says.
    """

    network: nn.Module
    name: str
    options: dict[str, Any]
    input_size: int | None
    metadata: dict[str, Any]


def is_exported_folder(path: Path) -> bool:
    """Tell whether a folder looks like one that `write_folder` made."""
    return (path / CONFIG).is_file() and (path / WEIGHTS).is_file()


def open_exported_folder(path: str | Path) -> ExportedFolder:
    """Open a folder that `chromahint export --format safetensors` wrote.

    Only Chromahint's own networks are built, and nothing but tensors is read.

    Raises:
        ValueError: it is none, names another network, or its weights don't fit.
    """
    folder = Path(path).expanduser()
    if not is_exported_folder(folder):
        raise ValueError(f"{path}: is no exported network: it has no {CONFIG} and {WEIGHTS}; see chromahint export")
    about = read_json(folder / CONFIG)
    if about.get("format") != FORMAT:
        raise ValueError(f"{folder / CONFIG}: has format {about.get('format')!r:.80}, this version reads {FORMAT}")
    name, options, side = about.get("network"), about.get("options"), about.get("side")
    whole = side is None or (isinstance(side, int) and not isinstance(side, bool) and side > 0)
    if not (isinstance(name, str) and isinstance(options, dict) and whole):
        raise ValueError(
            f"{folder / CONFIG}: network is a name, options an object, and side a number of pixels or null"
        )
    try:
        network = create_model(name, options)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{folder / CONFIG}: {error}") from None
    load_weights(network, folder / WEIGHTS)
    return ExportedFolder(network.eval().requires_grad_(False), name, options, side, about)


def write_exported_folder(folder: Path, network: nn.Module, metadata: Mapping[str, Any], card: str) -> None:
    """Write a folder, whole or not at all.

    Args:
        folder: new, or one that was written before and holds nothing else.
        network: one of Chromahint's.
        metadata: Content of config.json in addition to its format: `network`, `options`, `side`, and more.
        card: the text of README.md.

    Raises:
        ValueError: it holds other things.
        OSError: it cannot be written.
    """
    check_output_folder(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        safetensors.torch.save_file(_tensors(network), made / WEIGHTS, metadata={"format": "pt"})
        (made / CONFIG).write_text(json.dumps({"format": FORMAT, **metadata}, indent=2) + "\n", encoding="utf-8")
        (made / MODEL_CARD).write_text(card, encoding="utf-8")
        made.chmod(0o755)
        for name in FILES:
            (made / name).chmod(0o644)
        if folder.is_dir():
            for name in FILES:
                (made / name).replace(folder / name)
        else:
            made.rename(folder)
    except safetensors.SafetensorError as error:
        raise OSError(0, str(error), str(folder)) from None
    finally:
        shutil.rmtree(made, ignore_errors=True)


def check_output_folder(folder: Path) -> None:
    """Refuse a folder that holds other things.

    Raises:
        ValueError: it does, or is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: is a file; safetensors are exported as a folder: type -o FOLDER")
    others = sorted({file.name for file in folder.iterdir()} - set(FILES)) if folder.is_dir() else []
    if others:
        raise ValueError(f"{folder}: holds other things ({', '.join(others[:3])}); type -o with a new folder")


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    """Weights by name as `HubNetwork` has them; those with two names are stored under the first."""
    found: dict[int, tuple[str, Tensor]] = {}
    for name, tensor in network.state_dict(keep_vars=True).items():
        found.setdefault(id(tensor), (f"network.{name}", tensor.detach().contiguous()))
    return dict(found.values())
