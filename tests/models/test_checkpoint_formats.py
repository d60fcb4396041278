"""Detection of networks from their weights; test_state_dict.py loads every network after detecting it."""

import pytest
import torch

from chromahint.models.checkpoint_formats import detect
from chromahint.models.hscaunet import HSCAUNet
from chromahint.models.resunet import ResUNet
from chromahint.models.spreadnet import SpreadNet
from chromahint.models.unet import UNet
from chromahint.models.xiao2019 import Xiao2019
from chromahint.models.zhang2016 import Zhang2016
from chromahint.models.zhang2017 import Zhang2017


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (lambda: HSCAUNet(width=8), ("model=hscaunet", "model.channel_attention=cbam", "model.width=8")),
        (
            lambda: HSCAUNet(width=64, channel_attention="spatial"),
            ("model=hscaunet", "model.channel_attention=spatial", "model.width=64"),
        ),
        (lambda: UNet(width=16), ("model=unet", "model.width=16")),
        (
            lambda: ResUNet(width=16, mask=False),
            ("model=resunet", "model.blocks=residual", "model.mask=false", "model.width=16"),
        ),
        (
            lambda: ResUNet(width=16, blocks="alresnet"),
            ("model=resunet", "model.blocks=alresnet", "model.mask=true", "model.width=16"),
        ),
        (lambda: Zhang2016(width=32), ("model=zhang2016", "model.temperature=1", "model.width=32")),
        (lambda: Xiao2019(width=32), ("model=xiao2019", "model.width=32")),
        (
            lambda: Zhang2017(width=32, global_hints=True),
            ("model=zhang2017", "model.global_hints=true", "model.width=32"),
        ),
        (lambda: Zhang2017(width=32), ("model=zhang2017", "model.width=32")),
        (
            lambda: SpreadNet(width=8, propagation_steps=6, semantic_width=12, attention_blocks=3),
            (
                "model=spreadnet",
                "model.propagation_steps=4",
                "model.attention_blocks=3",
                "model.semantic_width=12",
                "model.width=8",
            ),
        ),
    ],
)
def test_options_are_detected_from_names_and_shapes(build, options):
    with torch.device("meta"):
        found = detect(build().state_dict())
    assert found is not None
    assert found.options == options


def test_unknown_weights_are_not_detected():
    assert detect(torch.nn.Linear(2, 3).state_dict()) is None
