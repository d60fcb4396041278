"""`python -m support.minimum_width NAME...` computes gradients of each network at width 4, and prints its name."""

import sys

import torch

from chromahint.config.compose import compose
from chromahint.config.instantiate import instantiate_node
from chromahint.hints.hints import no_hints


def compute_gradients(name):
    network = instantiate_node(compose("train", [f"model={name}", "model.width=4"]).config["model"])
    network.to(memory_format=torch.channels_last)
    for _ in range(6):
        lightness = torch.rand(2, 1, 64, 64) * 100
        network(lightness, no_hints(lightness)).square().mean().backward()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        compute_gradients(name)
        print(name)
