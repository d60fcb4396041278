"""On-disk cache of scenes, in shards of 16."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from chromahint.atomic_write import atomic_write
from chromahint.cache_folder import cache_folder
from chromahint.data.parallel import available_cores
from chromahint.data.synthetic.scene import VERSION, draw_scene
from chromahint.images.decode import RGBImage
from chromahint.parent_process import end_with_parent
from chromahint.progress import progress_bar

SCENES_PER_SHARD = 16
"""Scenes per file."""


class SceneShards:
    """Shards of all scenes of one seed and size. A missing or damaged shard is drawn on first access."""

    def __init__(self, seed: int, size: int) -> None:
        self.seed, self.size = seed, size
        self.folder = cache_folder() / f"scenes-{VERSION}" / f"{size}px-seed{seed}"
        self._open: dict[int, RGBImage] = {}

    def read(self, scene: int) -> RGBImage:
        """Read one scene, size x size x 3 uint8 RGB, read-only."""
        number, position = divmod(scene, SCENES_PER_SHARD)
        if number not in self._open:
            shard = self._load(number)
            if shard is None:
                write_shard(self.path(number), self.seed, number, self.size)
                shard = self._load(number)
            assert shard is not None
            self._open[number] = shard
        image: RGBImage = self._open[number][position]
        return image

    def draw_missing(self, start: int, count: int) -> None:
        """Draw the missing shards of `count` scenes, beginning at `start`, on all cores and with a progress bar."""
        numbers = range(start // SCENES_PER_SHARD, (start + count - 1) // SCENES_PER_SHARD + 1)
        missing = [number for number in numbers if self._load(number) is None]
        if not missing:
            return
        title = f"Drawing {len(missing) * SCENES_PER_SHARD:,} scenes once; they are cached in {self.folder}"
        with progress_bar(title, len(missing) * SCENES_PER_SHARD) as advance:
            for _ in self._draw(missing):
                advance(SCENES_PER_SHARD)

    def path(self, number: int) -> Path:
        """Return the path of a shard."""
        return self.folder / f"{number:09d}.npy"

    def _draw(self, numbers: list[int]) -> Iterator[None]:
        processes = min(len(numbers), available_cores())
        if processes == 1:
            for number in numbers:
                write_shard(self.path(number), self.seed, number, self.size)
                yield
            return
        # forked processes need no imports; on other platforms only the default start method is safe
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
        with ProcessPoolExecutor(processes, context, _init_process, (os.getpid(),)) as pool:
            futures = [pool.submit(write_shard, self.path(number), self.seed, number, self.size) for number in numbers]
            try:
                for future in as_completed(futures):
                    future.result()
                    yield
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _load(self, number: int) -> RGBImage | None:
        try:
            shard = np.load(self.path(number), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        is_complete = shard.shape == (SCENES_PER_SHARD, self.size, self.size, 3) and shard.dtype == np.uint8
        return shard if is_complete else None

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": {}}


def write_shard(path: Path, seed: int, number: int, size: int) -> None:
    """Draw 16 scenes and write them atomically."""
    images = np.stack([draw_scene(seed, number * SCENES_PER_SHARD + step, size) for step in range(SCENES_PER_SHARD)])
    try:
        with atomic_write(path) as file:
            np.save(file, images)
    except OSError as error:
        raise ValueError(
            f"{path.parent}: can't write synthetic scenes ({error.strerror or error}). "
            "Set the environment variable CHROMAHINT_CACHE to a writable folder with enough free space."
        ) from error


def clear_cache() -> tuple[Path, int]:
    """Delete all cached scenes and compiled networks; return the cache folder and the number of bytes freed."""
    folder, size = cache_folder(), 0
    for part in (*folder.glob("scenes-*"), *folder.glob("compiled")):
        size += sum(file.stat().st_size for file in part.rglob("*") if file.is_file())
        shutil.rmtree(part)
    return folder, size


def _init_process(parent: int) -> None:
    import cv2

    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # of the forked process, it interrupts training
    end_with_parent(parent)

    cv2.setNumThreads(0)  # there is one process per core
