"""How fast pictures are loaded, beside the usual ways of this field, in one run on generated JPEGs or on photos.

    python benchmarks/loading.py                    a table
    python benchmarks/loading.py --photos FOLDER    the same on the first JPEGs of a folder
    python benchmarks/loading.py --json             one JSON object

All ways load the same pictures with the same number of workers. The usual ways convert each sample to Lab in a worker
and hand over float batches; Chromahint hands over uint8 RGB, and Lab is the device's work. "With Lab on the CPU" adds
that conversion for machines without a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from skimage.color import rgb2lab
from torch.utils.data import DataLoader, Dataset

from chromahint.color import rgb_to_lab
from chromahint.data.pack import pack
from chromahint.data.sources.folder import Folder, find_pictures, folder_data
from chromahint.data.sources.packed import packed_data
from chromahint.data.sources.synthetic_scenes import scenes_data
from chromahint.data.synthetic.scene import draw_scene

Maker = Callable[[], Iterable[object]]


class UsualSamples(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """One sample at a time: decode, Lab in floats at full size, resize, channels first."""

    def __init__(self, paths: list[Path], size: int, library: str) -> None:
        self.paths, self.size, self.library = paths, size, library

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        path = self.paths[index]
        if self.library == "opencv":
            scaled = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB).astype(np.float32) / 255
            lab = cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB)
        else:
            lab = rgb2lab(np.asarray(Image.open(path).convert("RGB"))).astype(np.float32)
        resized = cv2.resize(lab, (self.size, self.size), interpolation=cv2.INTER_AREA)
        channels = torch.from_numpy(resized.transpose(2, 0, 1).copy())
        return channels[:1], channels[1:]


def write_jpegs(folder: Path, count: int) -> list[Path]:
    """Write JPEGs of 500x375, as large as the photos of ImageNet mostly are."""
    paths = []
    for index in range(count):
        picture = cv2.resize(draw_scene(0, index, 256), (500, 375), interpolation=cv2.INTER_CUBIC)
        grain = np.random.default_rng(index).normal(0, 4, (375, 500, 1))  # so that a file is as large as a photo's
        path = folder / f"{index:04d}.jpg"
        Image.fromarray(np.clip(picture + grain, 0, 255).astype(np.uint8)).save(path, quality=90)
        paths.append(path)
    return paths


def link_jpegs(folder: Path, photos: Path, count: int) -> list[Path]:
    """Put the first JPEGs of a tree, sorted by path, into one folder."""
    found = [path for path in find_pictures(photos) if path.lower().endswith((".jpg", ".jpeg"))][:count]
    if len(found) < count:
        raise SystemExit(f"--photos {photos}: has {len(found)} JPEGs; type --pictures {len(found)}")
    paths = [folder / f"{number:04d}.jpg" for number in range(count)]
    for path, name in zip(paths, found, strict=True):
        path.symlink_to((photos / name).resolve())
    return paths


def lab_on_cpu(batches: Iterable[dict[str, torch.Tensor]]) -> Iterable[object]:
    """Add the conversion that a GPU would do."""
    for batch in batches:
        yield rgb_to_lab(batch["rgb"])


def rate(make: Maker, pictures: int) -> float:
    """Pictures a second of one pass, after one that starts the workers and fills the disk's cache."""
    loader = make()
    for _ in loader:
        pass
    start = time.perf_counter()
    for _ in loader:
        pass
    return pictures / (time.perf_counter() - start)


def measure(
    count: int, size: int, batch: int, workers: int, rounds: int, photos: Path | None = None
) -> dict[str, float]:
    """Median pictures a second of each way; rounds take turns, so that a busy machine slows all of them."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as packed:
        paths = write_jpegs(Path(folder), count) if photos is None else link_jpegs(Path(folder), photos, count)
        pack(Folder(folder), Path(packed), side=256, workers=workers)
        options = {"size": size, "batch_size": batch, "val_fraction": 0.0, "test_fraction": 0.0, "workers": workers}
        scenes = scenes_data(pictures=count, size=128, batch_size=batch)
        scenes.prepare_data()

        def usual(library: str) -> Maker:
            keep = workers > 0
            return lambda: DataLoader(
                UsualSamples(paths, size, library), batch, shuffle=True, num_workers=workers, persistent_workers=keep
            )

        ways: dict[str, Maker] = {
            "usual: PIL, scikit-image Lab in the worker": usual("skimage"),
            "usual: OpenCV, float Lab in the worker": usual("opencv"),
            "chromahint: data=folder data.resize_mode=squash": lambda: folder_data(
                folder, fit="squash", shorter_side=None, **options
            ).loader("train"),
            "the same, with Lab on the CPU": lambda: _Repeated(
                folder_data(folder, fit="squash", shorter_side=None, **options).loader("train")
            ),
            "chromahint: data=folder (128 px crops)": lambda: folder_data(folder, **{**options, "size": 128}).loader(
                "train"
            ),
            "chromahint: data=packed data.resize_mode=squash (no workers)": lambda: packed_data(
                packed, fit="squash", shorter_side=None, **{**options, "workers": 0}
            ).loader("train"),
            "chromahint: data=packed (128 px crops, no workers)": lambda: packed_data(
                packed, **{**options, "size": 128, "workers": 0}
            ).loader("train"),
            "chromahint: data=scenes (128 px crops, no workers)": lambda: scenes.loader("train"),
        }
        found: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, make in ways.items():
                found[way].append(rate(make, count // batch * batch))
        return {way: float(np.median(rates)) for way, rates in found.items()}


class _Repeated:
    """A loader whose batches are converted each time it is gone through."""

    def __init__(self, loader: Iterable[dict[str, torch.Tensor]]) -> None:
        self.loader = loader

    def __iter__(self) -> Iterable[object]:
        return iter(lab_on_cpu(self.loader))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=256)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--photos", type=Path, help="JPEGs in any tree; without it, they are generated")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    # threads that wait for each other and for the workers' cores would take longer than one
    torch.set_num_threads(max(1, (os.cpu_count() or 1) - asked.workers))
    found = measure(asked.pictures, asked.size, asked.batch, asked.workers, asked.rounds, asked.photos)
    usual = next(rate for way, rate in found.items() if "OpenCV" in way)
    if asked.json:
        settings = {key: value for key, value in vars(asked).items() if key not in ("json", "photos")}
        print(json.dumps({"settings": settings, "pictures_per_second": found}))
        return
    print(f"{'':52}{'pictures/s':>12}{'against OpenCV':>16}")
    for way, pictures in found.items():
        print(f"{way:52}{pictures:12.0f}{pictures / usual:15.1f}x")


if __name__ == "__main__":
    main()
