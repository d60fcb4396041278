"""Which network a set of weights belongs to, told from its names and shapes alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Recognised:
    """What weights look like.

    Attributes:
        name: in words, for a message.
        options: the choices that build their network, such as `model=hscaunet` and `model.width=64`.
        side: height and width in pixels of the squashed pictures that released weights of this form were made for;
            None where there are none.
    """

    name: str
    options: tuple[str, ...]
    side: int | None


def recognise(state: State) -> Recognised | None:
    """Tell which of Chromahint's networks the weights fit; None for a stranger's."""
    for layout in _LAYOUTS:
        if layout.first in state and layout.also in state and state[layout.first].ndim == 4:
            width = len(state[layout.first])
            options = (*layout.options, *layout.more(state), f"model.width={width}")
            return Recognised(layout.name, options, layout.side if width in layout.released else None)
    return None


def _nothing(_: State) -> tuple[str, ...]:
    return ()


def _residual_inputs(state: State) -> tuple[str, ...]:
    return ("model.mask=false",) if state["encoder1.body.0.weight"].shape[1] == 3 else ("model.mask=true",)


@dataclass(frozen=True)
class _Layout:
    name: str
    options: tuple[str, ...]
    first: str  # the first convolution, whose outputs are the width
    also: str  # with it, what no other network has
    more: Callable[[State], tuple[str, ...]] = _nothing
    released: tuple[int, ...] = ()  # widths that released weights have
    side: int | None = None  # and their pictures


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
    _Layout("U-Net", ("model=unet",), "inc.double_conv.0.weight", "up1.conv.double_conv.0.weight"),
    _Layout(
        "Deep Residual U-Net", ("model=resunet",), "encoder1.body.0.weight", "decoder3.body.0.weight", _residual_inputs
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
