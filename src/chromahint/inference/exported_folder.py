"""Exported networks: folders with `model.safetensors`, `config.json` and a model card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
from torch import Tensor, nn

from chromahint.atomic_write import name_file_in_errors
from chromahint.models.registry import create_model
from chromahint.models.state_dict import check_room, load_weights
from chromahint.runs.files import read_json

EXPORT_FORMAT = "chromahint-network/1"
WEIGHTS, CONFIG, MODEL_CARD = "model.safetensors", "config.json", "README.md"
EXPORTED_FILES = (WEIGHTS, CONFIG, MODEL_CARD)


class ExportedFolder(NamedTuple):
    """Content of an exported folder.

    Attributes:
        network: Network with its weights, in eval mode on the CPU, for images of any size.
        name: Name of the network, such as `unet`.
        options: Constructor options of the network.
        input_size: Height and width that images must be squashed to (see `FixedSizeWrapper`), or None.
        metadata: Content of config.json.
    """

    network: nn.Module
    name: str
    options: dict[str, Any]
    input_size: int | None
    metadata: dict[str, Any]


def is_exported_folder(path: Path) -> bool:
    """Tell whether a folder has the files of an exported network."""
    return (path / CONFIG).is_file() and (path / WEIGHTS).is_file()


def open_exported_folder(path: str | Path) -> ExportedFolder:
    """Open a folder written by `chromahint export --format safetensors`.

    Only Chromahint's own networks are built, and only tensors are loaded, so untrusted folders are safe to open.

    Raises:
        ValueError: The folder is not an exported network, its network is unknown, or its weights don't fit.
    """
    folder = Path(path).expanduser()
    if not is_exported_folder(folder):
        raise ValueError(
            f"{path}: not an exported network: {CONFIG} or {WEIGHTS} is missing. "
            "Pass a folder written by `chromahint export --format safetensors`."
        )
    metadata = read_json(folder / CONFIG)
    if metadata.get("format") != EXPORT_FORMAT:
        raise ValueError(
            f"{folder / CONFIG}: has format {metadata.get('format')!r:.80}, but this version reads {EXPORT_FORMAT}. "
            "Export the network again."
        )
    name, options, input_size = metadata.get("network"), metadata.get("options"), metadata.get("side")
    valid_size = input_size is None or (
        isinstance(input_size, int) and not isinstance(input_size, bool) and input_size > 0
    )
    if not (isinstance(name, str) and isinstance(options, dict) and valid_size):
        raise ValueError(
            f"{folder / CONFIG}: network must be a name, options an object, and side a positive integer or null. "
            "Export the network again."
        )
    try:
        check_room(lambda: create_model(name, options), folder / WEIGHTS)
        network = create_model(name, options)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{folder / CONFIG}: {error}") from None
    load_weights(network, folder / WEIGHTS)
    return ExportedFolder(network.eval().requires_grad_(False), name, options, input_size, metadata)


def write_exported_folder(folder: Path, network: nn.Module, metadata: Mapping[str, Any], card: str) -> None:
    """Write a folder atomically.

    Args:
        folder: New folder, or an earlier export without other files.
        network: One of Chromahint's networks.
        metadata: Content of config.json, except the format: `network`, `options`, `side`, and more.
        card: Text of README.md.

    Raises:
        ValueError: The folder holds other files.
        WriteError: The folder can't be written.
    """
    check_output_folder(folder)
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)  # of a killed process
    try:
        with name_file_in_errors(folder):
            temporary.mkdir(parents=True)
            # safetensors' own writing of files does not say why it failed
            (temporary / WEIGHTS).write_bytes(safetensors.torch.save(_tensors(network), metadata={"format": "pt"}))
            text = json.dumps({"format": EXPORT_FORMAT, **metadata}, indent=2) + "\n"
            (temporary / CONFIG).write_text(text, encoding="utf-8")
            (temporary / MODEL_CARD).write_text(card, encoding="utf-8")
            if folder.is_dir():
                for name in EXPORTED_FILES:
                    (temporary / name).replace(folder / name)
            else:
                temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_output_folder(folder: Path) -> None:
    """Raise an error if a folder holds other files than an export.

    Raises:
        ValueError: The folder holds other files, or is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: is a file, but safetensors are exported as a folder. Use -o FOLDER.")
    others = sorted({file.name for file in folder.iterdir()} - set(EXPORTED_FILES)) if folder.is_dir() else []
    if others:
        raise ValueError(f"{folder}: holds other files ({', '.join(others[:3])}). Use -o NEW/FOLDER.")


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    """Return the tensors by name, as in `HubNetwork`. Shared tensors are stored once, under their first name."""
    tensors: dict[int, tuple[str, Tensor]] = {}
    for name, tensor in network.state_dict(keep_vars=True).items():
        tensors.setdefault(id(tensor), (f"network.{name}", tensor.detach().contiguous()))
    return dict(tensors.values())
