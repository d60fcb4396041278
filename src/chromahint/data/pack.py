"""Shrink a folder of photos once, into a pack (see `packed` for what it is made of).

Photos are packed in shards of 256, each written in one step with a record of what it was made of. So packing that was
stopped goes on where it was, and typed again it mends what was damaged and packs what is new.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from torch.utils.data import Dataset

from chromahint.atomic_write import atomic_write
from chromahint.data.parallel import parallel_map
from chromahint.data.sources.folder import Folder
from chromahint.data.sources.packed import FORMAT, RECORD, digest, is_pack, read_about, shard_file
from chromahint.data.transforms import resize
from chromahint.images.decode import RGBImage, UnreadableImageError, decode, read_bytes
from chromahint.progress import ProgressFn

SHARD = 256
"""Photos in a shard."""

Record = dict[str, Any]
"""Of one shard: {"source": hex, "pictures": [[name, id, height, width, checksum], ...], "broken": [[name, reason]]}."""


class PackResult(NamedTuple):
    """What came of packing: how many pictures, how many bytes of pixels, and `name: reason` of those left out."""

    pictures: int
    size: int
    broken: list[str]


def pack(
    source: Folder, output: Path, side: int = 256, workers: int = 0, advance: ProgressFn = lambda n: None
) -> PackResult:
    """Pack all pictures of a folder, or of its lists.

    Args:
        source: the folder.
        output: the pack: a new or empty folder, or one that a stopped packing has left.
        side: photos are shrunk until their shorter side is this; smaller ones stay as they are.
        workers: processes that decode and shrink; 0 does it in this one.
        advance: told how many more pictures are done.

    Raises:
        ValueError: the folder is taken or can't be written, or no picture can be read.
    """
    if side < 1:
        raise ValueError(f"--side {side}: a side is 1 pixel or more. Type --side 256.")
    splits = source.splits()
    names = sorted(set().union(*splits.values()))
    if not names:
        raise ValueError(f"No pictures in {source.root}. Type the folder that has them.")
    _claim(output, side)
    shards = Shards(source.root, output, side, names)
    records: list[Record] = []
    try:
        for record in parallel_map(shards, workers):
            if isinstance(record, str):
                raise ValueError(record)
            records.append(record)
            advance(len(record["pictures"]) + len(record["broken"]))
        return _finish(records, source, output, side)
    except OSError as error:
        raise ValueError(_unwritable(output, error)) from None


class Shards(Dataset[Record | str]):
    """Packs a shard when it is asked for, unless it is there already; a text is why it can't be written."""

    def __init__(self, root: Path, output: Path, side: int, names: list[str]) -> None:
        self.root, self.output, self.side, self.names = root, output, side, names

    def __len__(self) -> int:
        return -(-len(self.names) // SHARD)

    def __getitem__(self, number: int) -> Record | str:
        """Make shard `number` and give its record."""
        names = self.names[number * SHARD : (number + 1) * SHARD]
        pixels = shard_file(self.output, number)
        made_of = self._source(names)
        known = _read_record(pixels)
        if known is not None and known["source"] == made_of:
            return known
        record: Record = {"source": made_of, "pictures": [], "broken": []}
        try:
            with atomic_write(pixels) as file:
                for name in names:
                    self._add(name, record, file)
            with atomic_write(pixels.with_suffix(".json")) as file:
                file.write(json.dumps({**record, "checksum": _sum(record)}).encode())
        except OSError as error:
            return _unwritable(self.output, error)
        return record

    def _add(self, name: str, record: Record, file: IO[bytes]) -> None:
        path = self.root / name
        try:
            data = read_bytes(path)
            picture = _shrink(decode(data, str(path)), self.side)
        except UnreadableImageError as error:
            record["broken"].append([name, error.reason])
            return
        height, width, _ = picture.shape
        file.write(picture.tobytes())
        record["pictures"].append([name, digest(data).hex(), height, width, digest(picture.data).hex()])

    def _source(self, names: list[str]) -> str:
        """Changes where the side does, or any of the files."""
        lines = [str(self.side)]
        for name in names:
            try:
                state = (self.root / name).stat()
                lines.append(f"{name}\0{state.st_size}\0{state.st_mtime_ns}")
            except OSError:
                lines.append(f"{name}\0gone")
        return digest("\n".join(lines).encode("utf-8", "surrogateescape")).hex()


def _shrink(picture: RGBImage, side: int) -> RGBImage:
    height, width, _ = picture.shape
    scale = side / min(height, width)
    if scale < 1:
        picture = resize(picture, max(side, round(height * scale)), max(side, round(width * scale)))
    return np.ascontiguousarray(picture)


def _read_record(pixels: Path) -> Record | None:
    """The record of a shard that is whole: itself and every picture have their checksums."""
    try:
        record: Record = json.loads(pixels.with_suffix(".json").read_bytes())
        if record.pop("checksum") != _sum(record):
            return None
        with pixels.open("rb") as file:
            for _, _, height, width, checksum in record["pictures"]:
                if digest(file.read(height * width * 3)).hex() != checksum:
                    return None
            return None if file.read(1) else record
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _sum(record: Record) -> str:
    return digest(json.dumps(record).encode()).hex()


def _claim(output: Path, side: int) -> None:
    """Make the folder, or see that it is one of ours."""
    if is_pack(output):
        found = read_about(output).get("side")
        if found != side:
            raise ValueError(f"-o {output}: has pictures of side {found}. Type --side {found}, or -o ANOTHER/FOLDER.")
    elif output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"-o {output}: is there already and is not a pack. Type -o NEW/FOLDER.")
    try:
        _write_json(output / "pack.json", {"format": FORMAT, "complete": False, "side": side})
    except OSError as error:
        raise ValueError(_unwritable(output, error)) from None


