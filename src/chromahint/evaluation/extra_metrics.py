"""Perceptual metrics by the packages of their authors, which are optional."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from chromahint.visualization.hint_overlay import to_numpy_images

_PACKAGES = {"flip": "flip-evaluator", "lpips": "lpips"}


def flip(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the mean FLIP of each image (Andersson et al. 2020), at the package's default viewing distance.

    FLIP is the difference that a viewer notices when two images alternate.

    Args:
        prediction: B3HW uint8 RGB.
        target: B3HW uint8 RGB.

    Returns:
        B float32 in 0..1, 0 for equal images.

    Raises:
        ValueError: The package is not installed.
    """
    require_package("flip")
    import flip_evaluator

    pairs = zip(to_numpy_images(target), to_numpy_images(prediction), strict=True)
    options = {"inputsRGB": True, "applyMagma": False, "computeMeanError": True}
    means = [
        flip_evaluator.evaluate(*(image.astype("float32") / 255 for image in pair), "LDR", **options)[1]
        for pair in pairs
    ]
    return torch.tensor(means, dtype=torch.float32, device=target.device)


def lpips(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the LPIPS of each image (Zhang et al. 2018), version 0.1 with AlexNet: a distance of deep features.

    The package downloads the weights of AlexNet when it is first used.

    Args:
        prediction: B3HW uint8 RGB.
        target: B3HW uint8 RGB.

    Returns:
        B float32, 0 for equal images.

    Raises:
        ValueError: The package is not installed.
    """
    require_package("lpips")
    with torch.autocast(target.device.type, enabled=False):
        pair = (image.float() / 127.5 - 1 for image in (prediction, target))
        distance: Tensor = _lpips_network(target.device)(*pair)
    return distance.flatten()


@functools.cache
def _lpips_network(device: torch.device) -> Any:
    import lpips

    # created outside of inference mode, its weights can be used inside and outside
    with torch.inference_mode(mode=False):
        return lpips.LPIPS(net="alex", verbose=False).eval().requires_grad_(False).to(device)


def require_package(metric: str) -> None:
    """Raise ValueError unless the package of a metric is installed."""
    package = _PACKAGES[metric]
    if importlib.util.find_spec(package.replace("-", "_")) is None:
        raise ValueError(
            f"protocol.extra_metrics=[{metric}]: the package {package} is not installed. "
            f"Run pip install 'chromahint[{metric}]'."
        )


EXTRA_METRICS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"flip": flip, "lpips": lpips}
"""Metric of each image by name: (prediction, target), B3HW uint8 RGB each -> B float32."""
