"""Optimizers, compared with those of PyTorch."""

from copy import deepcopy

import pytest
import torch
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import nn

from chromahint.training.muon import orthogonalize
from chromahint.training.optimizers import adam, adamw, muon, sgd


def network():
    torch.manual_seed(5)
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.GroupNorm(1, 4), nn.Conv2d(4, 1, 1))


def train(optimizer, net, steps=4):
    generator = torch.Generator().manual_seed(6)
    for _ in range(steps):
        optimizer.zero_grad()
        net(torch.randn(2, 2, 8, 8, generator=generator)).square().mean().backward()
        optimizer.step()
    return [parameter.detach() for parameter in net.parameters()]


@pytest.mark.parametrize(
    ("ours", "reference"),
    [
        (
            lambda p: adam(p, lr=0.01, betas=[0.5, 0.999]),
            lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.5, 0.999), foreach=False),
        ),
        (
            lambda p: adam(p, lr=0.01, betas=[0.9, 0.99], eps=1e-3),
            lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.9, 0.99), eps=1e-3, foreach=False),
        ),
        (
            lambda p: sgd(p, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
            lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True, foreach=False),
        ),
    ],
)
def test_steps_match_torch(ours, reference):
    net, reference_net = network(), network()
    before = [parameter.detach().clone() for parameter in net.parameters()]
    after = train(ours(net.named_parameters()), net)
    expected = train(reference(reference_net.parameters()), reference_net)
    for old, new, target in zip(before, after, expected, strict=True):
        assert not torch.equal(old, new)
        torch.testing.assert_close(new, target, rtol=1e-4, atol=1e-6)


def test_adamw_excludes_biases_and_norms_from_weight_decay():
    net, reference = network(), network()
    after = train(adamw(net.named_parameters(), lr=0.01, betas=[0.9, 0.95], weight_decay=0.5), net)
    weights = [reference[0].weight, reference[2].weight]
    excluded = [reference[0].bias, *reference[1].parameters(), reference[2].bias]
    groups = [{"params": weights, "weight_decay": 0.5}, {"params": excluded, "weight_decay": 0.0}]
    expected = train(torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.95), foreach=False), reference)
    for new, target in zip(after, expected, strict=True):
        torch.testing.assert_close(new, target, rtol=1e-4, atol=1e-6)


def test_adamw_excludes_biases_of_any_shape():
    parameters = {"weight": nn.Parameter(torch.ones(3, 3)), "head.q_bias": nn.Parameter(torch.ones(1, 3, 1))}
    optimizer = adamw(parameters.items(), lr=0.1, betas=[0.9, 0.999], weight_decay=0.1)
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert decays == {id(parameters["weight"]): 0.1, id(parameters["head.q_bias"]): 0.0}


def test_adamw_accepts_a_network_without_biases():
    optimizer = adamw(nn.Linear(2, 2, bias=False).named_parameters(), lr=0.1, betas=[0.9, 0.999], weight_decay=0.1)
    assert [len(group["params"]) for group in optimizer.param_groups] == [1]


def matrix_network():
    torch.manual_seed(7)
    return nn.Sequential(nn.Conv2d(2, 24, 3), nn.ReLU(), nn.Conv2d(24, 16, 1), nn.ReLU(), nn.Conv2d(16, 2, 1))


def test_muon_steps_match_torch():
    net, reference = matrix_network(), matrix_network()
    made = muon(net.named_parameters(), lr=0.01, momentum=0.9, weight_decay=0.1, betas=[0.9, 0.98])
    after = train(made, net)
    # both matrices of torch's optimizer are two-dimensional
    views = [nn.Parameter(reference[layer].weight.detach().flatten(1)) for layer in (0, 2)]
    others = [reference[0].bias, reference[2].bias, *reference[4].parameters()]
    options = {"momentum": 0.9, "weight_decay": 0.1, "adjust_lr_fn": "match_rms_adamw"}
    orthogonal = torch.optim.Muon(views, lr=0.01, **options)
    plain = torch.optim.AdamW(others, lr=0.01, betas=(0.9, 0.98), weight_decay=0.0, foreach=False)

    class Both:
        def zero_grad(self):
            reference.zero_grad()

        def step(self):
            for layer, view in zip((0, 2), views, strict=True):
                view.grad = reference[layer].weight.grad.flatten(1)
            orthogonal.step()
            plain.step()
            for layer, view in zip((0, 2), views, strict=True):
                reference[layer].weight.data.copy_(view.detach().view(reference[layer].weight.shape))

    expected = train(Both(), reference)
    for new, target in zip(after, expected, strict=True):
        # the reference computes in bf16
        torch.testing.assert_close(new, target, rtol=0.02, atol=2e-4)


