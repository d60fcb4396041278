"""Random state dicts, in which every weight differs from its initial value."""

import torch


def random_state(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return random weights that preserve the scale of signals; vectors, such as BatchNorm scales, are in 0.5..1."""
    generator = torch.Generator().manual_seed(1)
    state = {}
    for key, value in network.state_dict().items():
        if not value.is_floating_point():
            state[key] = value
        elif value.ndim > 1:
            state[key] = torch.randn(value.shape, generator=generator) * (1.5 / value[0].numel()) ** 0.5
        else:
            state[key] = torch.rand(value.shape, generator=generator) * 0.5 + 0.5
    return state


def perturbed_state(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return random weights, with vectors within 0.25 of their initial values, for networks that depend on them."""
    start = network.state_dict()
    return {
        key: start[key] + value - 0.75 if value.ndim == 1 else value for key, value in random_state(network).items()
    }
