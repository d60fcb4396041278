"""`chromahint gpu-check`: does a GPU compute what the CPU computes, and how fast does it train?"""

from __future__ import annotations

import argparse
import csv
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chromahint.cli.arguments import DEVICE_HELP, Subparsers, integer, positive

if TYPE_CHECKING:
    from rich.table import Table

NETWORKS: dict[str, dict[str, Any]] = {"spreadnet": {}, "hscaunet": {"width": 32}}
"""Networks that are checked, with their options."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "gpu-check",
        help="compare a GPU with the CPU, and measure its training speed",
        description="Compare prediction, loss, and ten training steps on a GPU with those on the CPU, in float32 and "
        "in bf16. Measure images per second of Chromahint, of the usual way (Lab and hints in worker processes with "
        "OpenCV and NumPy, float32), of whole training runs on one and on all GPUs, and of decoding JPEG files "
        "(data.decode_on=gpu). Takes less than five minutes. The exit status is 1 if the GPU computes something else.",
    )
    parser.add_argument("--device", default="auto", help=DEVICE_HELP)
    parser.add_argument(
        "--size", type=integer(32), default=128, metavar="PIXELS", help="height and width of the images"
    )
    parser.add_argument("--batch-size", type=integer(1), metavar="N", help="images per step; by default, about 32")
    parser.add_argument("--seconds", type=positive, default=10.0, help="seconds of each speed measurement")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="do not compile the networks")
    parser.add_argument(
        "--devices", type=integer(1), metavar="N", help="train on 1 and on N devices; by default, all GPUs"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="also write the results as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print, and write; returns the exit status."""
    from dataclasses import asdict

    import torch

    from chromahint.console import TextConsole
    from chromahint.data.decoding_check import check_decoding
    from chromahint.data.gpu_decoding import GPUDecodingUnavailableError
    from chromahint.inference.load import resolve_device
    from chromahint.runs.files import write_json
    from chromahint.training.device_check import check_agreement, measure_speed

    console = TextConsole()
    device = resolve_device(arguments.device)
    count = arguments.devices or (torch.cuda.device_count() if device.type == "cuda" else 1)
    size, batch = arguments.size, arguments.batch_size or math.ceil(32 / count) * count
    if batch % count:
        raise ValueError(f"--batch-size {batch}: {count} devices can't share it equally. Use a multiple of {count}.")
    agreements, speeds = [], []
    for model, options in NETWORKS.items():
        console.print(f"{model}: comparing with the CPU")
        agreements += check_agreement(model, options, device, size, min(4, batch))
        speeds.append(
            measure_speed(model, options, device, size, batch, arguments.seconds, arguments.compile, console.print)
        )
    runs = {}
    for devices in (1, count) if count > 1 else ():
        console.print(f"a training run on {devices} device{'s' if devices > 1 else ''}")
        runs[devices] = train_briefly(device.type, devices, size, batch)
    console.print("JPEG files: decoding")
    decoding, reason = None, ""
    try:
        decoding = check_decoding(device, batch, arguments.seconds)
    except GPUDecodingUnavailableError as error:
        reason = str(error)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    settings = {"device": name, "torch": torch.__version__, "size": size, "batch_size": batch}
    content = {
        **settings,
        "agreement": [{**asdict(each), "passed": each.passed} for each in agreements],
        "speed": [asdict(each) for each in speeds],
        "runs": runs,
        "decoding": decoding and {**asdict(decoding), "passed": decoding.passed},
    }
    console.print(_agreement_table(content))
    console.print(_speed_table(content))
    for devices, speed in runs.items():
        console.print(f"training run on {devices} of {count}: {speed:.1f} images per second")
    if decoding is None:
        console.print(f"JPEG files: not decoded on this device: {reason}")
    else:
        console.print(
            f"JPEG files of 500x375: {decoding.images_per_second:.0f} images per second, {decoding.on_cpu:.0f} on one "
            f"core; mean difference {decoding.difference:.2f} of 255, {_verdict(decoding.passed)}"
        )
    if arguments.output is not None:
        write_json(arguments.output, content)
    passed = all(each.passed for each in agreements) and (decoding is None or decoding.passed)
    return 0 if passed else 1


def train_briefly(device_type: str, devices: int, size: int, batch: int) -> float:
    """Train SpreadNet for 40 steps by `chromahint train`; returns the images per second at the end.

    Raises:
        ValueError: The run failed; the message has the end of its output.
    """
    trainer = "ddp" if device_type == "cuda" else "ddp_cpu"
    with tempfile.TemporaryDirectory() as folder:
        words = [
            "train", f"trainer={trainer}", f"trainer.devices={devices}", "trainer.max_steps=40", "logger=none",
            "trainer.val_check_interval=40", "data.num_train=256", "data.num_val=1", "data.max_images=256",
            f"data.train_size={size}", f"data.shorter_side={max(256, size)}", f"data.batch_size={batch}",
            "protocol.hint_counts=[0,1]", "name=check",
        ]  # fmt: skip
        command = [sys.executable, "-m", "chromahint", *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise ValueError(f"the training run on {devices} devices failed: {done.stderr.strip()[-500:]}")
        [file] = Path(folder).glob("runs/check/*/timings.csv")
        with file.open(encoding="utf-8") as lines:
            speeds = [float(row["value"]) for row in csv.DictReader(lines) if row["name"] == "train/images_per_second"]
    return speeds[-1]


def _agreement_table(content: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table(title=f"{content['device']} against the CPU in float32", title_justify="left")
    for title in ("network", "precision", "ab, mean difference", "loss, largest difference in ten steps", ""):
        table.add_column(title)
    for each in content["agreement"]:
        differences = f"{each['forward']:.4f}", f"{each['loss']:.2%}"
        table.add_row(each["model"], each["precision"], *differences, _verdict(each["passed"]))
    return table


def _verdict(passed: bool) -> str:
    return "ok" if passed else "DIFFERS"


def _speed_table(content: dict[str, Any]) -> Table:
    from rich.table import Table

    title = f"training, images per second ({content['batch_size']} of {content['size']} px)"
    table = Table(title=title, title_justify="left")
    for heading in ("network", "usual way", "chromahint", "ratio", "compiled", "first compiled step"):
        table.add_column(heading, justify="left" if heading == "network" else "right")
    for each in content["speed"]:
        ours, usual, compiled = each["images_per_second"], each["usual"], each["compiled"]
        cells = [each["model"], f"{usual:.1f}", f"{ours:.1f}", f"{ours / usual:.2f}x"]
        cells += ["-", "-"] if compiled is None else [f"{compiled:.1f}", f"{each['compile_seconds']:.0f} s"]
        table.add_row(*cells)
    return table
