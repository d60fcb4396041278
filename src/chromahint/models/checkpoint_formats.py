"""Detect which network a state dict belongs to, from its tensor names and shapes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

StateDict = Mapping[str, Tensor]


@dataclass(frozen=True)
class DetectedArchitecture:
    """Architecture that a state dict matches.

    Attributes:
        name: Description of the network for messages.
        options: Overrides that build the network, such as `model=hscaunet` and `model.width=64`.
        image_size: Height and width, in pixels, that the released weights of this architecture were trained at; None
            if none were released.
        assumed: Description of the options that the weights do not determine; empty if they determine all of them.
    """

    name: str
    options: tuple[str, ...]
    image_size: int | None
    assumed: str


def detect(state: StateDict) -> DetectedArchitecture | None:
    """Return the Chromahint network that a state dict matches, or None."""
    for fmt in _FORMATS:
        if fmt.first_conv in state and fmt.signature_key in state and state[fmt.first_conv].ndim == 4:
            width = len(state[fmt.first_conv])
            options = (*fmt.options, *fmt.infer_options(state), f"model.width={width}")
            image_size = fmt.image_size if width in fmt.released_widths else None
            return DetectedArchitecture(fmt.name, options, image_size, fmt.assumed)
    return None


def _no_options(_: StateDict) -> tuple[str, ...]:
    return ()


def _mask_option(first_conv: str) -> Callable[[StateDict], tuple[str, ...]]:
    """Infer `model.mask` from the number of input channels: 3 without the mask, 4 with it."""
    return lambda state: ("model.mask=false" if state[first_conv].shape[1] == 3 else "model.mask=true",)


def _branch_options(state: StateDict) -> tuple[str, ...]:
    """Infer the blocks of each branch. Weights do not determine the dilations, so the published ones are assumed."""
    blocks_by_branch: dict[int, set[int]] = {}
    for name in state:
        if match := re.match(r"branches\.(\d{1,3})\.(\d{1,3})\.", name):
            blocks_by_branch.setdefault(int(match[1]), set()).add(int(match[2]))
    num_blocks = [len(blocks_by_branch[branch]) for branch in sorted(blocks_by_branch)]
    dilations = [[2, 2, 1]] if num_blocks == [3] else [[1 if i else 2] * n for i, n in enumerate(num_blocks)]
    has_hint_encoder = "hint_encoder.model1.0.weight" in state
    return (
        f"model.branches={json.dumps(dilations, separators=(',', ':'))}",
        f"model.hint_encoder={str(has_hint_encoder).lower()}",
    )


def _depth_option(state: StateDict) -> tuple[str, ...]:
    blocks = {match[1] for name in state if (match := re.match(r"blocks\.(\d{1,3})\.", name))}
    return (f"model.depth={len(blocks)}",)


def _semantic_options(state: StateDict) -> tuple[str, ...]:
    blocks = [name for name in state if re.fullmatch(r"semantic_encoder\.bottom\.\d{1,3}\.qkv\.weight", name)]
    width = len(state["semantic_encoder.input.weight"])
    return (f"model.attention_blocks={len(blocks)}", f"model.semantic_width={width}")


def _global_option(state: StateDict) -> tuple[str, ...]:
    return ("model.global_hints=true",) if "model_glob.0.weight" in state else ()


@dataclass(frozen=True)
class _Format:
    name: str
    options: tuple[str, ...]
    first_conv: str  # weight of the first convolution; its output channels are the width
    signature_key: str  # together with `first_conv`, a key that no other network has
    infer_options: Callable[[StateDict], tuple[str, ...]] = _no_options
    released_widths: tuple[int, ...] = ()
    image_size: int | None = None  # of the released weights
    assumed: str = ""


_FORMATS = (
    _Format(
        "HSCAU-Net with spatial attention in both places, as released",
        ("model=hscaunet", "model.channel_attention=spatial"),
        "inc.double_conv.0.weight",
        "up1.ch.conv1.weight",
        released_widths=(64,),
        image_size=256,
    ),
    _Format(
        "HSCAU-Net with CBAM channel attention",
        ("model=hscaunet", "model.channel_attention=cbam"),
        "inc.double_conv.0.weight",
        "up1.ch.fc1.weight",
    ),
    _Format(
        "Attention U-Net",
        ("model=attention_unet",),
        "inc.double_conv.0.weight",
        "up1.gate.skip.weight",
        _mask_option("inc.double_conv.0.weight"),
    ),
    _Format("U-Net", ("model=unet",), "inc.double_conv.0.weight", "up1.conv.double_conv.0.weight"),
    _Format(
        "Deep Residual U-Net with light residual units",
        ("model=resunet", "model.blocks=alresnet"),
        "encoder1.body.0.weight",
        "encoder2.body.0.0.weight",
        _mask_option("encoder1.body.0.weight"),
    ),
    _Format(
        "Deep Residual U-Net",
        ("model=resunet", "model.blocks=residual"),
        "encoder1.body.0.weight",
        "decoder3.body.0.weight",
        _mask_option("encoder1.body.0.weight"),
    ),
    _Format(
        "a multi-branch network of 2021",
        ("model=multibranch",),
        "model1.0.weight",
        "branches.0.0.0.weight",
        _branch_options,
        assumed="with the published dilations, which the weights do not determine",
    ),
    _Format(
        "iColoriT, as released",
        ("model=icolorit",),
        "patch_embed.proj.weight",
        "head.head.weight",
        _depth_option,
        released_widths=(192, 384, 768),
        image_size=224,
    ),
    _Format(
        "SpreadNet",
        ("model=spreadnet", "model.propagation_steps=4"),
        "pyramid.encoder.0.0.weight",
        "prior_attention.prior.weight",
        _semantic_options,
        assumed="with the default of 4 propagation steps, which the weights do not determine",
    ),
    _Format(
        "the network of Xiao et al. 2019",
        ("model=xiao2019",),
        "model1.0.weight",
        "theme.0.weight",
    ),
    _Format(
        "the network of Zhang et al. 2016 (eccv16)",
        ("model=zhang2016", "model.temperature=1"),
        "model1.0.weight",
        "model8.6.weight",
        released_widths=(64,),
        image_size=256,
        assumed="with temperature 1, as in the authors' program for these weights, which do not determine it",
    ),
    _Format(
        "the network of Zhang et al. 2017 (siggraph17)",
        ("model=zhang2017",),
        "model1.0.weight",
        "model_out.0.weight",
        _global_option,
        released_widths=(64,),
        image_size=256,
    ),
)
