"""Methods of a benchmark: what their results depend on, and the loaded network with its cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from chromahint.inference.exported_folder import CONFIG, WEIGHTS, is_exported_folder
from chromahint.inference.load import load_network
from chromahint.models.gray_baseline import GrayBaseline
from chromahint.models.pretrained import find_pretrained
from chromahint.models.registry import BASELINES, count_gmac
from chromahint.runs.files import file_hash, read_json
from chromahint.runs.run import open_run


class LoadedMethod(NamedTuple):
    """A method that is ready to color.

    Attributes:
        network: Network in eval mode.
        device: Its device.
        parameters: Number of parameters; None if they cannot be counted.
        gmac: Multiply-adds, in billions, to color one image of 256x256 pixels; None if they cannot be counted.
    """

    network: nn.Module
    device: torch.device
    parameters: int | None
    gmac: float | None


def identify_method(source: str) -> dict[str, Any]:
    """Return what the results of a method depend on: options of the network, and a hash of its weights.

    Args:
        source: pretrained, levin, pullpush, gray, a run folder, a weights file, an exported folder or an .onnx file.

    Raises:
        ValueError: There is no such method.
    """
    if source in BASELINES:
        return {"model": source, "weights": None}
    if (pretrained := find_pretrained(source)) is not None:
        return {"model": pretrained.model, "weights": file_hash(pretrained.file)}
    path = Path(source).expanduser()
    if is_exported_folder(path):
        about = read_json(path / CONFIG)
        model = {key: about.get(key) for key in ("network", "options", "side")}
        return {"model": model, "weights": file_hash(path / WEIGHTS)}
    if path.is_dir():
        run = open_run(path)
        return {"model": run.config.get("model"), "weights": file_hash(run.best_checkpoint)}
    if not path.is_file():
        raise ValueError(
            f"{source}: not found. Use pretrained, a run folder, a weights file, an exported folder, an .onnx file, or "
            f"one of {', '.join(BASELINES)}."
        )
    folder = path.absolute().parent.parent
    if (folder / "run.json").is_file():
        return {"model": open_run(folder).config.get("model"), "weights": file_hash(path)}
    return {"model": path.suffix.removeprefix("."), "weights": file_hash(path)}


def load_method(source: str, device: torch.device) -> LoadedMethod:
    """Load a method and count its cost.

    Args:
        source: As for `identify_method`.
        device: Device of the network; ONNX files run on the CPU.

    Raises:
        ValueError: There is no such method, or it can't be used.
    """
    if source in BASELINES:
        # operations of a solver depend on the image, and are not comparable to those of a network
        network = GrayBaseline() if source == "gray" else load_network(source, device).network
        return LoadedMethod(network.eval(), device, 0, None)
    network = load_network(source, device).any_size_network
    if Path(source).suffix == ".onnx":
        return LoadedMethod(network, torch.device("cpu"), None, None)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    with torch.device(device):
        return LoadedMethod(network.eval(), device, parameters, count_gmac(network))
