"""Data loading speed compared with the usual pipelines of this field, on generated JPEGs or on photos.

    python benchmarks/loading.py                    prints a table
    python benchmarks/loading.py --photos FOLDER    uses the first JPEGs of a folder
    python benchmarks/loading.py --json             prints one JSON object
    python benchmarks/loading.py --device cuda      adds data.decode_on=gpu

All pipelines load the same images with the same number of workers. The usual pipelines convert each sample to Lab in a
worker and return float batches. Chromahint returns uint8 RGB and converts to Lab on the device; "with Lab on the CPU"
adds that conversion, for machines without a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from skimage.color import rgb2lab
from torch.utils.data import DataLoader, Dataset

from chromahint.color import rgb_to_lab
from chromahint.data.dataloader import PhotoLoader
from chromahint.data.datamodule import PhotoDataModule
from chromahint.data.dataset import TrainDataset
from chromahint.data.gpu_decoding import JPEGDecoder, decode_batch
from chromahint.data.pack import pack
from chromahint.data.samplers import TrainSampler
from chromahint.data.sources.folder import Folder, find_images
from chromahint.data.sources.packed import Packed
from chromahint.data.sources.synthetic_scenes import Scenes
from chromahint.data.synthetic.scene import draw_scene
from chromahint.data.transforms import ResizeOrCrop

LoaderFactory = Callable[[], Iterable[object]]


class UsualDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Loads one sample at a time: decode, convert to float Lab at full size, resize, channels first."""

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
    """Write JPEGs of 500x375, a typical size of ImageNet photos."""
    paths = []
    for index in range(count):
        image = cv2.resize(draw_scene(0, index, 256), (500, 375), interpolation=cv2.INTER_CUBIC)
        grain = np.random.default_rng(index).normal(0, 4, (375, 500, 1))  # makes the file as large as that of a photo
        path = folder / f"{index:04d}.jpg"
        Image.fromarray(np.clip(image + grain, 0, 255).astype(np.uint8)).save(path, quality=90)
        paths.append(path)
    return paths


def link_jpegs(folder: Path, photos: Path, count: int) -> list[Path]:
    """Link the first JPEGs of a tree, sorted by path, into one folder."""
    names = [path for path in find_images(photos) if path.lower().endswith((".jpg", ".jpeg"))][:count]
    if len(names) < count:
        raise SystemExit(f"--photos {photos}: has {len(names)} JPEGs. Use --images {len(names)}.")
    paths = [folder / f"{number:04d}.jpg" for number in range(count)]
    for path, name in zip(paths, names, strict=True):
        path.symlink_to((photos / name).resolve())
    return paths


def lab_on_cpu(batches: Iterable[dict[str, torch.Tensor]]) -> Iterable[object]:
    """Convert the batches to Lab, which a GPU would do otherwise."""
    for batch in batches:
        yield rgb_to_lab(batch["rgb"])


def images_per_second(create_loader: LoaderFactory, images: int) -> float:
    """Time the second of two passes; the first one starts the workers and fills the disk cache."""
    loader = create_loader()
    for _ in loader:
        pass
    start = time.perf_counter()
    for _ in loader:
        pass
    return images / (time.perf_counter() - start)


