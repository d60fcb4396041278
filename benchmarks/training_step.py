"""How long a training step of HSCAU-Net takes, beside the usual way of this field, in one run.

    python benchmarks/training_step.py                 the usual way and Chromahint's, published width, 256 px
    python benchmarks/training_step.py --each          one line more for every change between the two
    python benchmarks/training_step.py --compile       also with the network compiled
    python benchmarks/training_step.py --json          one JSON object

A step goes from a batch of uint8 RGB pictures to updated weights: Lab, hints, network, loss, gradients, Adam. The ways
take turns, so that whatever else the machine does meets all of them; a ratio is the median over the rounds of the two
times of one round.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chromahint.color import rgb_to_lab
from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.hints.samplers import FixedProbabilityPixels
from chromahint.models.hscaunet import HSCAUNet
from chromahint.training.trainer import choose_precision

ODDS = [0.03, 0.01, 0.005]


@dataclass(frozen=True)
class Way:
    """How a step is done."""

    name: str
    batch_lab: bool = False
    fused_adam: bool = False
    channels_last: bool = False
    bf16: bool = False
    compiled: bool = False


def ways(each: bool, compiled: bool, bf16: bool) -> list[Way]:
    """The usual way, Chromahint's, and if wanted what lies between: each line adds one change to the one above."""
    chosen = [Way("usual: OpenCV Lab a sample, float32, NCHW")]
    if each:
        chosen += [
            Way("+ Lab and hints a batch", batch_lab=True),
            Way("+ fused Adam", batch_lab=True, fused_adam=True),
            Way("+ channels last", batch_lab=True, fused_adam=True, channels_last=True),
        ]
    chosen.append(Way("chromahint", True, True, True, bf16))
    if compiled:
        chosen.append(Way("chromahint, compiled", True, True, True, bf16, True))
    return chosen


def usual_inputs(pictures: list[NDArray[np.uint8]], dice: np.random.Generator) -> tuple[Tensor, Tensor, Hints]:
    """Lab and hints of one picture after the other, stacked."""
    lightness, colors, masks = [], [], []
    for rgb in pictures:
        lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).transpose(2, 0, 1)
        lightness.append(torch.from_numpy(lab[:1].copy()))
        colors.append(torch.from_numpy(lab[1:].copy()))
        masks.append(torch.from_numpy((dice.random((1, *lab.shape[1:])) < dice.choice(ODDS)).astype(np.float32)))
    ab = torch.stack(colors)
    return torch.stack(lightness), ab, hints_from_mask(ab, torch.stack(masks))


def make_step(way: Way, pictures: list[NDArray[np.uint8]], width: int, device: torch.device) -> Callable[[], float]:
    """A function that does one step and returns its seconds."""
    torch.manual_seed(0)
    network = HSCAUNet(width=width).to(device)
    if way.channels_last:
        network = network.to(memory_format=torch.channels_last)
    if way.compiled:
        network.compile()
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-4, betas=(0.5, 0.999), fused=way.fused_adam or None)
    batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
    sampler, generator = FixedProbabilityPixels(ODDS), torch.Generator(device).manual_seed(0)
    dice = np.random.default_rng(0)

    def step() -> float:
        start = time.perf_counter()
        if way.batch_lab:
            lightness, ab = rgb_to_lab(batch.to(device))
            hints = sampler(ab, generator)
        else:
            lightness, ab, hints = usual_inputs(pictures, dice)
            lightness, ab, hints = lightness.to(device), ab.to(device), hints.to(device)
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=way.bf16):
            predicted = network(lightness, hints)
        loss = (predicted - ab).abs().mean() / 255
        loss.backward()
        optimizer.step()
        loss.item()  # waits for the device
        return time.perf_counter() - start

    return step


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How long a training step of HSCAU-Net takes, beside the usual way.")
    parser.add_argument("--width", type=int, default=64, help="channels of the first level (published: 64)")
    parser.add_argument("--size", type=int, default=256, help="height and width of the pictures")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of the processor; default: what torch chooses")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--each", action="store_true", help="a line for every change between the two ways")
    parser.add_argument("--compile", action="store_true", help="also with the network compiled, after minutes")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    wanted = parser.parse_args()
    if wanted.threads:
        torch.set_num_threads(wanted.threads)
        cv2.setNumThreads(wanted.threads)
    device = torch.device(wanted.device)
    bf16 = choose_precision("auto", device.type == "cuda") == "bf16-mixed"

    dice = np.random.default_rng(0)
    small = [dice.integers(0, 256, (16, 16, 3), dtype=np.uint8) for _ in range(wanted.batch)]
    pictures = [cv2.resize(picture, (wanted.size, wanted.size), interpolation=cv2.INTER_CUBIC) for picture in small]
    chosen = ways(wanted.each, wanted.compile, bf16)
    steps = [make_step(way, pictures, wanted.width, device) for way in chosen]
    first = [step() for step in steps]
    rounds = [[step() for step in steps] for _ in range(wanted.rounds)]

    results = []
    for i, way in enumerate(chosen):
        seconds = statistics.median(times[i] for times in rounds)
        faster = statistics.median(times[0] / times[i] for times in rounds)
        results.append(asdict(way) | {"seconds": seconds, "faster": faster, "first_step": first[i]})
    machine = {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    if wanted.json:
        settings = {"width": wanted.width, "size": wanted.size, "batch": wanted.batch, "rounds": wanted.rounds}
        print(json.dumps(settings | machine | {"ways": results}))
        return
    words = ", ".join(f"{key} {value}" for key, value in machine.items())
    print(f"HSCAU-Net, width {wanted.width}, {wanted.batch} pictures of {wanted.size} px, {words}\n")
    print(f"{'a step':<44} {'seconds':>8} {'faster':>8} {'first':>8}")
    for result in results:
        print(
            f"{result['name']:<44} {result['seconds']:8.3f} {result['faster']:7.2f}x {result['first_step']:8.2f}",
        )


if __name__ == "__main__":
    main()
