"""Hints for training that answer the network's own mistakes, as those of a person do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor, nn

from chromahint.color import lab_to_rgb8
from chromahint.evaluation.hint_counts import EncodedImages
from chromahint.evaluation.protocols.base import LabImages
from chromahint.evaluation.protocols.clicks import Clicks
from chromahint.hints.hints import Hints, concatenate_hints, select_hints
from chromahint.hints.samplers import Sampler
from chromahint.ranges import Probability, validate_arguments


@validate_arguments("hints")
@dataclass(frozen=True)
class SelfPlay:
    """Adds clicks where the network's result is worst, to some of the images of a batch.

    Args:
        start: Sampler of all other hints, and of those that the clicks follow.
        probability: Share of the images of a batch that are clicked.
        max_clicks: The number of clicks in an image is uniform from 1 to this. Each takes another prediction.
    """

    start: Sampler
    probability: Probability = 0.25
    max_clicks: Annotated[int, Ge(1), Le(100)] = 6

    def __call__(self, ab: Tensor, generator: torch.Generator) -> Hints:
        """Sample the hints before the clicks; see `Sampler`."""
        return self.start(ab, generator)

    @torch.no_grad()
    def play(self, network: nn.Module, lightness: Tensor, ab: Tensor, generator: torch.Generator) -> Hints:
        """Sample hints, and click.

        Args:
            network: Network in training mode. Its layers predict in eval mode, so that their statistics do not change.
            lightness: B1HW in 0..100.
            ab: B2HW of the photos in Lab units.
            generator: Random generator on the device of `ab`.
        """
        hints = self.start(ab, generator)
        clicked = round(self.probability * len(ab))
        if clicked == 0:
            return hints
        num_clicks = torch.randint(1, self.max_clicks + 1, (clicked,), generator=generator, device=ab.device)
        protocol = Clicks(hint_counts=[0], size=ab.shape[-1])
        truth = LabImages(lightness[:clicked], ab[:clicked], lab_to_rgb8(lightness[:clicked], ab[:clicked]))
        current = hints.images(0, clicked)
        was_training = network.training
        for layer in network.children():  # the network itself still computes only what is trained
            layer.eval()
        images = EncodedImages(network, truth.lightness, timed=False)
        for click in range(self.max_clicks):  # to look at the largest number would make the host wait for a GPU
            result, _ = images.color(current)
            following = protocol.next_hints(truth._replace(ab=result), truth, current, images.expected_gain)
            current = select_hints(click < num_clicks, following, current)
        network.train(was_training)
        return concatenate_hints([current, hints.images(clicked)])
