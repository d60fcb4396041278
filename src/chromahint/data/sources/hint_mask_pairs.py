"""Test layout of 2022: pairs of a hint image and a mask, without ground truth."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import lightning as L
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d
from torch.utils.data import Dataset

from chromahint.color import rgb_to_lab
from chromahint.data.sources.folder import find_images
from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.images.decode import RGBImage, UnreadableImageError, decode_rgb, read_bytes
from chromahint.images.resize import resize_square
from chromahint.ranges import Directory, ImageSize, NumWorkers, validate_arguments

MAX_NAMES = 10
"""Names listed in an error message."""


class Pair(NamedTuple):
    """One image and its hints.

    Attributes:
        lightness: 1HW float32 in 0..100.
        hints: ab 2HW in Lab units and mask 1HW, without a batch dimension.
        id: BLAKE2b of the bytes of both files.
    """

    lightness: Tensor
    hints: Hints
    id: str


class Pairs(Dataset[Pair | UnreadableImageError]):
    """Pairs of files in `hint/` and `mask/` below a folder, sorted by name.

    `hint/NAME.*` has the photo's lightness, and its color at hinted pixels; the first channel of `mask/NAME.*` is 255
    at hinted pixels. Files are matched by name without extension.

    Args:
        root: The folder.
        size: Height and width that pairs are squashed to; None keeps their size. No hint is lost: hints that fall
            on the same pixel are averaged.

    Raises:
        ValueError: A folder or the partner of a file is missing, or two files have the same name.
    """

    def __init__(self, root: str, size: int | None = 256) -> None:
        self.root, self.size = Path(root).expanduser(), size
        self.hints, self.masks = (self._find_files(kind) for kind in ("hint", "mask"))
        unmatched = [
            f"{kind}/{name} has no partner in {other}/"
            for kind, files, other, partners in (
                ("hint", self.hints, "mask", self.masks),
                ("mask", self.masks, "hint", self.hints),
            )
            for name in sorted(set(files) - set(partners))
        ]
        if unmatched:
            more = f"; and {len(unmatched) - MAX_NAMES} more" if len(unmatched) > MAX_NAMES else ""
            raise ValueError(
                f"data.root={root}: {'; '.join(unmatched[:MAX_NAMES])}{more}. Put an image of the same name into both "
                "hint/ and mask/; the extensions may differ."
            )
        if not self.hints:
            raise ValueError(f"data.root={root}: no images found in hint/ and mask/. Put pairs of images there.")
        self.names = sorted(self.hints)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Pair | UnreadableImageError:
        """Return one pair, or the error that occurred on reading it."""
        try:
            return self._read(self.names[index])
        except UnreadableImageError as error:
            return error

    def identify(self, index: int) -> str:
        """Return the BLAKE2b of the bytes of both files; raises `UnreadableImageError` if one can't be read."""
        files = (self.hints[self.names[index]], self.masks[self.names[index]])
        return _hash_files(*(read_bytes(file) for file in files))

    def _read(self, name: str) -> Pair:
        files = (self.hints[name], self.masks[name])
        data = [read_bytes(file) for file in files]
        hint, mask = (decode_rgb(content, str(file)) for content, file in zip(data, files, strict=True))
        if hint.shape != mask.shape:
            sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in (hint, mask)]
            raise UnreadableImageError(
                str(files[0]), f"size is {sizes[0]}, but the size of its mask {files[1].name} is {sizes[1]}"
            )
        lightness_1HW, hints = _to_maps(hint, mask, self.size)
        return Pair(lightness_1HW, hints, _hash_files(*data))

    def _find_files(self, kind: str) -> dict[str, Path]:
        """Return the files of `hint/` or `mask/` by name without extension."""
        if not (self.root / kind).is_dir():
            raise ValueError(
                f"data.root={self.root}: has no subfolder {kind}/. "
                "Use data.root=PATH of a folder with subfolders hint/ and mask/."
            )
        files: dict[str, Path] = {}
        for path in find_images(self.root / kind):
            name = Path(path).with_suffix("").as_posix()
            if name in files:
                raise ValueError(
                    f"data.root={self.root}: {kind}/{files[name].name} and {kind}/{path} have the same name without "
                    "extension. Remove one of them."
                )
            files[name] = self.root / kind / path
        return files


class HintMaskPairs(L.LightningDataModule):
    """Data module of pairs of hint image and mask. They can be colored, but not used for training or metrics.

    Args:
        root: Folder with subfolders `hint/` and `mask/`.
        eval_size: Height and width that pairs are squashed to; None keeps their size.
        num_workers: Worker processes that load pairs.
    """

    @validate_arguments("data")
    def __init__(self, root: Directory, eval_size: ImageSize | None = 256, num_workers: NumWorkers = 2) -> None:
        super().__init__()
        self.root, self.eval_size, self.num_workers = root, eval_size, num_workers

    def pairs(self) -> Pairs:
        """Return the dataset of pairs."""
        return Pairs(self.root, self.eval_size)

    def train_dataloader(self) -> None:
        """Raise an error: pairs have no ground truth."""
        raise ValueError(
            "data=hint_mask_pairs: pairs have no ground truth to train on. Use data=folder data.root=PATH to train, "
            "and `chromahint evaluate run=RUN data=hint_mask_pairs data.root=PATH` to color the pairs."
        )


def _to_maps(hint: RGBImage, mask: RGBImage, size: int | None) -> tuple[Tensor, Hints]:
    """Return lightness 1HW and hints of a hint image and a mask HxWx3, squashed to `size` if given."""
    lightness, ab = rgb_to_lab(_to_batch(hint))
    mask_11HW = _to_batch(mask)[:, :1].eq(255).float()
    if size is not None and hint.shape[:2] != (size, size):
        lightness = rgb_to_lab(_to_batch(resize_square(hint, size)))[0]
        # each new pixel averages all old pixels that it overlaps, so no hint is lost
        coverage = adaptive_avg_pool2d(mask_11HW, size)
        ab = adaptive_avg_pool2d(ab * mask_11HW, size) / coverage.clamp(min=1e-12)
        mask_11HW = coverage.gt(0).float()
    hints = hints_from_mask(ab, mask_11HW)
    return lightness[0], Hints(hints.ab[0], hints.mask[0])


def _to_batch(image: RGBImage) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None]


def _hash_files(*files: bytes) -> str:
    return blake2b(b"".join(blake2b(data, digest_size=16).digest() for data in files), digest_size=16).hexdigest()
