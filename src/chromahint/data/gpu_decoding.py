"""JPEG files that are decoded on the GPU: workers read them and choose the crops, the GPU does the rest.

Shape suffixes: H height, W width.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from chromahint.data.dataset import Batch, TrainDataset
from chromahint.images.decode import silence_stderr


class GPUDecodingUnavailableError(RuntimeError):
    """JPEG files can't be decoded on this device; the message is the reason."""


class JPEGDecoder:
    """Decodes JPEG files by nvImageCodec, in the memory of a device.

    Args:
        device: A GPU, or the CPU, where libjpeg-turbo decodes.

    Raises:
        GPUDecodingUnavailableError: nvImageCodec is not installed, or does not support the device.
    """

    def __init__(self, device: torch.device) -> None:
        # it reports every damaged file on stderr, and at import all of its own libraries that it lacks
        os.environ.setdefault("PYNVIMGCODEC_VERBOSITY", "0")
        try:
            with silence_stderr():
                from nvidia import nvimgcodec
        except ImportError as error:
            raise GPUDecodingUnavailableError(
                "nvImageCodec is not installed (pip install 'chromahint[gpu-decoding]')"
            ) from error
        self.device = device
        self._stream: type[Any] = nvimgcodec.CodeStream
        self._params = nvimgcodec.DecodeParams(color_spec=nvimgcodec.ColorSpec.SRGB)
        # chroma is interpolated, as libjpeg-turbo does it
        options: dict[str, Any] = {"options": ":fancy_upsampling=1"}
        if device.type == "cpu":
            backends = [nvimgcodec.Backend(nvimgcodec.CPU_ONLY)]
            options |= {"device_id": nvimgcodec.NVIMGCODEC_DEVICE_CPU_ONLY, "backends": backends}
        else:
            options["device_id"] = torch.cuda.current_device() if device.index is None else device.index
        try:
            self._decoder = nvimgcodec.Decoder(**options)
        except RuntimeError as error:
            raise GPUDecodingUnavailableError(f"nvImageCodec does not support {device}: {error}") from error

    def decode(self, files: list[bytes]) -> list[Tensor | None]:
        """Decode the contents of JPEG files to HxWx3 uint8 RGB, upright; None for those that are damaged."""
        streams = {}
        for position, data in enumerate(files):
            with contextlib.suppress(RuntimeError):  # no header
                streams[position] = self._stream(data)
        on_cpu = self.device.type == "cpu"
        queue = {} if on_cpu else {"cuda_stream": torch.cuda.current_stream(self.device).cuda_stream}
        decoded = self._decoder.decode(list(streams.values()), params=self._params, **queue)
        images = {position: image for position, image in zip(streams, decoded, strict=True) if image is not None}
        # nvImageCodec exports no images of the CPU by DLPack
        tensors = {
            key: torch.from_numpy(np.asarray(image)) if on_cpu else from_dlpack(image) for key, image in images.items()
        }
        return [tensors.get(position) for position in range(len(files))]


def find_decoder(device: torch.device) -> JPEGDecoder:
    """Return a decoder on the GPU that trains.

    Raises:
        GPUDecodingUnavailableError: The device is not an NVIDIA GPU, or has no decoder.
    """
    if device.type != "cuda":
        raise GPUDecodingUnavailableError("training does not run on an NVIDIA GPU")
    return JPEGDecoder(device)


def decode_batch(batch: Batch, decoder: JPEGDecoder, dataset: TrainDataset) -> None:
    """Decode, crop and resize the files of a batch into its images, which are on the decoder's device.

    A damaged file is read again as without a GPU: it is repaired, or replaced by the next usable photo.

    Args:
        batch: Batch of `TrainDataset(leave_encoded=True)`; nothing in it is encoded afterwards.
        decoder: The decoder.
        dataset: The dataset that built the batch.
    """
    files, rgb = batch["encoded"], batch["rgb"]
    decoded = decoder.decode([file.data for file in files]) if files else []
    for file, pixels in zip(files, decoded, strict=True):
        if pixels is None:
            image, index = dataset.load_usable(file.photo, file.seed, batch["broken"])
            batch["id"][file.row], batch["name"][file.row] = dataset.photos.identify(index), dataset.photos.name(index)
            resized = torch.from_numpy(image).to(rgb.device)
        else:
            top, left, height, width = file.box
            resized = resize_by_area(pixels[top : top + height, left : left + width], rgb.shape[-1])
        rgb[file.row] = resized.permute(2, 0, 1)
    files.clear()


def resize_by_area(image: Tensor, size: int) -> Tensor:
    """Shrink HxWx3 uint8 to size x size x 3 by averaging areas, as `chromahint.images.resize` does on the CPU."""
    rows, columns = (_area_weights(side, size, image.device) for side in image.shape[:2])
    # one sum after the other: all at once would take gigabytes
    resized = torch.einsum("xw,ywc->yxc", columns, torch.einsum("yh,hwc->ywc", rows, image.float()))
    return resized.round().clamp(0, 255).to(torch.uint8)


def _area_weights(source: int, target: int, device: torch.device) -> Tensor:
    """Return how much each source pixel adds to each target pixel, target x source."""
    edges = torch.arange(target + 1, device=device) * (source / target)
    pixel = torch.arange(source, device=device)
    overlap = torch.minimum(edges[1:, None], pixel + 1) - torch.maximum(edges[:-1, None], pixel)
    return overlap.clamp(min=0) * (target / source)
