"""Check of a GPU's JPEG decoder: does it decode what libjpeg-turbo decodes, and how fast?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import simplejpeg
import torch

from chromahint.data.gpu_decoding import JPEGDecoder
from chromahint.data.synthetic.scene import draw_scene
from chromahint.images.resize import resize

DIFFERENCE_LIMIT = 2.0
"""Largest mean difference of 8-bit values; decoders round and interpolate color differently."""
_HEIGHT, _WIDTH = 375, 500


@dataclass(frozen=True)
class Decoding:
    """How well and how fast a device decodes JPEG files of 500x375 pixels.

    Attributes:
        difference: Mean difference of 8-bit values from libjpeg-turbo.
        images_per_second: Of the device.
        on_cpu: Images per second of libjpeg-turbo on one core.
    """

    difference: float
    images_per_second: float
    on_cpu: float

    @property
    def passed(self) -> bool:
        """Whether the difference is within its limit."""
        return self.difference <= DIFFERENCE_LIMIT


def check_decoding(device: torch.device, batch: int, seconds: float) -> Decoding:
    """Decode files on a device and by libjpeg-turbo.

    Args:
        device: A GPU, or the CPU.
        batch: Files that are decoded at once.
        seconds: Seconds of each of the two speed measurements.

    Raises:
        GPUDecodingUnavailableError: The device has no decoder.
        ValueError: The device does not decode a file.
    """
    decoder = JPEGDecoder(device)
    files = [_file(index) for index in range(batch)]
    differences = []
    for file, decoded in zip(files, decoder.decode(files), strict=True):
        if decoded is None:
            raise ValueError(f"{device}: does not decode a JPEG file that libjpeg-turbo decodes.")
        expected = simplejpeg.decode_jpeg(file).astype(np.float32)
        differences.append(np.abs(decoded.cpu().numpy() - expected).mean())

    def decode_on_device() -> None:
        decoder.decode(files)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    def decode_on_cpu() -> None:
        for file in files:
            simplejpeg.decode_jpeg(file)

    rates = (batch * _calls_per_second(decode, seconds) for decode in (decode_on_device, decode_on_cpu))
    return Decoding(float(np.mean(differences)), *rates)


def _file(index: int) -> bytes:
    """Return a synthetic scene as a JPEG file of the size that is usual in ImageNet, with grain as in a photo."""
    scene = resize(draw_scene(0, index, 256), _HEIGHT, _WIDTH)
    grain = np.random.default_rng(index).normal(0, 4, (_HEIGHT, _WIDTH, 1))
    file: bytes = simplejpeg.encode_jpeg(
        np.clip(scene + grain, 0, 255).astype(np.uint8), quality=90, colorsubsampling="420"
    )
    return file


def _calls_per_second(function: Callable[[], None], seconds: float) -> float:
    function()
    start, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < seconds or count == 0:
        function()
        count += 1
    return count / elapsed
