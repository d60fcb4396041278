"""A network ready to colour, from what a person names: the weights in the package, a run, a file, or a method."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from chromahint.config.build import build
from chromahint.config.folders import see_own_networks
from chromahint.inference.of_weights import Say, compose_for_weights, nodes_of
from chromahint.inference.ready import make_ready
from chromahint.models.boxed import in_box
from chromahint.models.levin import Levin
from chromahint.models.pullpush import PullPush
from chromahint.models.spreadnet import SpreadNet
from chromahint.runs.folder import open_run

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
        source: box, levin, pullpush, the folder of a run, or a file of weights.
        device: where it is to run.
        say: told what was found.

    Raises:
        ValueError: there is no such source, or it can't be used.
    """
    if source == "box":
        boxed = in_box(f"{SpreadNet.__module__}.{SpreadNet.__name__}")
        assert boxed is not None
        say(f"spreadnet: the weights in the box, trained on {boxed.trained_on}")
        return _loaded(SpreadNet(**boxed.options), boxed.file, "spreadnet", device)
    if source in UNTRAINED:
        return _loaded(UNTRAINED[str(source)](), None, str(source), device)
    path = Path(source).expanduser()
    if not path.exists():
        raise ValueError(
            f"{source}: there is no such run or file of weights; allowed are box, {', '.join(UNTRAINED)}, the folder "
            "of a run such as runs/NAME/DATE, and a file of weights"
        )
    see_own_networks()
    if path.is_dir():
        run = open_run(path)
        node, file, side = nodes_of(run, "model")["model"], run.weights, None
        say(f"{path.name}: {file.name} of the run")
    else:
        config = compose_for_weights(path, [f"device={device}"], say).config
        node, file, side = config["model"], path, config["side"]
    return _loaded(build(node), file, path.name, device, side)


def _loaded(
    network: nn.Module, weights: Path | None, name: str, device: torch.device, side: int | None = None
) -> Loaded:
    size = _SPREADNET if isinstance(network, SpreadNet) else _OTHERS
    ready = make_ready(network, weights, device)
    return Loaded(ready, name, size if side is None else side, square=side is not None)
