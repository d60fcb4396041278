"""Networks are detected from weights, and ambiguous options from natural photos."""

import pytest
import torch

from chromahint.inference.detect_architecture import detect_architecture, infer_option
from chromahint.models.hscaunet import HSCAUNet
from chromahint.models.pullpush import PullPush
from chromahint.models.resunet import ResUNet

CPU = torch.device("cpu")


class Trained(torch.nn.Module):
    """Colors well with the mask offset that it was trained with, and worse with others."""

    def __init__(self, trained_with, error, mask_offset=0.25):
        super().__init__()
        self.mask_offset, self.trained_with, self.error = mask_offset, trained_with, error

    def forward(self, lightness, hints):
        return PullPush()(lightness, hints) + self.error * (self.mask_offset - self.trained_with)


@pytest.mark.parametrize("trained_with", [0.0, 0.5])
def test_mask_offset_of_the_training_is_inferred(trained_with):
    network = Trained(trained_with, error=50.0)
    inferred = infer_option(network, "mask_offset", 64, CPU)
    assert inferred.value == trained_with
    assert f"mask offset {trained_with:g}: natural photos have a smaller error than with {0.5 - trained_with:g}" in (
        inferred.reason
    )
    assert network.mask_offset == 0.25


@pytest.mark.parametrize("current", [0.0, 0.5])
def test_current_value_is_kept_if_both_perform_equally(current):
    inferred = infer_option(Trained(0.0, error=0.0, mask_offset=current), "mask_offset", 64, CPU)
    assert inferred.value == current
    assert "the same error" in inferred.reason


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("trained_with", ["linear", "tanh"])
def test_output_activation_of_the_training_is_inferred(trained_with, mask):
    weights = ResUNet(width=4, mask=mask, output=trained_with).state_dict()
    network = ResUNet(width=4, mask=mask)
    network.load_state_dict(weights)
    inferred = infer_option(network.eval(), "output", 64, CPU)
    assert inferred.value == trained_with
    assert inferred.reason.startswith(f"output {trained_with}: natural photos have a smaller error than with ")
    assert network.output == "linear"


@pytest.mark.parametrize(("width", "image_size"), [(64, 256), (4, None)])
def test_image_size_is_known_for_released_weights(tmp_path, width, image_size):
    with torch.device("meta"):
        like = HSCAUNet(width=width, channel_attention="spatial").state_dict()
    torch.save({name: torch.zeros(()).expand(tensor.shape) for name, tensor in like.items()}, tmp_path / "w.pth")
    assert detect_architecture(tmp_path / "w.pth").image_size == image_size


def test_error_for_unknown_networks(tmp_path):
    torch.save(torch.nn.Linear(2, 3).state_dict(), tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"none of Chromahint's networks.*model=NAME"):
        detect_architecture(tmp_path / "w.pth")
