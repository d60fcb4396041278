"""A network ready to colour, from what a person names: the box, a run, a file of weights, an export, or a method."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from chromahint.config.build import build
from chromahint.config.folders import see_own_networks
from chromahint.inference.hub_folder import is_folder, open_folder
from chromahint.inference.opening import open_network
from chromahint.inference.ready import make_ready
from chromahint.models.levin import Levin
from chromahint.models.pullpush import PullPush

Say = Callable[[str], None]
"""Told, in a sentence, what was found."""

UNTRAINED: dict[str, type[nn.Module]] = {"levin": Levin, "pullpush": PullPush}
_SPREADNET = 512
_OTHERS = 256
"""Pixels that networks see are about the square of these: more made no photo closer (benchmarks/README.md)."""


class Loaded(NamedTuple):
    """A network, and how it likes its pictures.

    Attributes:
        network: ready to colour.
        name: in short.
        size: it is to see about size x size pixels.
        square: whether pictures are to be squashed to that.
    """

    network: nn.Module
    name: str
    size: int
    square: bool = False


def load_network(source: str | Path, device: torch.device, say: Say = lambda sentence: None) -> Loaded:
    """Make a network ready.

    Args:
        source: box, levin, pullpush, the folder of a run, a file of weights, or what `chromahint export` wrote: a
            folder of safetensors or an ONNX file.
        device: where it is to run; ONNX files run on the processor.
        say: told what was found.

    Raises:
        ValueError: there is no such source, or it can't be used.
    """
    if source in UNTRAINED:
        return _loaded(UNTRAINED[str(source)](), str(source), None, device)
    path = Path(source).expanduser()
    if source != "box" and not path.exists():
        raise ValueError(
            f"{source}: there is no such run or file of weights; allowed are box, {', '.join(UNTRAINED)}, the folder "
            "of a run such as runs/NAME/DATE, a file of weights, and what `chromahint export` wrote"
        )
    if path.suffix == ".onnx":
        from chromahint.inference.onnx_network import OnnxNetwork

        network = OnnxNetwork(path)
        say(f"{path.name}: {network.name}, run by ONNX Runtime")
        return _loaded(network, network.name, None, torch.device("cpu"))
    if is_folder(path):
        folder = open_folder(path)
        say(f"{path.name}: {folder.name}, as it was exported")
        return _loaded(folder.network, folder.name, folder.side, device)
    see_own_networks()
    opened = open_network(str(source), build)
    for sentence in opened.said:
        say(sentence)
    return _loaded(opened.network, opened.name, opened.side, device)


def _loaded(network: nn.Module, name: str, side: int | None, device: torch.device) -> Loaded:
    size = _SPREADNET if name == "spreadnet" else _OTHERS
    ready = make_ready(network, None, device)
    return Loaded(ready, name, size if side is None else side, square=side is not None)
