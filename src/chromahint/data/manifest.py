"""Manifests: lists of the photos of a set with their ids, by which two people know that they measured the same ones."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from chromahint.data.parallel import parallel_map
from chromahint.data.sources.folder import FilePhotos, find_images
from chromahint.images.decode import UnreadableImageError
from chromahint.progress import ProgressFn

MANIFEST_FORMAT = 1
Manifest = dict[str, Any]
"""Content of a manifest; `docs/file-formats.md` describes it."""


class _Entries(Dataset[dict[str, Any] | str]):
    """Entry of each photo in a manifest, or the reason why a photo can't be read."""

    def __init__(self, photos: FilePhotos) -> None:
        self.photos = photos

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> dict[str, Any] | str:
        name = self.photos.name(index)
        try:
            height, width, _ = self.photos.read(index).shape
        except UnreadableImageError as error:
            return f"{name}: {error.reason}"
        size = (self.photos.root / name).stat().st_size
        return {"name": name, "id": self.photos.identify(index), "bytes": size, "size": [width, height]}


def open_photos(root: Path) -> FilePhotos:
    """Return all images below a folder, sorted by path.

    Raises:
        ValueError: The folder does not exist or contains no image.
    """
    if not root.is_dir():
        raise ValueError(f"{root}: folder not found. Pass a folder that contains images.")
    paths = find_images(root)
    if not paths:
        raise ValueError(f"{root}: no images found. Pass a folder that contains images.")
    return FilePhotos(root, paths)


def create_manifest(
    root: Path, license: str, source: str, num_workers: int = 0, advance: ProgressFn = lambda images: None
) -> Manifest:
    """List all images below a folder. Every image is decoded, so a manifest never lists a damaged file.

    Args:
        root: The folder.
        license: License of the photos.
        source: Where others get the photos.
        num_workers: Processes that read; 0 reads in the calling process.
        advance: Called with the number of images that were read since the last call.

    Raises:
        ValueError: The folder contains no image, or one can't be read.
    """
    entries = []
    for entry in parallel_map(_Entries(open_photos(root)), num_workers):
        if isinstance(entry, str):
            raise ValueError(f"{root}: {entry}. Remove the file, or replace it by an intact copy.")
        entries.append(entry)
        advance(1)
    entries.sort(key=lambda entry: entry["name"])
    header = {"format": MANIFEST_FORMAT, "license": license, "source": source, "images": len(entries)}
    return header | {"id": set_id([entry["id"] for entry in entries]), "files": entries}


def set_id(ids: list[str]) -> str:
    """Return an id of a set of images, which depends on neither their names nor their order."""
    return blake2b("\n".join(sorted(ids)).encode(), digest_size=16).hexdigest()


def format_manifest(manifest: Manifest) -> str:
    """Format a manifest as JSON with one line per file."""
    header = json.dumps({key: value for key, value in manifest.items() if key != "files"}, indent=2, ensure_ascii=False)
    files = ",\n".join(f"    {json.dumps(entry, ensure_ascii=False)}" for entry in manifest["files"])
    return f'{header.removesuffix("}").rstrip()},\n  "files": [\n{files}\n  ]\n}}\n'


def read_manifest(file: Path) -> Manifest:
    """Read a manifest.

    Raises:
        ValueError: The file is missing or not a manifest.
    """
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        ids = [str(entry["id"]) for entry in manifest["files"] if isinstance(entry["name"], str)]
        valid = manifest["format"] == MANIFEST_FORMAT and {"license", "source"} <= manifest.keys()
        valid = valid and manifest["images"] == len(ids) > 0 and manifest["id"] == set_id(ids)
    except OSError as error:
        raise ValueError(f"{file}: cannot be read ({error.strerror}). Pass a manifest.") from None
    except (ValueError, KeyError, TypeError):
        valid = False
    if not valid:
        raise ValueError(f"{file}: not a manifest. Write one with `chromahint data manifest ROOT -o FILE`.")
    return dict(manifest)


def verify_manifest(root: Path, manifest: Manifest) -> FilePhotos:
    """Check that a folder contains exactly the images of a manifest; a file may have another name.

    Returns:
        The images of the folder, sorted by path.

    Raises:
        ValueError: An image is missing, has changed, or is not in the manifest. The message names the first difference.
    """
    photos = open_photos(root)
    expected = {entry["name"]: str(entry["id"]) for entry in manifest["files"]}
    found = {photos.name(index): _identify(photos, index) for index in range(len(photos))}
    if set_id(list(found.values())) == manifest["id"]:
        return photos
    differences = (_difference(name, expected, found) for name in sorted(expected | found))
    difference = next(filter(None, differences), "one of them is there several times, or too few times")
    raise ValueError(
        f"{root}: not the set of its manifest, which lists {len(expected):,} images: {difference}. "
        f"Get the set from its source: {manifest['source']}"
    )


def _identify(photos: FilePhotos, index: int) -> str:
    try:
        return photos.identify(index)
    except UnreadableImageError:
        return "unreadable"


def _difference(name: str, expected: dict[str, str], found: dict[str, str]) -> str | None:
    """Describe how a file differs from the manifest; None if it does not, or only has another name."""
    lost = name in expected and expected[name] not in found.values()
    added = name in found and found[name] not in expected.values()
    if lost and name in found:
        return f"{name} has changed (its id is {found[name]}, not {expected[name]})"
    if lost:
        return f"{name} is missing"
    return f"{name} is not in the manifest" if added else None
