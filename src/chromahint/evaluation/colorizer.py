"""Evaluation of any colorization method from Python: a function, a network, a weights file, or an ONNX file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.data.sources.base import Photos
from chromahint.data.sources.folder import FilePhotos, Folder
from chromahint.evaluation.evaluator import evaluate
from chromahint.evaluation.hint_counts import Network
from chromahint.evaluation.protocols.base import HintProtocol
from chromahint.evaluation.protocols.cells_2023 import Cells2023
from chromahint.evaluation.protocols.clicks import Clicks
from chromahint.evaluation.protocols.lab_psnr_2021 import LabPSNR2021
from chromahint.evaluation.protocols.palette import Palette
from chromahint.evaluation.protocols.patches_2017 import Patches2017
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.evaluation.protocols.regions import Regions
from chromahint.hints.hints import Hints
from chromahint.inference.load import load_network, resolve_device
from chromahint.progress import ProgressFn
from chromahint.ranges import constructor_arguments

ColorizeFn = Callable[[NDArray[np.uint8], Hints], NDArray[np.uint8]]
"""(gray HxW uint8, hints of one image: ab 12HW and mask 11HW) -> color HxWx3 uint8 RGB."""

PROTOCOLS: dict[str, Callable[[], HintProtocol]] = {
    "random_pixels": RandomPixels,
    "clicks": Clicks,
    "regions": Regions,
    "palette": Palette,
    "patches_2017": Patches2017,
    "cells_2023": Cells2023,
    "lab_psnr_2021": LabPSNR2021,
}


def evaluate_colorizer(
    colorizer: ColorizeFn | nn.Module | str | Path,
    photos: str | Path | Sequence[str | Path],
    protocol: str | HintProtocol = "random_pixels",
    *,
    output: str | Path | None = None,
    name: str | None = None,
    batch_size: int = 8,
    device: str = "auto",
    advance: ProgressFn = lambda images: None,
) -> dict[str, Any]:
    """Evaluate a colorization method as `chromahint evaluate` evaluates networks.

    A function gets the gray image of the photo and color hints, and returns a color image. As for networks, the
    lightness of the result is replaced by that of the photo. For `protocol="clicks"`, it is called again after each
    click.

        def colorize(gray, hints):  # gray HxW uint8; hints.ab 1x2xHxW in Lab units, hints.mask 1x1xHxW
            return my_method(gray, hints.ab[0].numpy(), hints.mask[0, 0].numpy())  # HxWx3 uint8 RGB

        metrics = evaluate_colorizer(colorize, "photos", protocol="clicks")
        metrics["clicks_to"]["28"]["mean"]

    Args:
        colorizer: A function (gray HxW uint8, `Hints`) -> HxWx3 uint8 RGB, such as `Colorizer.colorize`; a network in
            eval mode, (lightness B1HW, `Hints`) -> ab B2HW; or everything that `Colorizer.load` accepts: `pretrained`,
            `levin`, a run folder, a weights file, or an ONNX file from `chromahint export`.
        photos: Folder of photos, or a list of files. Photos are squashed to the size of the protocol.
        protocol: Name of a protocol with its default options, or a protocol such as `Clicks(hint_counts=[0, 5])`.
        output: Folder for images.csv and metrics.json, where an interrupted evaluation is resumed. Use another folder
            when the method changes. None writes no files.
        name: Name of the method, which is recorded in `output`.
        batch_size: Photos per batch.
        device: Device of a network; functions get arrays and CPU tensors.
        advance: Called with the number of images of each finished batch.

    Returns:
        The content of metrics.json.

    Raises:
        ValueError: There is no such protocol, photo or file, or the function returns something else.
    """
    chosen = _find_protocol(protocol) if isinstance(protocol, str) else protocol
    network, title, where = _as_network(colorizer, device)
    fingerprint = {
        "format": 2,
        "model": name or title,
        "weights": None,
        "data": {"photos": str(photos) if isinstance(photos, str | Path) else [str(path) for path in photos]},
        "split": "all",
        "protocol": {
            "_target_": f"{type(chosen).__module__}.{type(chosen).__qualname__}",
            **constructor_arguments(chosen),
        },
    }
    with tempfile.TemporaryDirectory(prefix="chromahint-evaluation-") as temporary:
        folder = Path(temporary) if output is None else Path(output).expanduser()
        return evaluate(network, _open_photos(photos), chosen, folder, fingerprint, where, batch_size, advance=advance)


class FunctionNetwork:
    """A function of gray images as a network: (lightness B1HW, hints) -> ab B2HW.

    Args:
        function: (gray HxW uint8, hints of one image) -> HxWx3 uint8 RGB.
    """

    def __init__(self, function: ColorizeFn) -> None:
        self.function = function

    def __call__(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Color a batch, image by image; hints are on the CPU."""
        gray = lab_to_rgb8(lightness, torch.zeros_like(hints.ab))[:, 0].numpy()
        results = [self._check(self.function(each, hints.images(n, n + 1)), each.shape) for n, each in enumerate(gray)]
        return rgb_to_lab(torch.from_numpy(np.stack(results)).permute(0, 3, 1, 2))[1]

    @staticmethod
    def _check(result: Any, size: tuple[int, ...]) -> NDArray[np.uint8]:
        image = np.asarray(result)
        if image.dtype != np.uint8 or image.shape != (*size, 3):
            raise ValueError(
                f"colorizer: returned {image.dtype} {image.shape}; must be uint8 RGB of shape {(*size, 3)}. "
                "Convert the result, for example with (rgb.clip(0, 1) * 255).round().astype('uint8')."
            )
        return image


def _as_network(colorizer: Any, device: str) -> tuple[Network, str, torch.device]:
    """Return a network, its name, and its device."""
    if isinstance(colorizer, str | Path):
        loaded = load_network(colorizer, resolve_device(device))
        where = next((p.device for p in loaded.network.parameters()), torch.device("cpu"))
        return loaded.any_size_network, loaded.name, where
    if isinstance(colorizer, nn.Module):
        where = resolve_device(device)
        return colorizer.to(where), type(colorizer).__name__, where
    if not callable(colorizer):
        raise ValueError(f"colorizer={colorizer!r:.60}: must be a function, a network, or the path of a file or run.")
    return FunctionNetwork(colorizer), getattr(colorizer, "__qualname__", "function"), torch.device("cpu")


def _find_protocol(name: str) -> HintProtocol:
    if name not in PROTOCOLS:
        raise ValueError(f"protocol={name}: unknown protocol; choose one of {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]()


def _open_photos(photos: str | Path | Sequence[str | Path]) -> Photos:
    if isinstance(photos, str | Path):
        return Folder(str(photos)).photos("all")
    files = [Path(photo).expanduser() for photo in photos]
    if missing := [str(file) for file in files if not file.is_file()]:
        raise ValueError(f"{missing[0]}: file not found. Pass a folder of photos, or a list of files.")
    if not files:
        raise ValueError("photos=[]: no photos. Pass a folder of photos, or a list of files.")
    return FilePhotos(Path(), [file.as_posix() for file in files])
