"""Check of a device: does it compute what the CPU computes, and how fast does it train?

Shape suffixes: B batch, H height, W width.
"""

from __future__ import annotations

import copy
import itertools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from chromahint.color import rgb_to_lab
from chromahint.data.synthetic.scene import draw_scene
from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.models.registry import create_model
from chromahint.training.lightning_module import ColorizationModule
from chromahint.training.losses import Huber

FORWARD_LIMIT = {"float32": 0.05, "bfloat16": 2.0}
"""Largest mean difference of predicted ab from the CPU's in float32, in Lab units."""
LOSS_LIMIT = {"float32": 0.002, "bfloat16": 0.05}
"""Largest relative difference of a loss of the training steps."""
STEPS = 10
"""Training steps that are compared."""
_HINT_PROBABILITY = 0.01


@dataclass(frozen=True)
class Agreement:
    """How well a device agrees with the CPU in float32.

    Attributes:
        model: Name of the network.
        precision: `float32` or `bfloat16` of the device.
        forward: Mean difference of predicted ab, in Lab units.
        loss: Largest relative difference of a loss over the training steps.
    """

    model: str
    precision: str
    forward: float
    loss: float

    @property
    def passed(self) -> bool:
        """Whether both differences are within their limits."""
        return self.forward <= FORWARD_LIMIT[self.precision] and self.loss <= LOSS_LIMIT[self.precision]


@dataclass(frozen=True)
class Speed:
    """Training speed on one device.

    Attributes:
        model: Name of the network.
        images_per_second: Of Chromahint: uint8 images to the device, everything else there, mixed precision.
        usual: Of the usual way: Lab and hints in worker processes with OpenCV and NumPy, float32.
        compiled: Of the compiled network; None if it was not compiled.
        compile_seconds: Seconds of its first step.
    """

    model: str
    images_per_second: float
    usual: float
    compiled: float | None = None
    compile_seconds: float | None = None


def check_agreement(
    model: str, options: dict[str, Any], device: torch.device, size: int, batch: int
) -> list[Agreement]:
    """Compare prediction, loss, and ten training steps of a network with those of the CPU in float32."""
    rgb = _scenes(batch, size)
    lightness, ab = rgb_to_lab(rgb)
    mask = (torch.rand(batch, 1, size, size, generator=torch.Generator().manual_seed(0)) < 0.02).float()
    hints = hints_from_mask(ab, mask)
    torch.manual_seed(0)
    network = create_model(model, options)
    with torch.no_grad():
        for parameter in network.parameters():  # last layers begin with 0, which would hide differences
            if not parameter.any():
                parameter.normal_(std=0.02)
    expected = _trained(network, lightness, ab, hints, None)
    inputs = lightness.to(device), ab.to(device), hints.to(device)
    precisions = ["float32", "bfloat16"] if getattr(network, "supports_bf16", True) else ["float32"]
    results = []
    tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    for precision in precisions:
        autocast = None if precision == "float32" else torch.bfloat16
        prediction, losses = _trained(network, *inputs, autocast)
        forward = (prediction.cpu().float() - expected[0]).abs().mean().item()
        loss = max(abs(a / b - 1) for a, b in zip(losses, expected[1], strict=True))
        results.append(Agreement(model, precision, forward, loss))
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = tf32
    return results


def _trained(
    network: nn.Module, lightness: Tensor, ab: Tensor, hints: Hints, autocast: torch.dtype | None
) -> tuple[Tensor, list[float]]:
    """Return the first prediction of a copy of the network, and the losses of its training steps."""
    network = copy.deepcopy(network).to(ab.device).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    loss_function, losses, first = Huber(delta=0.1), [], None
    for _ in range(STEPS):
        optimizer.zero_grad()
        with torch.autocast(ab.device.type, autocast, enabled=autocast is not None):
            prediction = network(lightness, hints)
        first = prediction.detach() if first is None else first
        loss = loss_function(prediction, ab, lightness)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert first is not None
    return first, losses


