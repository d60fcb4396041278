"""Self-play clicks where the network's own result is worst, in some of the images, and leaves the network as it was."""

import copy

import pytest
import skimage.data
import torch

from chromahint.color import rgb_to_lab
from chromahint.evaluation.hint_counts import evaluate_hint_counts
from chromahint.evaluation.protocols.clicks import Clicks
from chromahint.hints.samplers import FixedProbabilityPixels
from chromahint.models.gray_baseline import GrayBaseline
from chromahint.models.spreadnet import SpreadNet
from chromahint.training.lightning_module import ColorizationModule
from chromahint.training.losses import PSNR
from chromahint.training.self_play import SelfPlay

NO_HINTS = FixedProbabilityPixels([0.0])


@pytest.fixture(scope="module")
def rgb():
    photo = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1)
    return torch.stack([photo[:, top : top + 64, 180:244] for top in range(0, 384, 48)])


def test_share_and_number_of_clicks(rgb):
    lightness, ab = rgb_to_lab(rgb)
    sampler = SelfPlay(NO_HINTS, probability=0.5, max_clicks=3)
    counts = [
        sampler.play(GrayBaseline(), lightness, ab, torch.Generator().manual_seed(seed)).mask.sum(dim=(1, 2, 3))
        for seed in range(20)
    ]
    clicked, others = torch.stack(counts).split(4, dim=1)
    assert not others.any()
    assert clicked.min() == 1
    # a click may hit the same pixel again, because this network ignores its hints
    assert clicked.max() <= 3


def test_clicks_are_those_of_the_protocol(rgb):
    lightness, ab = rgb_to_lab(rgb)
    torch.manual_seed(0)
    network = SpreadNet(width=4, propagation_steps=1, semantic_width=8, attention_blocks=1).train()
    hints = SelfPlay(NO_HINTS, probability=1.0, max_clicks=4).play(
        network, lightness, ab, torch.Generator().manual_seed(0)
    )
    ids = [str(index) for index in range(len(rgb))]
    results = list(evaluate_hint_counts(network.eval(), rgb, ids, Clicks([0, 1, 4], size=64)))
    masks = torch.stack([result.hints.mask for result in results], dim=1)
    for image in range(len(rgb)):
        assert any(torch.equal(hints.mask[image], mask) for mask in masks[image, 1:])


def test_clicks_compute_only_what_is_trained(rgb, monkeypatch):
    lightness, ab = rgb_to_lab(rgb)
    network = SpreadNet(width=4, propagation_steps=1, semantic_width=8, attention_blocks=1, stage="cells").train()
    encoded = []
    monkeypatch.setattr(network.pyramid, "encode", lambda *inputs: encoded.append(inputs))
    SelfPlay(NO_HINTS, probability=1.0).play(network, lightness, ab, torch.Generator().manual_seed(0))
    assert encoded == []


def test_network_stays_as_it_was(rgb):
    lightness, ab = rgb_to_lab(rgb)
    network = SpreadNet(width=4, propagation_steps=1, semantic_width=8, attention_blocks=1).train()
    before = copy.deepcopy(network.state_dict())
    SelfPlay(NO_HINTS, probability=1.0).play(network, lightness, ab, torch.Generator().manual_seed(0))
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("stage", ["cells", "all"])
def test_training_step_with_self_play_and_auxiliary_losses(rgb, stage):
    torch.manual_seed(0)
    network = SpreadNet(width=4, propagation_steps=1, semantic_width=8, attention_blocks=1, stage=stage)
    module = ColorizationModule(network, loss=PSNR(), hints=SelfPlay(NO_HINTS, 0.5, 2)).train()
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=0.003)
    losses = []
    for _ in range(8):
        loss = module.compute_loss(rgb, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    trained = {name.split(".")[0] for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert ("pyramid" in trained) == (stage == "all")
    assert {"semantic_encoder", "prior_attention"} <= trained


def test_same_batch_gives_the_same_loss(rgb):
    torch.manual_seed(0)
    network = SpreadNet(width=4, propagation_steps=1, semantic_width=8, attention_blocks=1)
    module = ColorizationModule(network, loss=PSNR(), hints=SelfPlay(NO_HINTS, 0.5, 2)).train()
    first, second, other = module.compute_loss(rgb, 0), module.compute_loss(rgb, 0), module.compute_loss(rgb, 1)
    assert first == second
    assert first != other
