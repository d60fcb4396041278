"""The test layout of 2022: pictures whose color counts only where a mask says so; what is right is not known."""

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
from chromahint.data.sources.folder import find_pictures
from chromahint.data.transforms import resize_square
from chromahint.hints.hints import Hints, hints_from_mask
from chromahint.images.decode import RGBImage, UnreadableImageError, decode, read_bytes

NAMED = 10
"""So many names stand in a message."""


class Pair(NamedTuple):
    """One picture and its hints.

    Attributes:
        lightness: 1HW float32 in 0..100.
        hints: ab 2HW in Lab units and mask 1HW, without a batch.
        id: BLAKE2b of the bytes of both files.
    """

    lightness: Tensor
    hints: Hints
    id: str


class Pairs(Dataset[Pair | UnreadableImageError]):
    """The pairs of `hint/` and `mask/` below a folder, sorted by name.

    `hint/NAME.*` has the photo's lightness, and its color where there are hints; `mask/NAME.*` is a hint wherever its
    first channel is 255. Names match without their extension.

    Args:
        root: the folder.
        size: height and width that pairs are squashed to; None leaves each as it is. Shrinking loses no hint:
            those that fall on one pixel become one of their mean color.

    Raises:
        ValueError: a folder or a partner is missing, or a name stands twice.
    """

    def __init__(self, root: str, size: int | None = 256) -> None:
        self.root, self.size = Path(root).expanduser(), size
        self.hints, self.masks = (self._by_name(kind) for kind in ("hint", "mask"))
        problems = [
            f"{mine}/{name} has no partner in {other}/"
            for mine, one, other, two in (
                ("hint", self.hints, "mask", self.masks),
                ("mask", self.masks, "hint", self.hints),
            )
            for name in sorted(set(one) - set(two))
        ]
        if problems:
            raise ValueError(
                f"data.root={root}: {'; '.join(problems[:NAMED])}{_more(problems)}. Each picture in hint/ needs one in "
                "mask/ of the same name, and the other way round; the extensions may differ."
            )
        if not self.hints:
            raise ValueError(f"data.root={root}: no pictures in hint/ and mask/.")
        self.names = sorted(self.hints)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Pair | UnreadableImageError:
        """One pair, or why it can't be read."""
        try:
            return self._read(self.names[index])
        except UnreadableImageError as error:
            return error

    def identify(self, index: int) -> str:
        """BLAKE2b of the bytes of both files; `UnreadableImageError` where one can't be read."""
        files = (self.hints[self.names[index]], self.masks[self.names[index]])
        return _identify(*(read_bytes(file) for file in files))

    def _read(self, name: str) -> Pair:
        files = (self.hints[name], self.masks[name])
        data = [read_bytes(file) for file in files]
        hint, mask = (decode(content, str(file)) for content, file in zip(data, files, strict=True))
        if hint.shape != mask.shape:
            sizes = [f"{picture.shape[1]}x{picture.shape[0]}" for picture in (hint, mask)]
            raise UnreadableImageError(
                str(files[0]), f"is {sizes[0]} pixels, and its mask {files[1].name} is {sizes[1]}"
            )
        lightness_1HW, hints = _to_maps(hint, mask, self.size)
        return Pair(lightness_1HW, hints, _identify(*data))

    def _by_name(self, kind: str) -> dict[str, Path]:
        if not (self.root / kind).is_dir():
            raise ValueError(
                f"data.root={self.root} has no folder {kind}/. Type data.root=PATH with one that has hint/ and mask/."
            )
        found: dict[str, Path] = {}
        for path in find_pictures(self.root / kind):
            name = Path(path).with_suffix("").as_posix()
            if name in found:
                raise ValueError(
                    f"data.root={self.root}: {kind}/{found[name].name} and {kind}/{path} have one name. Keep one."
                )
            found[name] = self.root / kind / path
        return found


class HintMaskPairs(L.LightningDataModule):
    """Pairs of hint and mask, to be colored; there is nothing to learn from them and nothing to measure.

    Args:
        root: folder with `hint/` and `mask/`.
        eval_size: height and width that pairs are squashed to; None leaves each as it is.
        num_workers: processes that load pairs.
    """

    def __init__(self, root: str, eval_size: int | None = 256, num_workers: int = 2) -> None:
        super().__init__()
        for key, value, least in (("eval_size", eval_size, 1), ("num_workers", num_workers, 0)):
            if value is not None and value < least:
                raise ValueError(f"data.{key}={value} is too small. Type data.{key}=N with N of {least} or more.")
        self.root, self.eval_size, self.num_workers = root, eval_size, num_workers

    def pairs(self) -> Pairs:
        """Find the pairs."""
        return Pairs(self.root, self.eval_size)

    def train_dataloader(self) -> None:
        """Refuse."""
        raise ValueError(
            "data=hint_mask_pairs has no photos to learn from, only hints. Type data=folder data.root=PATH to train, "
            "and `chromahint evaluate run=RUN data=hint_mask_pairs data.root=PATH` to color the pairs."
        )


def _to_maps(hint: RGBImage, mask: RGBImage, size: int | None) -> tuple[Tensor, Hints]:
    """Lightness 1HW and hints of a hint picture and a mask HxWx3, squashed to `size` if that is given."""
    lightness, ab = rgb_to_lab(_to_batch(hint))
    mask_11HW = _to_batch(mask)[:, :1].eq(255).float()
    if size is not None and hint.shape[:2] != (size, size):
        lightness = rgb_to_lab(_to_batch(resize_square(hint, size)))[0]
        # each new pixel averages all old ones that it touches, so that no hint is passed over
        share = adaptive_avg_pool2d(mask_11HW, size)
        ab = adaptive_avg_pool2d(ab * mask_11HW, size) / share.clamp(min=1e-12)
        mask_11HW = share.gt(0).float()
    hints = hints_from_mask(ab, mask_11HW)
    return lightness[0], Hints(hints.ab[0], hints.mask[0])


def _to_batch(picture: RGBImage) -> Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None]


def _identify(*files: bytes) -> str:
    return blake2b(b"".join(blake2b(data, digest_size=16).digest() for data in files), digest_size=16).hexdigest()


def _more(problems: list[str]) -> str:
    return f"; and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
