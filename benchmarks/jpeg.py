"""Time to read a large JPEG file for training: by Pillow, by libjpeg-turbo, and by libjpeg-turbo at a reduced size.

    python benchmarks/jpeg.py

Times are those of the process; the lowest of several rounds counts.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image
from skimage import data

from chromahint.data.transforms import ResizeOrCrop
from chromahint.images.decode import decode_rgb


def write_jpeg(width: int, height: int) -> bytes:
    """Return a photo with grain, which makes the file as large as that of a camera."""
    pixels = cv2.resize(data.astronaut(), (width, height), interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(0).normal(0, 4, (height, width, 1))
    content = io.BytesIO()
    Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8)).save(content, "JPEG", quality=90)
    return content.getvalue()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time to read a large JPEG file for training.")
    parser.add_argument("--width", type=int, default=2400)
    parser.add_argument("--height", type=int, default=1800)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    content = write_jpeg(arguments.width, arguments.height)
    crop = ResizeOrCrop("random_crop", 128, 256)
    readers: dict[str, Callable[[], np.ndarray]] = {
        "Pillow": lambda: np.array(Image.open(io.BytesIO(content)).convert("RGB")),
        "libjpeg-turbo": lambda: decode_rgb(content, "photo"),
        "libjpeg-turbo, reduced": lambda: decode_rgb(content, "photo", crop.min_side),
    }
    times: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(arguments.rounds):
        for name, read in readers.items():
            start = time.process_time()
            crop(read(), seed=0)
            times[name].append(time.process_time() - start)
    for name, seconds in times.items():
        print(f"{name:<24} {1000 * min(seconds):6.1f} ms")


if __name__ == "__main__":
    main()
