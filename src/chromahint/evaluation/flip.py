"""FLIP, the difference that a viewer notices when two images alternate, by the package of its authors."""

from __future__ import annotations

import importlib.util

import torch
from torch import Tensor

from chromahint.visualization.hint_overlay import to_numpy_images


def flip(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the mean FLIP of each image (Andersson et al. 2020), at the package's default viewing distance.

    Args:
        prediction: B3HW uint8 RGB.
        target: B3HW uint8 RGB.

    Returns:
        B float32 in 0..1, 0 for equal images.

    Raises:
        ValueError: The package is not installed.
    """
    if importlib.util.find_spec("flip_evaluator") is None:
        raise ValueError(
            "protocol.extra_metrics=[flip]: the package flip-evaluator is not installed. "
            "Run pip install 'chromahint[flip]'."
        )
    import flip_evaluator

    pairs = zip(to_numpy_images(target), to_numpy_images(prediction), strict=True)
    options = {"inputsRGB": True, "applyMagma": False, "computeMeanError": True}
    means = [
        flip_evaluator.evaluate(*(image.astype("float32") / 255 for image in pair), "LDR", **options)[1]
        for pair in pairs
    ]
    return torch.tensor(means, dtype=torch.float32, device=target.device)
