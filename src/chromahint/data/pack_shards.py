"""Copy the files of a folder of photos, unchanged, into shards (see `chromahint.data.sources.shards` for the format).

Each shard is written to a temporary folder and moved to its place, followed by a record of its source files, so packing
resumes where it stopped. `photos.json` is deleted first and written last: incomplete shards are not read.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from chromahint.atomic_write import WriteError, atomic_write, name_file_in_errors
from chromahint.data.pack import (
    PackResult,
    ShardRecord,
    read_record,
    source_checksum,
    write_json,
    write_lists,
    write_record,
)
from chromahint.data.parallel import parallel_map
from chromahint.data.sources.folder import Folder
from chromahint.data.sources.packed import digest
from chromahint.data.sources.shards import FILES, SHARDS_FORMAT, import_litdata
from chromahint.images.decode import UnreadableImageError, read_bytes
from chromahint.progress import ProgressFn

SHARD_BYTES = 64 * 2**20
"""Shards end before the file that would make them larger."""


def pack_shards(source: Folder, output: Path, num_workers: int = 0, advance: ProgressFn = lambda n: None) -> PackResult:
    """Copy all images of a folder, or those in its lists, into shards.

    Images are not decoded: one that can't be is reported when it is read, as in the folder.

    Args:
        source: The folder.
        output: Folder of the shards: new, empty, or left by an earlier call.
        num_workers: Processes that copy; 0 uses the calling process.
        advance: Called with the number of images that were packed since the last call.

    Raises:
        ValueError: litdata is missing, the output folder holds other files, or no image can be read.
        WriteError: The output folder can't be written.
    """
    import_litdata()
    names = sorted(set().union(*source.splits().values()))
    if not names:
        raise ValueError(f"{source.root}: no images found. Pass a folder that contains images.")
    if output.exists() and (not output.is_dir() or (any(output.iterdir()) and not (output / "records").is_dir())):
        raise ValueError(f"-o {output}: already exists and holds no shards. Use -o NEW/FOLDER.")
    (output / "photos.json").unlink(missing_ok=True)
    records: list[ShardRecord] = []
    for record in parallel_map(ShardCopier(source.root, output, names), num_workers):
        if isinstance(record, WriteError):
            raise record
        records.append(record)
        advance(len(record["pictures"]) + len(record["broken"]))
    return _write_index(records, source, output)


class ShardCopier(Dataset[ShardRecord | WriteError]):
    """Dataset whose items are shard records: item `n` writes shard `n`, unless it is complete already.

    A record is `{"source": hex, "pictures": [[name, id], ...], "broken": [[name, reason], ...], "chunk": ...,
    "config": ...}`, the last two as in litdata's index. An item is an error if the shard can't be written.
    """

    def __init__(self, root: Path, output: Path, names: list[str]) -> None:
        self.root, self.output = root, output
        self.shards = _divide(root, names)

    def __len__(self) -> int:
        return len(self.shards)

    def __getitem__(self, number: int) -> ShardRecord | WriteError:
        """Write shard `number` and return its record."""
        names = self.shards[number]
        path = self.output / "records" / f"{number:06d}.json"
        source = source_checksum(self.root, names, SHARDS_FORMAT)
        try:
            existing = read_record(path)
            if existing["source"] == source and _is_complete(self.output, existing["chunk"]):
                return existing
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
        record: ShardRecord = {"source": source, "pictures": [], "broken": [], "chunk": None, "config": None}
        try:
            with name_file_in_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink(missing_ok=True)
                with tempfile.TemporaryDirectory(prefix=".writing-", dir=self.output) as temporary:
                    self._write(number, names, record, temporary)
            write_record(path, record)
        except WriteError as error:
            return error
        return record

    def _write(self, number: int, names: list[str], record: ShardRecord, temporary: str) -> None:
        from litdata.streaming.writer import BinaryWriter

        writer = BinaryWriter(temporary, chunk_size=len(names) + 1, chunk_index=number)
        for name in names:
            try:
                data = read_bytes(self.root / name)
                if not data:
                    raise UnreadableImageError(name, "the file is empty")
            except UnreadableImageError as error:
                record["broken"].append([name, error.reason])
                continue
            image_id = digest(data).hex()
            writer.add_item(len(record["pictures"]), {"id": image_id, "image": data, "name": _as_utf8(name)})
            record["pictures"].append([name, image_id])
        if record["pictures"]:
            writer.done()
            index = json.loads(Path(writer.write_chunks_index()).read_bytes())
            record["chunk"], record["config"] = index["chunks"][0], index["config"]
            record["chunk"]["filename"], written = f"chunk-0-{number}.bin", record["chunk"]["filename"]
            shutil.move(Path(temporary, written), self.output / record["chunk"]["filename"])


def _divide(root: Path, names: list[str]) -> list[list[str]]:
    """Divide names into shards by the sizes of their files."""
    shards: list[list[str]] = []
    room = 0
    for name in names:
        try:
            size = (root / name).stat().st_size
        except OSError:
            size = 0
        if size > room or not shards:
            shards.append([])
            room = SHARD_BYTES
        shards[-1].append(name)
        room -= size
    return shards


def _is_complete(output: Path, chunk: dict[str, int | str] | None) -> bool:
    return chunk is None or (output / str(chunk["filename"])).stat().st_size == chunk["chunk_bytes"]


def _as_utf8(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _write_index(records: list[ShardRecord], source: Folder, output: Path) -> PackResult:
    """Write the index, and finally photos.json."""
    broken = [f"{name}: {reason}" for record in records for name, reason in record["broken"]]
    pictures = [picture for record in records for picture in record["pictures"]]
    if not pictures:
        raise ValueError(
            f"{source.root}: none of the {len(broken)} images can be read; the first error is: {broken[0]}. "
            "Pass a folder of readable images."
        )
    written = [record for record in records if record["chunk"]]
    index = {
        "chunks": [record["chunk"] for record in written],
        "config": {**written[0]["config"], "chunk_size": max(record["chunk"]["chunk_size"] for record in written)},
    }
    ids = io.BytesIO()
    np.save(ids, np.array([list(bytes.fromhex(image_id)) for _, image_id in pictures], np.uint8), allow_pickle=False)
    data = (json.dumps([name for name, _ in pictures]).encode(), ids.getvalue(), json.dumps(index, indent=1).encode())
    for name, content in zip(FILES, data, strict=True):
        with atomic_write(output / name) as file:
            file.write(content)
    write_lists(output, source, broken)
    _delete_leftovers(output, len(records), {record["chunk"]["filename"] for record in written})
    metadata = {
        "format": SHARDS_FORMAT,
        "images": len(pictures),
        "broken": len(broken),
        "sub_folders": source.subfolders,
        "lists": list(source.read_lists()),
        "checksums": {name: digest(content).hex() for name, content in zip(FILES, data, strict=True)},
    }
    write_json(output / "photos.json", metadata)
    return PackResult(len(pictures), sum(record["chunk"]["chunk_bytes"] for record in written), broken)


def _delete_leftovers(output: Path, num_records: int, chunks: set[str]) -> None:
    """Delete what belongs to deleted photos, or was left by a killed process."""
    for path in output.glob(".writing-*"):
        shutil.rmtree(path)
    for path in output.glob("chunk-*.bin"):
        if path.name not in chunks:
            path.unlink()
    for path in (output / "records").iterdir():
        if not path.stem.isdecimal() or int(path.stem) >= num_records:
            path.unlink()