def _finish(records: list[Record], source: Folder, output: Path, side: int) -> PackResult:
    """Write the index, and last of all that the pack is complete."""
    broken = [f"{name}: {reason}" for record in records for name, reason in record["broken"]]
    names = [picture[0] for record in records for picture in record["pictures"]]
    if not names:
        raise ValueError(f"None of the {len(broken)} pictures in {source.root} can be read; the first: {broken[0]}")
    index, row = np.zeros(len(names), RECORD), 0
    for number, record in enumerate(records):
        offset = 0
        for _, picture_id, height, width, checksum in record["pictures"]:
            ids = [np.frombuffer(bytes.fromhex(text), np.uint8) for text in (picture_id, checksum)]
            index[row] = (number, offset, height, width, *ids)
            offset, row = offset + height * width * 3, row + 1
    table = io.BytesIO()
    np.save(table, index, allow_pickle=False)
    files = {"names.json": json.dumps(names).encode(), "index.npy": table.getvalue()}
    for name, data in files.items():
        with atomic_write(output / name) as file:
            file.write(data)
    (output / "broken.txt").unlink(missing_ok=True)
    if broken:
        _write_lines(output / "broken.txt", broken)
    for split, paths in source.listed().items():
        _write_lines(output / f"{split}.txt", paths)
    current = {f"{number:06d}" for number in range(len(records))}
    for old in (output / "shards").iterdir():  # of photos that are gone, or half of one that a killed process left
        if old.stem not in current:
            old.unlink()
    about = {
        "format": FORMAT,
        "complete": True,
        "side": side,
        "pictures": len(names),
        "broken": len(broken),
        "sub_folders": source.sub_folders,
        "lists": list(source.listed()),
        "checksums": {name: digest(data).hex() for name, data in files.items()},
    }
    _write_json(output / "pack.json", about)
    size = sum(height * width * 3 for record in records for _, _, height, width, _ in record["pictures"])
    return PackResult(len(names), size, broken)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    with atomic_write(path) as file:
        file.write(json.dumps(value, indent=2).encode() + b"\n")


def _write_lines(path: Path, lines: list[str]) -> None:
    with atomic_write(path) as file:
        file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))


def _unwritable(output: Path, error: OSError) -> str:
    return (
        f"-o {output}: can't be written ({error.strerror or error}). Make room or type another folder; what is packed "
        "is kept, and the same command goes on."
    )
