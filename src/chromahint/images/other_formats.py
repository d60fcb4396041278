"""Pictures in formats that are not read, or only with another package: what to do with them, in a sentence."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

HEIF_EXTENSIONS = frozenset({".heic", ".heif"})
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_NEEDS_PACKAGE = "an HEIC picture, which needs the package pi-heif. Run pip install 'chromahint[studio]'"
_CAMERAS = {
    "Canon": ".crw .cr2 .cr3",
    "Nikon": ".nef .nrw",
    "Sony": ".arw .srf .sr2",
    "Fujifilm": ".raf",
    "Olympus": ".orf",
    "Panasonic": ".rw2",
    "Pentax": ".pef",
    "Samsung": ".srw",
    "Hasselblad": ".3fr .fff",
    "Phase One": ".iiq",
    "Sigma": ".x3f",
    "Leica": ".rwl",
}
_RAW = "a raw file of a {camera} camera, which has to be developed first. Export it as TIFF or JPEG"
_REFUSED = {
    suffix: _RAW.format(camera=camera) for camera, suffixes in _CAMERAS.items() for suffix in suffixes.split()
} | {
    ".dng": "a raw file (DNG), which has to be developed first. Export it as TIFF or JPEG",
    ".psd": "a Photoshop document. Save it as TIFF or PNG",
    ".psb": "a Photoshop document. Save it as TIFF or PNG",
    ".xcf": "a GIMP document. Export it as TIFF or PNG",
    ".pdf": "a PDF document. Export its pages as PNG",
    ".svg": "a vector drawing. Export it as PNG",
    ".jxl": "a JPEG XL picture. Export it as PNG or JPEG",
}


@functools.cache
def can_read_heif() -> bool:
    """Whether the package that decodes HEIC pictures is installed; it is then registered with Pillow."""
    if importlib.util.find_spec("pi_heif") is None:
        return False
    import pi_heif

    pi_heif.register_heif_opener()
    return True


def refusal(path: str, data: bytes = b"") -> str | None:
    """Return why a picture can't be read and what to do, or None if its format is not known to be unreadable.

    Args:
        path: Name of the file.
        data: Its first bytes, if they are known; a wrong extension does not matter then.

    >>> refusal("scan.psd")
    'a Photoshop document. Save it as TIFF or PNG'
    """
    suffix = Path(path).suffix.lower()
    if data.startswith(b"8BPS"):
        suffix = ".psd"
    is_heif = data[8:12] in _HEIF_BRANDS if data[4:8] == b"ftyp" else suffix in HEIF_EXTENSIONS
    if is_heif and not can_read_heif():
        return _NEEDS_PACKAGE
    return _REFUSED.get(suffix)


def find_refused(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the pictures below a folder that can't be read, and why; files that are no pictures are left out."""
    for current, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            reason = refusal(name)
            if reason is not None and not name.startswith("."):
                yield Path(current, name), reason
