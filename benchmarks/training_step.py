"""Time of a training step of HSCAU-Net, compared with the usual training loop of this field.

    python benchmarks/training_step.py                 compares both at the published width and 256 px
    python benchmarks/training_step.py --each          adds a row for every change between the two
    python benchmarks/training_step.py --compile       adds the compiled network
    python benchmarks/training_step.py --json          prints one JSON object

A step goes from a batch of uint8 RGB images to updated weights: Lab conversion, hints, network, loss, gradients, Adam.
Each configuration has its own process. They alternate, so that other load on the machine affects all of them. A speedup
is the median, over the rounds, of the ratio of two times of the same round.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chromahint.color import rgb_to_lab
from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.hints.samplers import FixedProbabilityPixels
from chromahint.models.hscaunet import HSCAUNet
from chromahint.training.allocator import keep_freed_memory
from chromahint.training.precision import choose_precision

HINT_PROBABILITIES = [0.03, 0.01, 0.005]


@dataclass(frozen=True)
class Configuration:
    """Implementation of a training step."""

    name: str
    batch_lab: bool = False
    fused_adam: bool = False
    channels_last: bool = False
    bf16: bool = False
    keeps_memory: bool = False
    compiled: bool = False


def select_configurations(each: bool, compiled: bool, bf16: bool) -> list[Configuration]:
    """Return the usual configuration, Chromahint's, and optionally those in between, which add one change each."""
    selected = [Configuration("usual: OpenCV Lab per sample, float32, NCHW")]
    if each:
        selected += [
            Configuration("+ Lab and hints per batch", batch_lab=True),
            Configuration("+ fused Adam", batch_lab=True, fused_adam=True),
            Configuration("+ channels last", batch_lab=True, fused_adam=True, channels_last=True),
            Configuration("+ bf16", batch_lab=True, fused_adam=True, channels_last=True, bf16=bf16),
        ]
    selected.append(Configuration("chromahint", True, True, True, bf16, True))
    if compiled:
        selected.append(Configuration("chromahint, compiled", True, True, True, bf16, True, True))
    return selected


def usual_inputs(images: list[NDArray[np.uint8]], rng: np.random.Generator) -> tuple[Tensor, Tensor, Hints]:
    """Compute Lab and hints one image at a time, and stack them."""
    lightness, colors, masks = [], [], []
    for rgb in images:
        lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).transpose(2, 0, 1)
        lightness.append(torch.from_numpy(lab[:1].copy()))
        colors.append(torch.from_numpy(lab[1:].copy()))
        masks.append(
            torch.from_numpy((rng.random((1, *lab.shape[1:])) < rng.choice(HINT_PROBABILITIES)).astype(np.float32))
        )
    ab = torch.stack(colors)
    return torch.stack(lightness), ab, hints_from_mask(ab, torch.stack(masks))


def build_step(
    configuration: Configuration, images: list[NDArray[np.uint8]], width: int, device: torch.device
) -> Callable[[], float]:
    """Return a function that runs one training step and returns its time in seconds."""
    torch.manual_seed(0)
    network = HSCAUNet(width=width).to(device)
    if configuration.channels_last:
        network = network.to(memory_format=torch.channels_last)
    if configuration.compiled:
        network.compile()
    optimizer = torch.optim.Adam(
        network.parameters(), lr=5e-4, betas=(0.5, 0.999), fused=configuration.fused_adam or None
    )
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
    sampler, generator = FixedProbabilityPixels(HINT_PROBABILITIES), torch.Generator(device).manual_seed(0)
    rng = np.random.default_rng(0)

    def step() -> float:
        start = time.perf_counter()
        if configuration.batch_lab:
            lightness, ab = rgb_to_lab(batch.to(device))
            hints = sampler(ab, generator)
        else:
            lightness, ab, hints = usual_inputs(images, rng)
            lightness, ab, hints = lightness.to(device), ab.to(device), hints.to(device)
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=configuration.bf16):
            predicted = network(lightness, hints)
        loss = (predicted - ab).abs().mean() / 255
        loss.backward()
        optimizer.step()
        loss.item()  # synchronizes the device
        return time.perf_counter() - start

    return step


def serve_steps(
    pipe: Connection, configuration: Configuration, images: list[NDArray[np.uint8]], arguments: argparse.Namespace
) -> None:
    """Run a training step for each message, and answer with its time in seconds."""
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
        cv2.setNumThreads(arguments.threads)
    if configuration.keeps_memory:
        keep_freed_memory()
    step = build_step(configuration, images, arguments.width, torch.device(arguments.device))
    with contextlib.suppress(EOFError):  # the other end is closed
        while True:
            pipe.recv()
            pipe.send(step())


def start(
    configuration: Configuration, images: list[NDArray[np.uint8]], arguments: argparse.Namespace
) -> Callable[[], float]:
    """Start the process of a configuration, and return a function that runs one step in it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    context.Process(target=serve_steps, args=(theirs, configuration, images, arguments), daemon=True).start()

    def step() -> float:
        ours.send(None)
        seconds: float = ours.recv()
        return seconds

    return step


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description="Time of a training step of HSCAU-Net, compared with the usual training loop."
    )
    parser.add_argument("--width", type=int, default=64, help="channels of the first level (published: 64)")
    parser.add_argument("--size", type=int, default=256, help="height and width of the images")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="CPU threads (default: chosen by PyTorch)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--each", action="store_true", help="add a row for every change between the two")
    parser.add_argument("--compile", action="store_true", help="add the compiled network (compiling takes minutes)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    bf16 = choose_precision("auto", device.type == "cuda") == "bf16-mixed"

    rng = np.random.default_rng(0)
    small = [rng.integers(0, 256, (16, 16, 3), dtype=np.uint8) for _ in range(arguments.batch)]
    images = [cv2.resize(image, (arguments.size, arguments.size), interpolation=cv2.INTER_CUBIC) for image in small]
    selected = select_configurations(arguments.each, arguments.compile, bf16)
    steps = [start(configuration, images, arguments) for configuration in selected]
    first_steps = [step() for step in steps]
    rounds = [[step() for step in steps] for _ in range(arguments.rounds)]

    results = []
    for i, configuration in enumerate(selected):
        seconds = statistics.median(times[i] for times in rounds)
        speedup = statistics.median(times[0] / times[i] for times in rounds)
        results.append(asdict(configuration) | {"seconds": seconds, "speedup": speedup, "first_step": first_steps[i]})
    machine = {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "threads": arguments.threads or torch.get_num_threads(),
        "torch": torch.__version__,
    }
    if arguments.json:
        settings = {
            "width": arguments.width,
            "size": arguments.size,
            "batch": arguments.batch,
            "rounds": arguments.rounds,
        }
        print(json.dumps(settings | machine | {"configurations": results}))
        return
    description = ", ".join(f"{key} {value}" for key, value in machine.items())
    print(f"HSCAU-Net, width {arguments.width}, {arguments.batch} images of {arguments.size} px, {description}\n")
    print(f"{'configuration':<44} {'seconds':>8} {'speedup':>8} {'first':>8}")
    for result in results:
        print(
            f"{result['name']:<44} {result['seconds']:8.3f} {result['speedup']:7.2f}x {result['first_step']:8.2f}",
        )


if __name__ == "__main__":
    main()
