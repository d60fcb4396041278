"""`chromahint export`: write a trained network for use elsewhere."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from chromahint.cli.arguments import MODEL_HELP, Subparsers, add_trust

if TYPE_CHECKING:
    from chromahint.inference.load import LoadedNetwork


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "export",
        help="write a trained network as ONNX or safetensors",
        description="Write a trained network as an ONNX file, or as a folder with safetensors and a model card.",
    )
    parser.add_argument("model", nargs="?", default="pretrained", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "--format", required=True, choices=["onnx", "safetensors"],
        help="onnx: a file for ONNX Runtime; safetensors: a folder with weights, config.json and a model card",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, metavar="OUT", help="file or folder to write; by default, NAME.onnx or NAME"
    )
    parser.add_argument("--rgb", action="store_true", help="with onnx: sRGB in and out, instead of L in and ab out")
    parser.add_argument("--palette", action="store_true", help="with onnx: a palette as a further input")
    add_trust(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Export; returns the exit status."""
    if arguments.rgb and arguments.format != "onnx":
        raise ValueError(f"--rgb: has no effect on --format {arguments.format}. Leave it out, or use --format onnx.")
    if arguments.palette and (arguments.format != "onnx" or arguments.rgb):
        raise ValueError("--palette: is for --format onnx without --rgb. Leave it out, or use --format onnx.")
    from chromahint.config.paths import add_cwd_to_path

    add_cwd_to_path()
    # imports torch; everything above gives its errors without it
    from chromahint.inference.load import load_network
    from chromahint.inference.onnx_network import require_packages

    if arguments.format == "onnx":
        require_packages("onnx", "onnxscript", "onnxruntime")
    loaded = load_network(arguments.model)
    loaded.require_spec()
    for message in loaded.messages:
        print(message)
    name = f"{loaded.name}.onnx" if arguments.format == "onnx" else loaded.name
    output = Path(name) if arguments.output is None else arguments.output.expanduser()
    _check_writable(output)
    if arguments.format == "onnx":
        _export_onnx(loaded, output, arguments.rgb, arguments.palette)
    else:
        _export_folder(loaded, output)
    return 0


def _export_onnx(loaded: LoadedNetwork, output: Path, rgb: bool, palette: bool) -> None:
    from chromahint.export.model_card import describe_export
    from chromahint.export.onnx import file_metadata, write_onnx
    from chromahint.export.onnx_interface import export_wrapper
    from chromahint.inference.session import takes_palette

    if palette and not takes_palette(loaded.network):
        raise ValueError(f"--palette: {loaded.name} takes no palette. Leave it out.")
    if output.is_dir() or output.suffix != ".onnx":
        raise ValueError(f"{output}: the name of an ONNX file must end in .onnx. Pass -o {output / 'NAME.onnx'}.")
    spec = loaded.require_spec()
    size = spec.train_size
    description = describe_export(spec)
    properties = {
        "network": spec.name,
        "options": json.dumps(spec.options),
        "trained at": "unknown size" if size is None else f"{size}x{size} pixels",
        "weights": json.dumps(description["weights"]),
        "chromahint": description["chromahint"],
    }
    print(f"exporting {loaded.name} for images of any size", flush=True)
    errors = write_onnx(
        loaded.network, output, properties, rgb, palette, lambda stage: print(f"{stage} ...", flush=True)
    )
    wrapper = export_wrapper(loaded.network, rgb, palette)
    for key, text in file_metadata(wrapper, properties).items():
        print(f"{key}: {text}")
    unit = "RGB, 0..1" if rgb else "Lab units"
    for (batch, height, width), error in errors:
        print(
            f"difference from PyTorch, {batch} x {width}x{height}: at most {error:.1e} "
            f"({unit}; allowed {wrapper.tolerance:g})"
        )
    print(f"saved: {output} ({output.stat().st_size / 1e6:.1f} MB)")


def _export_folder(loaded: LoadedNetwork, output: Path) -> None:
    from chromahint.export.model_card import describe_export, model_card
    from chromahint.inference.exported_folder import EXPORTED_FILES, write_exported_folder
    from chromahint.models.registry import MODEL_CLASSES

    spec = loaded.require_spec()
    if spec.name not in MODEL_CLASSES:
        raise ValueError(
            f"{spec.model['_target_']}: only Chromahint's own networks can be loaded from a folder again "
            f"({', '.join(MODEL_CLASSES)}). Use --format onnx."
        )
    write_exported_folder(output, loaded.network, describe_export(spec), model_card(loaded))
    print(f"saved: {output} ({', '.join(EXPORTED_FILES)})")


def _check_writable(output: Path) -> None:
    parent = next(folder for folder in output.absolute().parents if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise ValueError(f"{output}: cannot be written, because {parent} is not a writable folder. Pass another -o.")