def measure(
    count: int,
    size: int,
    batch_size: int,
    num_workers: int,
    rounds: int,
    photos: Path | None = None,
    device: torch.device | None = None,
) -> dict[str, float]:
    """Return the median images per second of each pipeline. Rounds are interleaved, so a busy machine slows all."""
    temporary = tempfile.TemporaryDirectory
    with temporary() as folder, temporary() as packed, temporary() as squashed:
        paths = write_jpegs(Path(folder), count) if photos is None else link_jpegs(Path(folder), photos, count)
        pack(Folder(folder), Path(packed), side=256, num_workers=num_workers)
        pack(Folder(folder), Path(squashed), side=size, squash=True, num_workers=num_workers)
        scenes = PhotoDataModule(Scenes, num_train=count, num_val=64, train_size=128, batch_size=batch_size)
        scenes.prepare_data()

        def usual(library: str) -> LoaderFactory:
            return lambda: DataLoader(
                UsualDataset(paths, size, library),
                batch_size,
                shuffle=True,
                num_workers=num_workers,
                persistent_workers=num_workers > 0,
            )

        def chromahint(source: type[Folder], root: str, workers: int, **options: Any) -> PhotoLoader:
            options = {"batch_size": batch_size, "val_fraction": 0.0, "test_fraction": 0.0, **options}
            return PhotoDataModule(source, root=root, num_workers=workers, **options).loader("train")

        squash: dict[str, Any] = {"resize_mode": "squash", "train_size": size}
        crop: dict[str, Any] = {"train_size": 128, "shorter_side": 256}
        pipelines: dict[str, LoaderFactory] = {
            "usual: PIL, scikit-image Lab in the worker": usual("skimage"),
            "usual: OpenCV, float Lab in the worker": usual("opencv"),
            "chromahint: data=folder data.resize_mode=squash": lambda: chromahint(
                Folder, folder, num_workers, **squash
            ),
            "the same, with Lab on the CPU": lambda: LabOnCPU(chromahint(Folder, folder, num_workers, **squash)),
            "chromahint: data=folder (128 px crops)": lambda: chromahint(Folder, folder, num_workers, **crop),
            "chromahint: data=packed data.resize_mode=squash (no workers)": lambda: chromahint(
                Packed, packed, 0, **squash
            ),
            "the same, packed with --squash": lambda: chromahint(Packed, squashed, 0, **squash),
            "chromahint: data=packed (128 px crops, no workers)": lambda: chromahint(Packed, packed, 0, **crop),
            "chromahint: data=scenes (128 px crops, no workers)": lambda: scenes.loader("train"),
        }
        if device is not None:
            pipelines["chromahint: data.decode_on=gpu data.resize_mode=squash"] = lambda: DecodedOnDevice(
                Folder(folder, val_fraction=0, test_fraction=0), size, batch_size, num_workers, device
            )
        rates: dict[str, list[float]] = {name: [] for name in pipelines}
        for _ in range(rounds):
            for name, create_loader in pipelines.items():
                rates[name].append(images_per_second(create_loader, count // batch_size * batch_size))
        return {name: float(np.median(values)) for name, values in rates.items()}


class DecodedOnDevice:
    """Loader whose batches are decoded on a device."""

    def __init__(self, source: Folder, size: int, batch_size: int, num_workers: int, device: torch.device) -> None:
        photos = source.photos("train")
        self.dataset = TrainDataset(photos, ResizeOrCrop("squash", size), seed=0, leave_encoded=True)
        self.loader = PhotoLoader(self.dataset, TrainSampler(len(photos), batch_size, 0), num_workers)
        self.decoder, self.device = JPEGDecoder(device), device

    def __iter__(self) -> Iterator[object]:
        for batch in self.loader:
            batch["rgb"] = batch["rgb"].to(self.device, non_blocking=True)
            decode_batch(batch, self.decoder, self.dataset)
            yield batch
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


class LabOnCPU:
    """Loader whose batches are converted to Lab on every pass."""

    def __init__(self, loader: Iterable[dict[str, torch.Tensor]]) -> None:
        self.loader = loader

    def __iter__(self) -> Iterable[object]:
        return iter(lab_on_cpu(self.loader))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--size", type=int, default=256, help="height and width that images are squashed to")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--num-workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--photos", type=Path, help="folder of JPEGs; by default, JPEGs are generated")
    parser.add_argument("--device", type=torch.device, help="measure data.decode_on=gpu, too, on this device")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    # more threads would compete with the workers for the cores
    torch.set_num_threads(max(1, (os.cpu_count() or 1) - args.num_workers))
    rates = measure(args.images, args.size, args.batch_size, args.num_workers, args.rounds, args.photos, args.device)
    baseline = next(rate for name, rate in rates.items() if "OpenCV" in name)
    if args.json:
        settings = {key: value for key, value in vars(args).items() if key not in ("json", "photos", "device")}
        print(json.dumps({"settings": settings, "images_per_second": rates}))
        return
    print(f"{'':60}{'images/s':>10}{'vs. OpenCV':>12}")
    for name, rate in rates.items():
        print(f"{name:60}{rate:10.0f}{rate / baseline:11.1f}x")


if __name__ == "__main__":
    main()
