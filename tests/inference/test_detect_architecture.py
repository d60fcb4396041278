"""Files of weights tell their network; natural photos tell what files do not say."""

import pytest
import torch

from chromahint.inference.detect_architecture import detect_architecture, infer_option
from chromahint.models.hscaunet import HSCAUNet
from chromahint.models.pullpush import PullPush
from chromahint.models.resunet import ResUNet

CPU = torch.device("cpu")


class Trained(torch.nn.Module):
    """Colors well where the mask channel has the center that it was trained with, and worse elsewhere."""

    def __init__(self, trained_with, harm, mask_offset=0.25):
        super().__init__()
        self.mask_offset, self.trained_with, self.harm = mask_offset, trained_with, harm

    def forward(self, lightness, hints):
        return PullPush()(lightness, hints) + self.harm * (self.mask_offset - self.trained_with)


@pytest.mark.parametrize("trained_with", [0.0, 0.5])
def test_the_center_that_weights_were_trained_with_is_found(trained_with):
    network = Trained(trained_with, harm=50.0)
    found = infer_option(network, "mask_offset", 64, CPU)
    assert found.value == trained_with
    assert f"mask center {trained_with:g}: natural photos come out closer than with {0.5 - trained_with:g}" in (
        found.reason
    )
    assert network.mask_offset == 0.25


@pytest.mark.parametrize("came", [0.0, 0.5])
def test_where_both_do_the_same_it_stays_as_it_came(came):
    found = infer_option(Trained(0.0, harm=0.0, mask_offset=came), "mask_offset", 64, CPU)
    assert found.value == came
    assert "alike" in found.reason


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("trained_with", ["linear", "tanh"])
def test_the_end_that_weights_were_trained_with_is_found(trained_with, mask):
    weights = ResUNet(width=4, mask=mask, output=trained_with).state_dict()
    network = ResUNet(width=4, mask=mask)
    network.load_state_dict(weights)
    found = infer_option(network.eval(), "output", 64, CPU)
    assert found.value == trained_with
    assert found.reason.startswith(f"output {trained_with}: natural photos come out closer than with ")
    assert network.output == "linear"


@pytest.mark.parametrize(("width", "side"), [(64, 256), (4, None)])
def test_the_side_is_that_of_released_weights(tmp_path, width, side):
    with torch.device("meta"):
        like = HSCAUNet(width=width, channel_attention="spatial").state_dict()
    torch.save({name: torch.zeros(()).expand(tensor.shape) for name, tensor in like.items()}, tmp_path / "w.pth")
    assert detect_architecture(tmp_path / "w.pth").image_size == side


def test_a_stranger_is_refused_with_what_to_type(tmp_path):
    torch.save(torch.nn.Linear(2, 3).state_dict(), tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"none of Chromahint's networks.*model=NAME"):
        detect_architecture(tmp_path / "w.pth")
