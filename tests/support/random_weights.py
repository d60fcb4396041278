"""Weights that say something everywhere: every number is drawn, so that none is where it starts."""

import torch


def random_state(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights that keep signals about as large as they came; scales and statistics between 0.5 and 1."""
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


def disturbed_state(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The same for networks whose scales and biases mean something: those stay within 0.25 of where they start."""
    start = network.state_dict()
    return {
        key: start[key] + value - 0.75 if value.ndim == 1 else value for key, value in random_state(network).items()
    }
