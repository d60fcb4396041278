"""A network with its weights, ready to color."""

import pytest
import torch
from torch import nn

from chromahint.hints.hints import no_hints
from chromahint.inference.load import prepare_network, resolve_device
from chromahint.models.unet import UNet


def saved(tmp_path, seed=1):
    torch.manual_seed(seed)
    network = UNet(width=4, zero_init_head=False)
    file = tmp_path / "weights.pt"
    torch.save(network.state_dict(), file)
    return network.eval(), file


def test_colors_as_the_network_that_was_saved(tmp_path):
    trained, file = saved(tmp_path)
    ready = prepare_network(UNet(width=4), file, torch.device("cpu"))
    lightness = torch.rand(1, 1, 32, 32) * 100
    hints = no_hints(lightness)
    with torch.no_grad():
        torch.testing.assert_close(ready(lightness, hints), trained(lightness, hints))


def test_is_ready(tmp_path):
    ready = prepare_network(UNet(width=4), saved(tmp_path)[1], torch.device("cpu"))
    assert not ready.training
    assert not any(parameter.requires_grad for parameter in ready.parameters())


def test_without_weights_it_keeps_its_own():
    torch.manual_seed(2)
    network = UNet(width=4)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    after = prepare_network(network, None, torch.device("cpu")).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_checkpoint_of_a_run_fits(smoke_run):
    from chromahint.config.instantiate import instantiate_node
    from chromahint.runs.run import open_run

    run = open_run(smoke_run)
    network = instantiate_node(run.config["model"])
    ready = prepare_network(network, run.best_checkpoint, torch.device("cpu"))
    content = torch.load(run.best_checkpoint, weights_only=True)["state_dict"]
    for name, tensor in ready.state_dict().items():
        assert torch.equal(tensor, content[f"network.{name}"])


def test_weights_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"weights\.pt"):
        prepare_network(nn.Linear(2, 2), saved(tmp_path)[1], torch.device("cpu"))


def test_devices():
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("auto").type in ("cpu", "cuda", "mps", "xpu")


@pytest.mark.parametrize("wanted", ["abacus", "cuda:99", "cpu:x", ""])
def test_a_device_that_is_not_here(wanted):
    with pytest.raises(ValueError, match="type device=auto or device=cpu"):
        resolve_device(wanted)
