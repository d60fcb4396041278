"""What packs and shards have in common: a folder of photos that was packed, with the same names, ids, and splits."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from chromahint.data.sources.folder import SPLITS, Folder
from chromahint.images.decode import UnreadableImageError


class PackedFiles(Protocol):
    """Files of a folder in a packed form.

    Attributes:
        names: Their paths relative to the folder that was packed, sorted.
        subfolders: The subfolders among `train`, `val` and `test` of the folder that was packed.
        lists: The splits for which it had a list.
    """

    names: list[str]
    subfolders: list[str]
    lists: list[str]

    @property
    def root(self) -> Path | str:
        """Folder or URL."""
        ...

    @property
    def folder(self) -> Path:
        """Folder of the lists on this machine."""
        ...

    def identify(self, row: int) -> str:
        """Return the id of the original file."""
        ...


class PackedNames:
    """Packed photos, selected by the names of their original files.

    Args:
        files: The packed files.
        names: Names to select; reading one that was not packed raises `UnreadableImageError`.
    """

    def __init__(self, files: PackedFiles, names: list[str]) -> None:
        self._files, self.names = files, names
        rows = {name: row for row, name in enumerate(files.names)}
        self.rows = np.array([rows.get(name, -1) for name in names], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.names)

    def name(self, index: int) -> str:
        """Return the path relative to the folder that was packed."""
        return self.names[index]

    def identify(self, index: int) -> str:
        """Return the id of the original file, so evaluation places the same hints."""
        return self._files.identify(self.row(index))

    def row(self, index: int) -> int:
        """Return the position of a photo among all that were packed."""
        row = int(self.rows[index])
        if row < 0:
            raise UnreadableImageError(self.names[index], f"not among the packed photos in {self._files.root}")
        return row


class PackedFolder(Folder):
    """Photos of a folder that was packed, with the same splits.

    Args:
        files: The packed files.
        val_fraction: As for `Folder`.
        test_fraction: As for `Folder`.
        train_list: As for `Folder`. If all lists are None, those that were packed are used.
        val_list: As for `Folder`.
        test_list: As for `Folder`.
    """

    def __init__(
        self,
        files: PackedFiles,
        val_fraction: float,
        test_fraction: float,
        train_list: str | None,
        val_list: str | None,
        test_list: str | None,
    ) -> None:
        self._files = files
        if (train_list, val_list, test_list) == (None, None, None):
            train_list, val_list, test_list = (
                str(files.folder / f"{split}.txt") if split in files.lists else None for split in SPLITS
            )
        super().__init__(str(files.folder), val_fraction, test_fraction, train_list, val_list, test_list)

    @property
    def subfolders(self) -> list[str]:
        """The subfolders among `train`, `val` and `test` of the folder that was packed."""
        return self._files.subfolders

    def _list_images(self, subfolder: str) -> list[str]:
        return [name for name in self._files.names if not subfolder or name.startswith(f"{subfolder}/")]