def test_orthogonal_updates_have_singular_values_near_one():
    torch.manual_seed(8)
    for shape in ((24, 100), (100, 24), (48, 192)):
        before = torch.randn(shape) * torch.linspace(0.5, 2, shape[1])
        values = torch.linalg.svdvals(orthogonalize(before))
        assert torch.linalg.svdvals(before).max() > 5
        assert values.min() > 0.5
        assert values.max() < 1.3


MAKERS = [
    lambda p: muon(p, 0.01, 0.95, 0.05, [0.9, 0.98]),
    lambda p: adam(p, 0.01, [0.9, 0.999]),
    lambda p: adamw(p, 0.01, [0.9, 0.999], 0.05),
    lambda p: sgd(p, 0.01),
]


@pytest.mark.parametrize("make", MAKERS)
class TestEveryOptimizer:
    def test_frozen_parameters_are_skipped(self, make):
        net = network()
        net[0].requires_grad_(False)
        optimized = {id(p) for group in make(net.named_parameters()).param_groups for p in group["params"]}
        assert optimized == {id(p) for module in (net[1], net[2]) for p in module.parameters()}

    def test_network_without_parameters_is_reported(self, make):
        with pytest.raises(ValueError, match="has no trainable parameters"):
            make(nn.ReLU().named_parameters())

    def test_is_fused(self, make):
        assert all(group["fused"] for group in make(network().named_parameters()).param_groups)

    @pytest.mark.parametrize("resumed", [False, True])
    def test_gradient_clipping_works_with_mixed_precision(self, make, resumed):
        net = network()
        optimizer = make(net.named_parameters())
        train(optimizer, net)
        if resumed:
            optimizer.load_state_dict(optimizer.state_dict())
        MixedPrecision("bf16-mixed", "cpu").clip_gradients(optimizer, clip_val=1e-4)
        gradient = torch.cat([parameter.grad.flatten() for parameter in net.parameters()])
        assert gradient.norm().item() == pytest.approx(1e-4, rel=1e-3)

    def test_gradient_scaler_unscales(self, make):
        """A step on the scaled loss equals one on the plain loss; a step with infinite gradients is skipped."""
        nets = network(), network()
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        scaled, plain = (make(net.named_parameters()) for net in nets)
        photo = torch.randn(2, 2, 8, 8)
        scaler.scale(nets[0](photo).square().mean()).backward()
        nets[1](photo).square().mean().backward()
        scaler.step(scaled)
        plain.step()
        scaler.update()
        for one, other in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
        before = nets[0][0].weight.detach().clone()
        scaler.scale(nets[0](photo * torch.inf).sum()).backward()
        scaler.step(scaled)
        assert torch.equal(nets[0][0].weight, before)

    def test_resumes_from_state_dict(self, make):
        one, other = matrix_network(), matrix_network()
        optimizer = make(one.named_parameters())
        train(optimizer, one)
        other.load_state_dict(one.state_dict())
        resumed_optimizer = make(other.named_parameters())
        resumed_optimizer.load_state_dict(deepcopy(optimizer.state_dict()))
        for new, target in zip(train(resumed_optimizer, other), train(optimizer, one), strict=True):
            assert torch.equal(new, target)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: adam(p, lr=0.0, betas=[0.9, 0.999]), r"optimizer\.lr=0\.0: must be a number > 0"),
        (lambda p: adam(p, lr=float("nan"), betas=[0.9, 0.999]), r"optimizer\.lr=nan: must be a finite number > 0"),
        (lambda p: adam(p, lr=0.1, betas=[0.9]), r"optimizer\.betas=\[0\.9\]: must be a list \[\.\.\.\] of 2"),
        (lambda p: adamw(p, lr=0.1, betas=[0.9, 1.0], weight_decay=0), r"optimizer\.betas=\[0\.9, 1\.0\]: .* < 1"),
        (
            lambda p: adamw(p, lr=0.1, betas=[0.9, 0.95], weight_decay=-1),
            r"weight_decay=-1: must be a number >= 0",
        ),
        (lambda p: sgd(p, lr=0.1, momentum=1.0), r"optimizer\.momentum=1\.0: .* Try optimizer\.momentum=0\.9"),
        (lambda p: sgd(p, lr=0.1, momentum=0, nesterov=True), r"optimizer\.nesterov=false"),
    ],
)
def test_invalid_options_are_reported(make, message):
    with pytest.raises(ValueError, match=message):
        make(network().named_parameters())