def measure_speed(
    model: str,
    options: dict[str, Any],
    device: torch.device,
    size: int,
    batch: int,
    seconds: float,
    with_compile: bool,
    on_message: Callable[[str], None],
) -> Speed:
    """Measure the training speed of Chromahint and of the usual way, in turn."""
    images = _scenes(2 * batch, size).permute(0, 2, 3, 1).numpy()
    ours = _chromahint_steps(model, options, device, images, batch)
    usual = _usual_steps(model, options, device, images, batch)
    compiled, compile_seconds = None, None
    if with_compile:
        on_message(f"{model}: compiling")
        compiled_steps = _chromahint_steps(model, options, device, images, batch, compile_network=True)
        start = time.perf_counter()
        next(compiled_steps)
        compile_seconds = time.perf_counter() - start
        compiled = _rate(compiled_steps, batch, seconds)
    on_message(f"{model}: training")
    return Speed(model, _rate(ours, batch, seconds), _rate(usual, batch, seconds), compiled, compile_seconds)


def _rate(steps: Iterator[float], batch: int, seconds: float) -> float:
    """Images per second, after two steps of warm-up. Each step yields its loss, which waits for the device."""
    next(steps), next(steps)
    start, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < seconds or count == 0:
        next(steps)
        count += 1
    return count * batch / elapsed


def _chromahint_steps(
    model: str,
    options: dict[str, Any],
    device: torch.device,
    images: NDArray[np.uint8],
    batch: int,
    compile_network: bool = False,
) -> Iterator[float]:
    torch.manual_seed(0)
    module = ColorizationModule(create_model(model, options)).to(device).train()
    module.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    if compile_network:
        module.network.compile()
    optimizer = module.make_optimizer(module.network.named_parameters())
    loader = DataLoader(_Images(images), batch_size=batch, pin_memory=device.type == "cuda")
    for index, rgb in enumerate(itertools.chain.from_iterable(itertools.repeat(loader))):
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16):
            loss = module.compute_loss(rgb.to(device, non_blocking=True), index)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        yield loss.item()


def _usual_steps(
    model: str, options: dict[str, Any], device: torch.device, images: NDArray[np.uint8], batch: int
) -> Iterator[float]:
    torch.manual_seed(0)
    network = create_model(model, options).to(device).train()
    optimizer, loss_function = torch.optim.Adam(network.parameters(), lr=2e-4), Huber(delta=0.1)
    workers = min(8, os.cpu_count() or 1) if device.type != "cpu" else 0
    loader = DataLoader(
        _LabImages(images, repeats=64), batch_size=batch, num_workers=workers, persistent_workers=workers > 0
    )
    for lightness, ab, mask in itertools.chain.from_iterable(itertools.repeat(loader)):
        lightness, ab, mask = lightness.to(device), ab.to(device), mask.to(device)
        optimizer.zero_grad()
        loss = loss_function(network(lightness, Hints(ab * mask, mask)), ab, lightness)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        yield loss.item()


class _Images(Dataset[Tensor]):
    """Photos 3HW uint8."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        self.images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


class _LabImages(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Lightness, ab, and the mask of hints of each photo, computed one photo at a time."""

    def __init__(self, images: NDArray[np.uint8], repeats: int) -> None:
        self.images, self.repeats = images, repeats

    def __len__(self) -> int:
        return self.repeats * len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        rgb = self.images[index % len(self.images)].astype(np.float32) / 255
        lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).transpose(2, 0, 1)
        rng = np.random.default_rng(index)
        mask = (rng.random((1, *lab.shape[1:])) < _HINT_PROBABILITY).astype(np.float32)
        return torch.from_numpy(lab[:1].copy()), torch.from_numpy(lab[1:].copy()), torch.from_numpy(mask)


def _scenes(count: int, size: int) -> Tensor:
    """Draw scenes B3HW uint8."""
    return torch.from_numpy(np.stack([draw_scene(0, index, size) for index in range(count)])).permute(0, 3, 1, 2)
