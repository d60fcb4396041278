"""Networks are prepared for inference: weights, device and eval mode."""

import pytest
import torch
from torch import nn

from chromahint.hints.hints import no_hints
from chromahint.inference.load import prepare_network, resolve_device
from chromahint.models.unet import UNet


def save_network(tmp_path, seed=1):
    torch.manual_seed(seed)
    network = UNet(width=4, zero_init_head=False)
    file = tmp_path / "weights.pt"
    torch.save(network.state_dict(), file)
    return network.eval(), file


def test_prediction_is_that_of_the_saved_network(tmp_path):
    trained, file = save_network(tmp_path)
    ready = prepare_network(UNet(width=4), file, torch.device("cpu"))
    lightness = torch.rand(1, 1, 32, 32) * 100
    hints = no_hints(lightness)
    with torch.no_grad():
        torch.testing.assert_close(ready(lightness, hints), trained(lightness, hints))


def test_network_is_in_eval_mode_and_frozen(tmp_path):
    ready = prepare_network(UNet(width=4), save_network(tmp_path)[1], torch.device("cpu"))
    assert not ready.training
    assert not any(parameter.requires_grad for parameter in ready.parameters())


def test_weights_are_kept_without_a_file():
    torch.manual_seed(2)
    network = UNet(width=4)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    after = prepare_network(network, None, torch.device("cpu")).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_checkpoint_of_a_run_is_loaded(smoke_run):
    from chromahint.config.instantiate import instantiate_node
    from chromahint.runs.run import open_run

    run = open_run(smoke_run)
    network = instantiate_node(run.config["model"])
    ready = prepare_network(network, run.best_checkpoint, torch.device("cpu"))
    content = torch.load(run.best_checkpoint, weights_only=True)["state_dict"]
    for name, tensor in ready.state_dict().items():
        assert torch.equal(tensor, content[f"network.{name}"])


def test_error_if_weights_do_not_fit(tmp_path):
    with pytest.raises(ValueError, match=r"weights\.pt"):
        prepare_network(nn.Linear(2, 2), save_network(tmp_path)[1], torch.device("cpu"))


def test_resolve_device():
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("auto").type in ("cpu", "cuda", "mps", "xpu")


@pytest.mark.parametrize("name", ["abacus", "cuda:99", "cpu:x", ""])
def test_error_if_a_device_is_not_available(name):
    with pytest.raises(ValueError, match="Use device=auto or device=cpu"):
        resolve_device(name)
