"""Sources of hints for photos: hint files, pairs of hint image and mask, a colored reference image, and palettes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from chromahint.color import rgb_to_lab
from chromahint.data.sources.folder import find_images
from chromahint.hints.annotations import Annotations, PaletteColor
from chromahint.hints.colors import to_hex
from chromahint.hints.eval_positions import positions
from chromahint.hints.global_hints import MAX_PALETTE
from chromahint.hints.hint_file import read_hints
from chromahint.hints.palettes import image_palette
from chromahint.hints.sparse_hints import SparseHints
from chromahint.images.decode import UnreadableImageError, decode_rgb, read_bytes, read_photo
from chromahint.inference.batch_plan import ColorizeTask

PhotoSize = tuple[int, int]
HintProvider = Callable[[ColorizeTask, PhotoSize], Annotations | SparseHints | None]
"""Returns the hints of a photo, given its height and width; raises ValueError if there is something wrong with them."""

_REFERENCE_SIZE = 512
"""References are shrunk to about this size squared, so that a color is the mean of several pixels."""
_MAX_ASPECT_DIFFERENCE = 0.1
"""Largest difference of the log aspect ratios of a photo and its hints."""


def without_hints(task: ColorizeTask, size: PhotoSize) -> None:
    """Return no hints, so that the network guesses all colors."""
    return


def from_files(path: str) -> HintProvider:
    """Use one hint file for all photos, or the file NAME.json or NAME.jpg.json of a folder for each."""
    root = Path(path).expanduser()
    if not root.is_dir():
        annotations = read_hints(root)
        return lambda task, size: annotations

    def provide(task: ColorizeTask, size: PhotoSize) -> Annotations:
        file = root / f"{task.name}.json"  # as the studio names its sessions
        if not file.is_file():
            file = root / Path(task.name).with_suffix(".json")
        if not file.is_file():
            raise ValueError(f"{file}: hint file not found. Write one hint file for each photo.")
        return read_hints(file)

    return provide


def from_pairs(hint_dir: str, mask_dir: str) -> HintProvider:
    """Use the colors of `hint_dir/NAME.*` wherever the first channel of `mask_dir/NAME.*` is 255."""
    hints, masks = _index_by_name("--hint-dir", hint_dir), _index_by_name("--mask-dir", mask_dir)

    def provide(task: ColorizeTask, size: PhotoSize) -> SparseHints:
        hint_file, mask_file = _find_image(task, hints, hint_dir), _find_image(task, masks, mask_dir)
        hint, mask = read_photo(hint_file), read_photo(mask_file)
        if hint.shape != mask.shape:
            shapes = [f"{image.shape[1]}x{image.shape[0]}" for image in (hint, mask)]
            raise ValueError(
                f"{hint_file}: size is {shapes[0]}, but the size of its mask {mask_file} is {shapes[1]}. "
                "Use images of the same size."
            )
        height, width = mask.shape[:2]
        _check_aspect_ratio(hint_file, (height, width), size)
        return _pixels_as_hints(hint, np.flatnonzero(mask[..., 0] == 255)).resized(size)

    return provide


def from_reference(path: str, points: int, multiple: bool) -> HintProvider:
    """Sample colors from a colored image of the same content, or from the image of the same name in a folder.

    The positions are those of an evaluation: they depend only on the reference file and the number of points.

    Args:
        path: Path of the image or the folder.
        points: Number of hints.
        multiple: Whether there are several photos, which need a folder.
    """
    root = Path(path).expanduser()
    if not root.is_dir() and multiple:
        raise ValueError(
            f"--reference {path}: not a folder, but there are several photos. "
            "Pass a folder with an image of the same name for each photo."
        )
    if not root.exists():
        raise ValueError(f"--reference {path}: file not found. Pass the path of an image or a folder.")
    references = _index_by_name("--reference", path) if root.is_dir() else None

    def provide(task: ColorizeTask, size: PhotoSize) -> SparseHints:
        file = root if references is None else _find_image(task, references, path)
        data = read_bytes(file)
        image = decode_rgb(data, str(file))
        _check_aspect_ratio(file, image.shape[:2], size)
        scale = _REFERENCE_SIZE / math.sqrt(image.shape[0] * image.shape[1])
        if scale < 1:
            height, width = (max(1, round(length * scale)) for length in image.shape[:2])
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        height, width = image.shape[:2]
        image_id = blake2b(data, digest_size=16).hexdigest()
        pixels = positions(image_id, 0, height, width, min(points, height * width))
        return _pixels_as_hints(image, np.sort(pixels)).resized(size)

    return provide


def with_palette(provide: HintProvider, palette: tuple[PaletteColor, ...]) -> HintProvider:
    """Add a palette to the hints of each photo, in place of their own if they have one."""

    def provide_both(task: ColorizeTask, size: PhotoSize) -> Annotations | SparseHints:
        hints = provide(task, size) or Annotations()
        if isinstance(hints, Annotations):
            return replace(hints, palette=palette)
        return hints._replace(global_hints=Annotations(palette=palette).to_global_hints())

    return provide_both


def palette_of_image(image: NDArray[np.uint8], num_colors: int) -> tuple[PaletteColor, ...]:
    """Return the main colors of an image HxWx3, the most frequent first, with their shares."""
    [ab], [weights] = image_palette(image, num_colors)
    shares = [weight for weight in weights.tolist() if weight > 0]
    return tuple(itertools.starmap(PaletteColor, zip(to_hex(ab[: len(shares)]), shares, strict=True)))


def palette_of_file(path: str, num_colors: int) -> tuple[PaletteColor, ...]:
    """Return the main colors of a picture, of any content and size, with their shares.

    Raises:
        ValueError: The picture can't be read, or there are too many colors.
    """
    if num_colors > MAX_PALETTE:
        raise ValueError(f"--palette-size {num_colors}: must be an integer from 1 to {MAX_PALETTE}.")
    file = Path(path).expanduser()
    if not file.is_file():
        raise ValueError(f"--palette-from {path}: file not found. Pass the path of a color image.")
    try:
        image = read_photo(file)
    except UnreadableImageError as error:
        raise ValueError(f"--palette-from {error}. Pass the path of a color image.") from None
    return palette_of_image(image, num_colors)


def _pixels_as_hints(image: NDArray[np.uint8], pixels: NDArray[np.int64]) -> SparseHints:
    """Return pixels of an image HxWx3, given by ascending flat indices, as hints."""
    rgb = torch.from_numpy(image.reshape(-1, 3)[pixels]).T[None, :, None]
    ab = rgb_to_lab(rgb)[1][0, :, 0].T.contiguous()
    height, width = image.shape[:2]
    return SparseHints(torch.from_numpy(pixels.astype(np.int64)), ab, (height, width))


def _index_by_name(option: str, folder: str) -> dict[str, Path]:
    """Return the images of a folder by name without extension."""
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise ValueError(f"{option} {folder}: folder not found. Pass the path of a folder.")
    images: dict[str, Path] = {}
    for path in find_images(root):
        name = Path(path).with_suffix("").as_posix()
        if name in images:
            raise ValueError(
                f"{option} {folder}: {images[name].name} and {path} have the same name without extension. "
                "Remove one of them."
            )
        images[name] = root / path
    return images


def _find_image(task: ColorizeTask, images: dict[str, Path], folder: str) -> Path:
    name = Path(task.name).with_suffix("").as_posix()
    if name not in images:
        raise ValueError(f"{folder}: no image {name}.* found. Put one there for each photo.")
    return images[name]


def _check_aspect_ratio(file: Path, size: tuple[int, ...], photo: PhotoSize) -> None:
    """Raise an error if an image can't have the same content as the photo, at any resolution."""
    height, width = size
    difference = abs(math.log(height * photo[1] / (width * photo[0])))
    # the aspect ratio of a small image is imprecise
    if difference > _MAX_ASPECT_DIFFERENCE + 1 / min(*size, *photo):
        raise ValueError(
            f"{file}: size is {width}x{height}, whose aspect ratio differs from that of the photo, "
            f"{photo[1]}x{photo[0]}. Use an image of the same content."
        )
