"""Which network a set of weights belongs to, told from its names and shapes alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class DetectedArchitecture:
    """What weights look like.

    Attributes:
        name: in words, for a message.
        options: the choices that build their network, such as `model=hscaunet` and `model.width=64`.
        side: height and width in pixels of the squashed pictures that released weights of this form were made for;
            None where there are none.
        assumed: in words, what the options say that is not in the weights; empty where nothing is.
    """

    name: str
    options: tuple[str, ...]
    side: int | None
    assumed: str


def detect(state: State) -> DetectedArchitecture | None:
    """Tell which of Chromahint's networks the weights fit; None for a stranger's."""
    for layout in _LAYOUTS:
        if layout.first in state and layout.also in state and state[layout.first].ndim == 4:
            width = len(state[layout.first])
            options = (*layout.options, *layout.more(state), f"model.width={width}")
            side = layout.side if width in layout.released else None
            return DetectedArchitecture(layout.name, options, side, layout.assumed)
    return None


def _nothing(_: State) -> tuple[str, ...]:
    return ()


def _inputs(first: str) -> Callable[[State], tuple[str, ...]]:
    """Three inputs are those of a network without a mask."""
    return lambda state: ("model.mask=false" if state[first].shape[1] == 3 else "model.mask=true",)


def _branches(state: State) -> tuple[str, ...]:
    """Blocks of each branch; how far they are dilated is not in the weights, and taken as published."""
    found: dict[int, set[int]] = {}
    for name in state:
        if match := re.match(r"branches\.(\d{1,3})\.(\d{1,3})\.", name):
            found.setdefault(int(match[1]), set()).add(int(match[2]))
    blocks = [len(found[branch]) for branch in sorted(found)]
    dilations = [[2, 2, 1]] if blocks == [3] else [[1 if at else 2] * n for at, n in enumerate(blocks)]
    encoder = "hint_encoder.model1.0.weight" in state
    return (
        f"model.branches={json.dumps(dilations, separators=(',', ':'))}",
        f"model.hint_encoder={str(encoder).lower()}",
    )


def _depth(state: State) -> tuple[str, ...]:
    blocks = {match[1] for name in state if (match := re.match(r"blocks\.(\d{1,3})\.", name))}
    return (f"model.depth={len(blocks)}",)


@dataclass(frozen=True)
class _Layout:
    name: str
    options: tuple[str, ...]
    first: str  # the first convolution, whose outputs are the width
    also: str  # with it, what no other network has
    more: Callable[[State], tuple[str, ...]] = _nothing
    released: tuple[int, ...] = ()  # widths that released weights have
    side: int | None = None  # and their pictures
    assumed: str = ""


_LAYOUTS = (
    _Layout(
        "HSCAU-Net with spatial attention in both places, as released",
        ("model=hscaunet", "model.channel_attention=spatial"),
        "inc.double_conv.0.weight",
        "up1.ch.conv1.weight",
        released=(64,),
        side=256,
    ),
    _Layout(
        "HSCAU-Net with CBAM channel attention",
        ("model=hscaunet", "model.channel_attention=cbam"),
        "inc.double_conv.0.weight",
        "up1.ch.fc1.weight",
    ),
    _Layout(
        "Attention U-Net",
        ("model=attention_unet",),
        "inc.double_conv.0.weight",
        "up1.gate.skip.weight",
        _inputs("inc.double_conv.0.weight"),
    ),
    _Layout("U-Net", ("model=unet",), "inc.double_conv.0.weight", "up1.conv.double_conv.0.weight"),
    _Layout(
        "Deep Residual U-Net",
        ("model=resunet",),
        "encoder1.body.0.weight",
        "decoder3.body.0.weight",
        _inputs("encoder1.body.0.weight"),
    ),
    _Layout(
        "a multi-branch network of 2021",
        ("model=multibranch",),
        "model1.0.weight",
        "branches.0.0.0.weight",
        _branches,
        assumed="dilated as published",
    ),
    _Layout(
        "iColoriT, as released",
        ("model=icolorit",),
        "patch_embed.proj.weight",
        "head.head.weight",
        _depth,
        released=(192, 384, 768),
        side=224,
    ),
    _Layout(
        "SpreadNet",
        ("model=spreadnet", "model.propagation_steps=4"),
        "down.0.0.weight",
        "far.judge.0.weight",
        assumed="taking the default of 4 steps, which weights do not tell",
    ),
    _Layout(
        "the network of Zhang et al. 2017 (siggraph17)",
        ("model=zhang2017",),
        "model1.0.weight",
        "model10up.0.weight",
        released=(64,),
        side=256,
    ),
)
