"""Where the time of SpreadNet's training step goes.

    python benchmarks/spreadnet_step.py                        prints a table
    PYTHONPATH=OTHER/src python benchmarks/spreadnet_step.py   measures another version, checked out in OTHER
    python benchmarks/spreadnet_step.py --json                 prints one JSON object

Every part runs forward and backward on its own, from the same inputs, in the precision of `trainer.precision=auto`.
Times are those of the process, summed over its threads, so that other processes affect them less. The lowest of several
rounds counts.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from chromahint.hints.samplers import LogUniformPixels
from chromahint.models.layers.prior_losses import auxiliary_loss
from chromahint.models.spreadnet import SpreadNet
from chromahint.training.losses import PSNR
from chromahint.training.optimizers import adam
from chromahint.training.precision import choose_precision


def as_inputs(value: Any) -> Any:
    """Return a nested tuple of tensors without its history; tensors that had one collect gradients again."""
    if isinstance(value, Tensor):
        return value.detach().requires_grad_(value.requires_grad)
    if isinstance(value, tuple | list):
        items = [as_inputs(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def total(value: Any) -> Any:
    """Return the sum of all tensors of a nested tuple that have a history."""
    if isinstance(value, Tensor):
        return value.float().sum() if value.requires_grad else 0.0
    return sum(total(item) for item in value) if isinstance(value, tuple | list) else 0.0


def measure(part: Callable[[], Any], rounds: int, bf16: bool) -> tuple[float, float, Any]:
    """Return the seconds of the forward and backward pass of a part, and what it returned."""
    forward, backward, result = [], [], None
    for _ in range(rounds):
        start = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            result = part()
        middle = time.process_time()
        total(result).backward()
        forward.append(middle - start)
        backward.append(time.process_time() - middle)
    return min(forward), min(backward), as_inputs(result)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Where the time of SpreadNet's training step goes.")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=128, help="height and width of the crops")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    bf16 = choose_precision("auto", False) == "bf16-mixed"
    network = SpreadNet().to(memory_format=torch.channels_last).train()
    generator = torch.Generator().manual_seed(0)
    small = torch.rand(arguments.batch, 3, 8, 8, generator=generator)
    image = F.interpolate(small, (arguments.size, arguments.size), mode="bicubic").clamp(0, 1)
    lightness, ab = 100 * image[:, :1], 80 * (image[:, 1:] - 0.5)
    hints = LogUniformPixels(low=1e-4, high=0.03, no_hint_probability=0.05)(ab, generator)

    times: dict[str, tuple[float, float]] = {}

    def add(name: str, part: Callable[[], Any]) -> Any:
        *times[name], result = measure(part, arguments.rounds, bf16)  # type: ignore[misc]
        return result

    cells = add("semantic encoder", lambda: network.encode_cells(lightness))
    colors = add("colors of the cells", lambda: network.cell_colors(cells, lightness, hints))
    add("auxiliary losses", lambda: auxiliary_loss(network.prior_attention, cells, colors, ab, generator))
    pyramid = add("encoding of the pyramid", lambda: network.pyramid.encode(lightness, cells.features))
    add("propagation in the pyramid", lambda: network.pyramid(pyramid, colors, hints))

    loss, optimizer = PSNR(max_psnr=40.0), adam(network.named_parameters(), lr=1e-9, betas=[0.9, 0.999])
    steps = []
    for _ in range(arguments.rounds):
        start = time.process_time()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            prediction, auxiliary = network.with_auxiliary_loss(lightness, hints, ab, generator)
            value = loss(prediction, ab, lightness) + auxiliary
        value.backward()
        optimizer.step()
        steps.append(time.process_time() - start)

    if arguments.json:
        print(json.dumps({"precision": "bf16" if bf16 else "float32", "parts": times, "step": min(steps)}))
        return
    print(f"{'part':<30} {'forward':>9} {'backward':>9}")
    for name, (forward, backward) in times.items():
        print(f"{name:<30} {forward:8.3f}s {backward:8.3f}s")
    print(f"{'whole step':<30} {min(steps):18.3f}s")


if __name__ == "__main__":
    main()
