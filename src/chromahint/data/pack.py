"""Shrink a folder of photos once and store the pixels in a pack (see `chromahint.data.sources.packed` for the format).

Photos are packed in shards of 256. Each shard is written atomically, with a record of its source files, so packing
resumes where it stopped. On a finished pack, it repairs damaged shards and adds new images.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from torch.utils.data import Dataset

from chromahint.atomic_write import WriteError, atomic_write
from chromahint.data.parallel import parallel_map
from chromahint.data.sources.folder import Folder
from chromahint.data.sources.packed import INDEX_DTYPE, PACK_FORMAT, digest, is_pack, read_metadata, shard_path
from chromahint.images.decode import RGBImage, UnreadableImageError, decode_rgb, read_bytes
from chromahint.images.resize import resize, resize_square
from chromahint.progress import ProgressFn

PACK_SHARD_SIZE = 256
"""Photos per shard."""

ShardRecord = dict[str, Any]
"""`{"source": hex, "pictures": [[name, id, height, width, checksum], ...], "broken": [[name, reason], ...]}`, where
`source` is a checksum of the names, sizes and times of the source files."""


class PackResult(NamedTuple):
    """Number of packed images, bytes of their pixels, and `name: reason` of unreadable images."""

    images: int
    num_bytes: int
    broken: list[str]


def pack(
    source: Folder,
    output: Path,
    side: int = 256,
    squash: bool = False,
    num_workers: int = 0,
    advance: ProgressFn = lambda n: None,
) -> PackResult:
    """Pack all images of a folder, or those in its lists.

    Args:
        source: The folder.
        output: Folder of the pack: new, empty, or left by an earlier call.
        side: Photos are shrunk until their shorter side is this; smaller ones keep their size.
        squash: Resize photos to side x side instead, as `data.resize_mode=squash` does when it reads them.
        num_workers: Processes that decode and resize; 0 uses the calling process.
        advance: Called with the number of images that were packed since the last call.

    Raises:
        ValueError: The output folder holds other files, or no image can be read.
        WriteError: The output folder can't be written.
    """
    if side < 1:
        raise ValueError(f"--side {side}: must be an integer >= 1. Try --side 256.")
    splits = source.splits()
    names = sorted(set().union(*splits.values()))
    if not names:
        raise ValueError(f"{source.root}: no images found. Pass a folder that contains images.")
    _prepare_output(output, side, squash)
    shards = ShardWriter(source.root, output, side, squash, names)
    records: list[ShardRecord] = []
    for record in parallel_map(shards, num_workers):
        if isinstance(record, WriteError):
            raise record
        records.append(record)
        advance(len(record["pictures"]) + len(record["broken"]))
    return _write_index(records, source, output, {"side": side, "squash": squash})


class ShardWriter(Dataset[ShardRecord | WriteError]):
    """Dataset whose items are shard records: item `n` packs shard `n`, unless it is complete already.

    An item is an error if the shard can't be written: an error that a worker process raises would lose its attributes.
    """

    def __init__(self, root: Path, output: Path, side: int, squash: bool, names: list[str]) -> None:
        self.root, self.output, self.side, self.squash, self.names = root, output, side, squash, names

    def __len__(self) -> int:
        return -(-len(self.names) // PACK_SHARD_SIZE)

    def __getitem__(self, number: int) -> ShardRecord | WriteError:
        """Write shard `number` and return its record."""
        names = self.names[number * PACK_SHARD_SIZE : (number + 1) * PACK_SHARD_SIZE]
        pixels = shard_path(self.output, number)
        source = source_checksum(self.root, names, f"{self.side}{' squash' if self.squash else ''}")
        existing = _read_record(pixels)
        if existing is not None and existing["source"] == source:
            return existing
        record: ShardRecord = {"source": source, "pictures": [], "broken": []}
        try:
            with atomic_write(pixels) as file:
                for name in names:
                    self._add(name, record, file)
            write_record(pixels.with_suffix(".json"), record)
        except WriteError as error:
            return error
        return record

    def _add(self, name: str, record: ShardRecord, file: IO[bytes]) -> None:
        path = self.root / name
        try:
            data = read_bytes(path)
            image = (resize_square if self.squash else _shrink)(decode_rgb(data, str(path)), self.side)
        except UnreadableImageError as error:
            record["broken"].append([name, error.reason])
            return
        height, width, _ = image.shape
        pixels = image.tobytes()
        file.write(pixels)
        record["pictures"].append([name, digest(data).hex(), height, width, digest(pixels).hex()])


def source_checksum(root: Path, names: list[str], options: str) -> str:
    """Return a checksum that changes with the options and with the size and time of any file."""
    lines = [options]
    for name in names:
        try:
            state = (root / name).stat()
            lines.append(f"{name}\0{state.st_size}\0{state.st_mtime_ns}")
        except OSError:
            lines.append(f"{name}\0gone")
    return digest("\n".join(lines).encode("utf-8", "surrogateescape")).hex()


def _shrink(image: RGBImage, side: int) -> RGBImage:
    height, width, _ = image.shape
    scale = side / min(height, width)
    if scale < 1:
        image = resize(image, max(side, round(height * scale)), max(side, round(width * scale)))
    return image


def _read_record(pixels: Path) -> ShardRecord | None:
    """Return the record of a complete shard: the checksums of the record and of every image are right."""
    try:
        record = read_record(pixels.with_suffix(".json"))
        with pixels.open("rb") as file:
            for _, _, height, width, checksum in record["pictures"]:
                if digest(file.read(height * width * 3)).hex() != checksum:
                    return None
            return None if file.read(1) else record
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def write_record(path: Path, record: ShardRecord) -> None:
    """Write a record with its checksum."""
    with atomic_write(path) as file:
        file.write(json.dumps({**record, "checksum": _record_checksum(record)}).encode())


def read_record(path: Path) -> ShardRecord:
    """Read a record.

    Raises:
        ValueError: It has changed since it was written; other errors if it is missing or damaged.
    """
    record: ShardRecord = json.loads(path.read_bytes())
    if record.pop("checksum") != _record_checksum(record):
        raise ValueError(f"{path} has changed")
    return record


def _record_checksum(record: ShardRecord) -> str:
    return digest(json.dumps(record).encode()).hex()


def _prepare_output(output: Path, side: int, squash: bool) -> None:
    """Create the folder, or check that it is a pack with the same options."""
    if is_pack(output):
        existing = read_metadata(output)
        if existing.get("side") != side:
            raise ValueError(
                f"--side {side}: the pack {output} has images of side {existing.get('side')}. "
                f"Use --side {existing.get('side')}, or -o ANOTHER/FOLDER."
            )
        if existing.get("squash", False) != squash:
            is_given, use = ("is given", "Leave out") if squash else ("is not given", "Add")
            raise ValueError(
                f"--squash: {is_given}, unlike when the pack {output} was made. "
                f"{use} --squash, or use -o ANOTHER/FOLDER."
            )
    elif output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"-o {output}: already exists and is not a pack. Use -o NEW/FOLDER.")
    write_json(output / "pack.json", {"format": PACK_FORMAT, "complete": False, "side": side, "squash": squash})


def _write_index(
    records: list[ShardRecord], source: Folder, output: Path, options: dict[str, int | bool]
) -> PackResult:
    """Write the index, and finally mark the pack as complete."""
    broken = [f"{name}: {reason}" for record in records for name, reason in record["broken"]]
    names = [image[0] for record in records for image in record["pictures"]]
    if not names:
        raise ValueError(
            f"{source.root}: none of the {len(broken)} images can be read; the first error is: {broken[0]}. "
            "Pass a folder of readable images."
        )
    index, row = np.zeros(len(names), INDEX_DTYPE), 0
    for number, record in enumerate(records):
        offset = 0
        for _, image_id, height, width, checksum in record["pictures"]:
            ids = [np.frombuffer(bytes.fromhex(text), np.uint8) for text in (image_id, checksum)]
            index[row] = (number, offset, height, width, *ids)
            offset, row = offset + height * width * 3, row + 1
    index_bytes = io.BytesIO()
    np.save(index_bytes, index, allow_pickle=False)
    files = {"names.json": json.dumps(names).encode(), "index.npy": index_bytes.getvalue()}
    for name, data in files.items():
        with atomic_write(output / name) as file:
            file.write(data)
    write_lists(output, source, broken)
    current = {f"{number:06d}" for number in range(len(records))}
    for old_file in (output / "shards").iterdir():  # of deleted photos, or partly written by a killed process
        if old_file.stem not in current:
            old_file.unlink()
    metadata = {
        "format": PACK_FORMAT,
        "complete": True,
        **options,
        "pictures": len(names),
        "broken": len(broken),
        "sub_folders": source.subfolders,
        "lists": list(source.read_lists()),
        "checksums": {name: digest(data).hex() for name, data in files.items()},
    }
    write_json(output / "pack.json", metadata)
    num_bytes = sum(height * width * 3 for record in records for _, _, height, width, _ in record["pictures"])
    return PackResult(len(names), num_bytes, broken)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file for people and programs."""
    with atomic_write(path) as file:
        file.write(json.dumps(value, indent=2).encode() + b"\n")


def write_lists(output: Path, source: Folder, broken: list[str]) -> None:
    """Write the lists of the splits, if the source has any, and of the images that can't be read."""
    (output / "broken.txt").unlink(missing_ok=True)
    if broken:
        _write_lines(output / "broken.txt", broken)
    for split, paths in source.read_lists().items():
        _write_lines(output / f"{split}.txt", paths)


def _write_lines(path: Path, lines: list[str]) -> None:
    """Write a text file; names of files that are no UTF-8 keep their bytes."""
    with atomic_write(path) as file:
        file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
