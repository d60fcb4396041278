"""The command `chromahint export`: a trained network for use without Chromahint, or to pass on."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chromahint.config.instantiate import instantiate_node
from chromahint.config.paths import add_cwd_to_path

if TYPE_CHECKING:
    from chromahint.inference.load import LoadedNetwork


def main(words: Sequence[str]) -> int:
    """Export as the words say; returns the exit status."""
    parser = argparse.ArgumentParser(
        "chromahint export", description="Write a trained network as an ONNX file, or as a folder of safetensors."
    )
    parser.add_argument(
        "run", nargs="?", metavar="RUN", help="a run's folder, or a file of weights; without it, or with `box`, the "
        "weights in the package",
    )  # fmt: skip
    parser.add_argument(
        "--format", required=True, choices=["onnx", "safetensors"],
        help="onnx: one file that ONNX Runtime reads; safetensors: a folder with weights, config.json and a model card",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, metavar="OUT", help="the file or folder to write (NAME.onnx, NAME)"
    )
    parser.add_argument("--rgb", action="store_true", help="onnx: read and write sRGB pictures instead of L and ab")
    arguments = parser.parse_args(words)
    if arguments.rgb and arguments.format != "onnx":
        raise ValueError("--rgb goes with --format onnx; safetensors hold the network as it is")
    add_cwd_to_path()

    # imports torch, after all that can be said without it
    from chromahint.inference.load import load_trained_network
    from chromahint.inference.onnx_network import require_packages

    if arguments.format == "onnx":
        require_packages("onnx", "onnxscript", "onnxruntime")
    opened = load_trained_network(arguments.run, instantiate_node)
    for sentence in opened.said:
        print(sentence)  # noqa: T201
    name = f"{opened.name}.onnx" if arguments.format == "onnx" else opened.name
    output = Path(name) if arguments.output is None else arguments.output.expanduser()
    _check_writable(output)
    try:
        if arguments.format == "onnx":
            _write_onnx(opened, output, arguments.rgb)
        else:
            _write_folder(opened, output)
    except OSError as error:
        raise ValueError(f"{output}: cannot be written ({error.strerror or error}); nothing is left of it") from None
    return 0


def _write_onnx(opened: LoadedNetwork, output: Path, rgb: bool) -> None:
    from chromahint.export.model_card import describe
    from chromahint.export.onnx import LabExportWrapper, RGBExportWrapper, metadata, write_onnx

    if output.is_dir() or output.suffix != ".onnx":
        raise ValueError(f"{output}: an ONNX file has a name that ends in .onnx; type -o {output / 'NAME.onnx'}")
    side = opened.trained_side
    known = describe(opened)
    about = {
        "network": opened.name,
        "options": json.dumps(opened.options),
        "trained at": "not known" if side is None else f"{side}x{side} pixels",
        "weights": json.dumps(known["weights"]),
        "chromahint": known["chromahint"],
    }
    wait = "which takes a few minutes" if opened.name == "spreadnet" else "which takes seconds"
    print(f"tracing {opened.name} for pictures of any size, {wait}", flush=True)  # noqa: T201
    found = write_onnx(opened.network, output, about, rgb)
    form = (RGBExportWrapper if rgb else LabExportWrapper)(opened.network)
    for key, text in metadata(form, about).items():
        print(f"{key}: {text}")  # noqa: T201
    unit = "RGB, 0..1" if rgb else "Lab units of ab"
    for (batch, height, width), error in found:
        print(f"beside PyTorch, {batch} x {width}x{height}: {error:.1e} at most ({unit}; allowed {form.allowed:g})")  # noqa: T201
    print(f"written: {output} ({output.stat().st_size / 1e6:.1f} MB)")  # noqa: T201


def _write_folder(opened: LoadedNetwork, output: Path) -> None:
    from chromahint.export.model_card import describe, write_card
    from chromahint.inference.exported_folder import FILES, write_folder
    from chromahint.models.registry import CLASSES

    if opened.name not in CLASSES:
        raise ValueError(
            f"{opened.model['_target_']}: only Chromahint's own networks can be opened from a folder again "
            f"({', '.join(CLASSES)}); type --format onnx"
        )
    write_folder(output, opened.network, describe(opened), write_card(opened))
    print(f"written: {output} ({', '.join(FILES)})")  # noqa: T201


def _check_writable(output: Path) -> None:
    above = next(folder for folder in output.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise ValueError(f"{output}: cannot be written: {above} is no folder that you may write in; type -o OUT")
