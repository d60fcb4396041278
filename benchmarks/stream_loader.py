"""Loading from shards at the rate of a GPU, and the index of a set of millions of photos.

    python benchmarks/stream_loader.py                    prints a table
    python benchmarks/stream_loader.py --rate 2000        pictures/s that the simulated GPU takes
    python -W ignore benchmarks/stream_loader.py --workers 0 1 2 4 8
    python benchmarks/stream_loader.py --json             prints one JSON object

1. Packing files, and reading them in random order: CPU time per picture, all but the decoding.
2. The loader of one GPU, for growing numbers of workers. Decoding is replaced by waiting as long as it takes
   (`--decode-ms`, from `benchmarks/jpeg.py`), so that a few cores stand for as many as there are workers. A simulated
   GPU spends as long on a batch as it has at `--rate`; the share of the time that it waits is what training logs as
   `train/data_wait`.
3. Opening a set of 1.8 million photos, whose shards here are empty: seconds and memory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from chromahint.data.datamodule import PhotoDataModule
from chromahint.data.pack import write_json
from chromahint.data.pack_shards import SHARD_BYTES, pack_shards
from chromahint.data.samplers import ResumableBatchSampler, TrainSampler, permutation
from chromahint.data.sources import stream
from chromahint.data.sources.folder import Folder
from chromahint.data.sources.packed import digest
from chromahint.data.sources.shards import FILES, SHARDS_FORMAT, import_litdata
from chromahint.data.sources.stream import Stream


def write_files(folder: Path, count: int, size: int) -> None:
    """Write files of random bytes; decoding is replaced."""
    for number in range(count):
        path = folder / f"{number // 1000:03d}" / f"{number:08d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))


def measure_reading(root: Path, shards: Path) -> dict[str, float]:
    """Return the CPU milliseconds per picture of packing, and of reading and verifying in random order."""
    start = time.process_time()
    count = pack_shards(Folder(str(root), 0.0, 0.0), shards).images
    packing = time.process_time() - start
    source = Stream(str(shards), 0.0, 0.0).shards
    order = permutation(0, 0, count)
    source.read(0)
    start = time.process_time()
    for row in order:
        source.read(int(row))
    reading = time.process_time() - start
    return {"pack ms": 1000 * packing / count, "read ms": 1000 * reading / count}


def simulate(shards: Path, workers: int, rate: float, seconds: float, batch_size: int) -> dict[str, float]:
    """Let a simulated GPU take `rate` pictures a second from a loader; return what it got, and its share of waiting."""
    module = PhotoDataModule(
        Stream(str(shards), 0.0, 0.0), train_size=128, batch_size=batch_size, num_workers=workers, shorter_side=None
    )
    loader = module.train_dataloader()
    for _ in loader:  # starts the workers
        pass
    step, waited, taken, epoch = batch_size / rate, 0.0, 0, 0
    start, used = time.perf_counter(), time.process_time()
    while (now := time.perf_counter()) < start + seconds:
        epoch += 1
        loader.batch_sampler.sampler.set_epoch(epoch)
        batches = iter(loader)
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            now = time.perf_counter()
            waited += now - asked
            if batch is None or now > start + seconds:
                break
            taken += len(batch["rgb"])
            time.sleep(step)
    elapsed, used = now - start, time.process_time() - used
    return {
        "workers": workers,
        "pictures/s": taken / elapsed,
        "waiting": waited / elapsed,
        "CPU ms a picture in the training process": 1000 * used / taken,
    }


def write_index(folder: Path, count: int, size: int) -> None:
    """Write the index of `count` pictures, and files without content in place of the shards."""
    per_shard = SHARD_BYTES // size
    chunks = [
        {"chunk_bytes": size * per_shard, "chunk_size": min(per_shard, count - first), "filename": f"chunk-0-{n}.bin"}
        for n, first in enumerate(range(0, count, per_shard))
    ]
    names = [f"{number // 5000:03d}/Places365_{number:08d}.jpg" for number in range(count)]
    (folder / "names.json").write_text(json.dumps(names))
    np.save(folder / "ids.npy", np.zeros((count, 16), np.uint8))
    (folder / "index.json").write_text(json.dumps({"chunks": chunks, "config": {}}))
    for chunk in chunks:
        with (folder / str(chunk["filename"])).open("wb") as file:
            file.truncate(int(str(chunk["chunk_bytes"])))
    checksums = {name: digest((folder / name).read_bytes()).hex() for name in FILES}
    metadata = {"format": SHARDS_FORMAT, "images": count, "sub_folders": [], "lists": [], "checksums": checksums}
    write_json(folder / "photos.json", metadata)


def open_index(folder: Path) -> dict[str, float]:
    """Return the seconds until the first batch is known, and the memory that this takes."""
    import_litdata()
    process = psutil.Process()
    before, start = process.memory_info().rss, time.process_time()
    source = Stream(str(folder))
    photos = source.photos("train")
    opened = time.process_time()
    next(iter(ResumableBatchSampler(TrainSampler(len(photos), 32, seed=0))))
    ended = time.process_time()
    return {
        "pictures": len(photos),
        "shards": len(source.shards.chunks),
        "open s": opened - start,
        "order of an epoch s": ended - opened,
        "memory MiB": (process.memory_info().rss - before) / 2**20,
    }


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run all parts."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_files(folder / "files", arguments.images, arguments.bytes)
        results: dict[str, Any] = {"reading": measure_reading(folder / "files", folder / "shards")}
        picture = np.zeros((256, 256, 3), np.uint8)

        def decode(data: bytes, path: str, min_side: int | None = None) -> np.ndarray:
            time.sleep(arguments.decode_ms / 1000)
            return picture

        stream.decode_rgb = decode  # the workers are forked
        results["loader"] = [
            simulate(folder / "shards", workers, arguments.rate, arguments.seconds, arguments.batch_size)
            for workers in arguments.workers
        ]
        (folder / "index").mkdir()
        write_index(folder / "index", arguments.index, arguments.bytes)
        # in a process of its own, whose memory is only the index's
        command = [sys.executable, __file__, "--open", str(folder / "index")]
        results["index"] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return results


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=1000, help="pictures/s that the simulated GPU takes")
    parser.add_argument("--decode-ms", type=float, default=0.4, help="time to decode and crop a picture")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=10, help="for each number of workers")
    parser.add_argument("--images", type=int, default=8000, help="files to pack and load")
    parser.add_argument("--bytes", type=int, default=13_300, help="size of a file; Places365 at 256 px has 13,300")
    parser.add_argument("--index", type=int, default=1_803_460, help="photos of the large set; Places365 has 1,803,460")
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.open:
        print(json.dumps(open_index(arguments.open)))
        return
    results = measure(arguments)
    if arguments.json:
        print(json.dumps(results))
        return
    for name, rows in results.items():
        for row in rows if isinstance(rows, list) else [rows]:
            print(f"{name}: " + ", ".join(f"{key} {value:,.3g}" for key, value in row.items()))


if __name__ == "__main__":
    main()
