"""Drawn scenes on disk: files of 16 pictures, made once."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from chromahint.atomic_write import atomic_write
from chromahint.data.parallel import available_cores
from chromahint.data.synthetic.scene import VERSION, draw_scene
from chromahint.images.decode import RGBImage
from chromahint.progress import progress_bar

SHARD = 16
"""Pictures in a file."""


class Shards:
    """The shards of all scenes of one seed and size. A shard that is missing or damaged is drawn when it is opened."""

    def __init__(self, seed: int, size: int) -> None:
        self.seed, self.size = seed, size
        self.folder = cache_folder() / f"scenes-{VERSION}" / f"{size}px-seed{seed}"
        self._open: dict[int, RGBImage] = {}

    def read(self, scene: int) -> RGBImage:
        """One scene: size x size x 3 uint8, read-only."""
        number, place = divmod(scene, SHARD)
        if number not in self._open:
            shard = self._load(number)
            if shard is None:
                write_shard(self.path(number), self.seed, number, self.size)
                shard = self._load(number)
            assert shard is not None
            self._open[number] = shard
        picture: RGBImage = self._open[number][place]
        return picture

    def draw_missing(self, start: int, count: int) -> None:
        """Draw the shards of `count` scenes from `start` on that are missing, on all cores, with a progress bar."""
        numbers = range(start // SHARD, (start + count - 1) // SHARD + 1)
        missing = [number for number in numbers if self._load(number) is None]
        if not missing:
            return
        what = f"Drawing {len(missing) * SHARD:,} scenes, once; they stay in {self.folder}"
        with progress_bar(what, len(missing) * SHARD) as advance:
            for _ in self._draw(missing):
                advance(SHARD)

    def path(self, number: int) -> Path:
        """The file of a shard."""
        return self.folder / f"{number:09d}.npy"

    def _draw(self, numbers: list[int]) -> Iterator[None]:
        processes = min(len(numbers), available_cores())
        if processes == 1:
            for number in numbers:
                write_shard(self.path(number), self.seed, number, self.size)
                yield
            return
        # a forked process has all modules already; elsewhere the platform's own way is the safe one
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
        with ProcessPoolExecutor(processes, context, initializer=_start) as pool:
            jobs = [pool.submit(write_shard, self.path(number), self.seed, number, self.size) for number in numbers]
            try:
                for job in as_completed(jobs):
                    job.result()
                    yield
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _load(self, number: int) -> RGBImage | None:
        try:
            shard = np.load(self.path(number), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        whole = shard.shape == (SHARD, self.size, self.size, 3) and shard.dtype == np.uint8
        return shard if whole else None

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": {}}


def write_shard(path: Path, seed: int, number: int, size: int) -> None:
    """Draw 16 scenes into a file that is either whole or not there."""
    pictures = np.stack([draw_scene(seed, number * SHARD + step, size) for step in range(SHARD)])
    try:
        with atomic_write(path) as file:
            np.save(file, pictures)
    except OSError as error:
        raise ValueError(
            f"Can't keep drawn scenes in {path.parent}: {error.strerror or error}. "
            "Set the environment variable CHROMAHINT_CACHE to a folder that can be written to and has room."
        ) from error


def cache_folder() -> Path:
    """Where drawn scenes are kept: $CHROMAHINT_CACHE, or `chromahint` in the user's cache folder."""
    if chosen := os.environ.get("CHROMAHINT_CACHE"):
        return Path(chosen).expanduser()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "chromahint"
    if sys.platform == "win32" and (base := os.environ.get("LOCALAPPDATA")):
        return Path(base) / "chromahint" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "chromahint"
    return Path.home() / ".cache" / "chromahint"


def clear_cache() -> tuple[Path, int]:
    """Delete all drawn scenes; returns the folder they lay in, and how many bytes they were."""
    folder, size = cache_folder(), 0
    for scenes in folder.glob("scenes-*"):
        size += sum(file.stat().st_size for file in scenes.rglob("*") if file.is_file())
        shutil.rmtree(scenes)
    return folder, size


def _start() -> None:
    import cv2

    cv2.setNumThreads(0)  # one process a core is enough
