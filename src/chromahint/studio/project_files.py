"""Finds the photos in a project folder, and names those that are added to it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from chromahint.images.decode import EXTENSIONS
from chromahint.images.image_file import OUTPUT_FORMATS

ADDED, SESSIONS, GUESTS = "photos", "sessions", "guests"
"""Folders in a project: photos that were opened on the page, session files, and projects of other people."""
COLORED = "-colored"
"""At the end of the names of colored photos that are written beside their originals."""
MAX_PHOTOS = 5000
_MAX_FILES = 100_000
_MAX_STEM = 100
_RESERVED = re.compile(r'[\x00-\x1f\x7f<>:"|?*/\\]')
"""Characters that some file systems refuse in names."""


def find_photos(root: Path) -> Iterator[Path]:
    """Yield the photos below a folder by their relative paths, a bounded number of them.

    Those that the page added come last, in the order in which they were added. Hidden files are left out, and so is
    what the studio writes.
    """
    reserved = {root / name for name in (SESSIONS, GUESTS, ADDED)}
    added = [Path(ADDED, name) for name in _photos_in(root / ADDED)]
    added.sort(key=lambda path: ((root / path).stat().st_mtime_ns, path))
    files = photos = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name[0] != "." and Path(folder, name) not in reserved)
        files += len(names)
        for name in _photos_in(Path(folder)):
            if photos + len(added) >= MAX_PHOTOS:
                break
            yield Path(folder, name).relative_to(root)
            photos += 1
        if files > _MAX_FILES:
            break
    yield from added


def safe_name(name: str) -> str:
    r"""Return a file name for a photo that is valid everywhere and lies in no other folder.

    >>> safe_name("..\\scans/.a:b?.JPG")
    'ab.JPG'
    """
    path = Path(_RESERVED.sub("", name.replace("\\", "/").rpartition("/")[2]).strip(". "))
    suffix = path.suffix if path.suffix.lower() in EXTENSIONS else ".jpg"
    return (path.stem.strip(". ")[:_MAX_STEM] or "photo") + suffix


def output_suffix(path: Path) -> str:
    """Return the extension of a colored photo: that of the photo, if files of its kind are written."""
    suffix = path.suffix.lower()
    return suffix if suffix in OUTPUT_FORMATS else ".png"


def _photos_in(folder: Path) -> list[str]:
    """Return the names of the photos in one folder, sorted, without results that lie beside their originals."""
    if not folder.is_dir():
        return []
    names = [path.name for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS and path.is_file()]
    stems = {Path(name).stem for name in names}

    def is_result(name: str) -> bool:
        stem = Path(name).stem
        return stem.endswith(COLORED) and stem.removesuffix(COLORED) in stems

    return sorted(name for name in names if name[0] != "." and not is_result(name))
