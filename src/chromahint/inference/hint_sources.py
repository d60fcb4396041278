"""The hints that a person gives for photos on the command line: hint files, pairs of images, a colored reference."""

from __future__ import annotations

import math
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from chromahint.color import rgb_to_lab
from chromahint.data.sources.folder import find_images
from chromahint.hints.annotations import Annotations
from chromahint.hints.eval_positions import positions
from chromahint.hints.hint_file import read_hints
from chromahint.hints.sparse_hints import SparseHints
from chromahint.images.decode import decode_rgb, read_bytes, read_photo
from chromahint.inference.batch_plan import ColorizeTask

Size = tuple[int, int]
HintProvider = Callable[[ColorizeTask, Size], Annotations | SparseHints | None]
"""What `Colorizer.colorize` takes as hints, for a photo of some height and width; a ValueError says what is wrong."""

_REFERENCE = 512
_OTHER_SHAPE = 0.1


def without_hints(job: ColorizeTask, size: Size) -> None:
    """Leave the colors to the network."""
    return


def from_files(path: str) -> HintProvider:
    """Take one hint file for all photos, or NAME.json for each out of a folder."""
    root = Path(path).expanduser()
    if not root.is_dir():
        marks = read_hints(root)
        return lambda job, size: marks

    def give(job: ColorizeTask, size: Size) -> Annotations:
        file = root / Path(job.name).with_suffix(".json")
        if not file.is_file():
            raise ValueError(f"there is no hint file {file}")
        return read_hints(file)

    return give


def from_pairs(hint_dir: str, mask_dir: str) -> HintProvider:
    """Take the colors of `hint_dir/NAME.*` wherever the first channel of `mask_dir/NAME.*` is 255."""
    hints, masks = _by_name("--hint-dir", hint_dir), _by_name("--mask-dir", mask_dir)

    def give(job: ColorizeTask, size: Size) -> SparseHints:
        hint_file, mask_file = _of(job, hints, hint_dir), _of(job, masks, mask_dir)
        hint, mask = read_photo(hint_file), read_photo(mask_file)
        if hint.shape != mask.shape:
            shapes = [f"{image.shape[1]}x{image.shape[0]}" for image in (hint, mask)]
            raise ValueError(f"{hint_file} is {shapes[0]} pixels, and its mask {mask_file} is {shapes[1]}")
        height, width = mask.shape[:2]
        _same_shape(hint_file, (height, width), size)
        return _chosen(hint, np.flatnonzero(mask[..., 0] == 255)).resized(size)

    return give


def from_reference(path: str, points: int, multiple: bool) -> HintProvider:
    """Take colors at some places of a colored image of the same content, or of one of that name in a folder.

    The places are those of an evaluation: a pure function of the reference file and of how many they are.

    Args:
        path: of the image or the folder.
        points: how many.
        many: whether there are several photos, which need a folder.
    """
    root = Path(path).expanduser()
    if not root.is_dir() and multiple:
        raise ValueError(f"--reference {path}: several photos need a folder with an image of the same name for each")
    if not root.exists():
        raise ValueError(f"--reference {path}: there is no such image")
    found = _by_name("--reference", path) if root.is_dir() else None

    def give(job: ColorizeTask, size: Size) -> SparseHints:
        file = root if found is None else _of(job, found, path)
        data = read_bytes(file)
        image = decode_rgb(data, str(file))
        _same_shape(file, image.shape[:2], size)
        # a single pixel of a large photo may be of any color: what is taken is the mean of a few
        share = _REFERENCE / math.sqrt(image.shape[0] * image.shape[1])
        if share < 1:
            height, width = (max(1, round(side * share)) for side in image.shape[:2])
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        height, width = image.shape[:2]
        name = blake2b(data, digest_size=16).hexdigest()
        places = positions(name, 0, height, width, min(points, height * width))
        return _chosen(image, np.sort(places)).resized(size)

    return give


def _chosen(image: NDArray[np.uint8], places: NDArray[np.int64]) -> SparseHints:
    """Some pixels of an image HxWx3 as hints; places ascend."""
    rgb = torch.from_numpy(image.reshape(-1, 3)[places]).T[None, :, None]
    ab = rgb_to_lab(rgb)[1][0, :, 0].T.contiguous()
    height, width = image.shape[:2]
    return SparseHints(torch.from_numpy(places.astype(np.int64)), ab, (height, width))


def _by_name(option: str, folder: str) -> dict[str, Path]:
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise ValueError(f"{option} {folder}: there is no such folder")
    found: dict[str, Path] = {}
    for path in find_images(root):
        name = Path(path).with_suffix("").as_posix()
        if name in found:
            raise ValueError(f"{option} {folder}: {found[name].name} and {path} have one name; keep one")
        found[name] = root / path
    return found


def _of(job: ColorizeTask, found: dict[str, Path], folder: str) -> Path:
    name = Path(job.name).with_suffix("").as_posix()
    if name not in found:
        raise ValueError(f"there is no image {name}.* in {folder}")
    return found[name]


def _same_shape(file: Path, size: tuple[int, ...], photo: Size) -> None:
    """Refuse what can't be the same content, whatever its size."""
    height, width = size
    apart = abs(math.log(height * photo[1] / (width * photo[0])))
    # a small image can only be nearly of the photo's shape
    if apart > _OTHER_SHAPE + 1 / min(*size, *photo):
        raise ValueError(f"{file} is {width}x{height} pixels, which is no size of the photo, {photo[1]}x{photo[0]}")
