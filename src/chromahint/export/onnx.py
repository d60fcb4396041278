"""Write a network as an ONNX file, which runs without PyTorch and without Chromahint.

The file is written only if ONNX Runtime says what PyTorch says.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
import torch._dynamo.config
from torch import Tensor, nn

from chromahint.atomic_write import atomic_write
from chromahint.color import AB_LIMIT, lab_to_rgb, rgb_to_lab
from chromahint.hints.hints import Hints
from chromahint.inference.onnx_network import require_packages

OPSET = 20
SMALLEST, LARGEST = 32, 8192
"""Pixels a side of an image."""
# no side of what networks make of it on the way is 1, which would be taken for a side that is always 1
_TRACED = (2, 272, 304)
_COMPARED = ((1, 64, 64), (2, 75, 118), (1, 160, 33))
"""Batch, height and width; none of them is what the network was traced with."""


class Comparison(NamedTuple):
    """The largest difference between ONNX Runtime and PyTorch on images of one size."""

    size: tuple[int, int, int]
    error: float


class LabExportWrapper(nn.Module):
    """A network as the file has it: lightness, hint ab and mask in, ab out."""

    tolerance = 1e-2
    """How far ONNX Runtime may be from PyTorch, in Lab units: far less than a step of 8-bit RGB.

    SpreadNet was seen 0.001 away, others 0.0001. Where a network answers ab beyond any color, float32 is coarser in
    proportion, and so is this.
    """
    reads: ClassVar = {"lightness": "L of CIE Lab, 0..100; float32, batch x 1 x height x width"}
    writes: ClassVar = {"ab": "a and b of CIE Lab, about -110..110; float32, batch x 2 x height x width"}

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, lightness: Tensor, hint_ab: Tensor, mask: Tensor) -> Tensor:
        """Map lightness B1HW, hint ab B2HW and mask B1HW to ab B2HW."""
        ab: Tensor = self.network(lightness, Hints(hint_ab * mask, mask))
        return ab


class RGBExportWrapper(nn.Module):
    """The same from an image to an image, with the conversion to Lab and back inside."""

    tolerance = 1e-3
    """How far ONNX Runtime may be from PyTorch: a quarter of a step of 8-bit RGB."""
    reads: ClassVar = {"image": "sRGB, 0..1, of which only the lightness counts; float32, batch x 3 x height x width"}
    writes: ClassVar = {"colored": "sRGB, 0..1, of the image's lightness; float32, batch x 3 x height x width"}

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, hint_ab: Tensor, mask: Tensor) -> Tensor:
        """Map an image B3HW, hint ab B2HW and mask B1HW to an image B3HW."""
        lightness, _ = rgb_to_lab(image)
        return lab_to_rgb(lightness, self.network(lightness, Hints(hint_ab * mask, mask)))


_HINTS = {
    "hint_ab": "a and b of CIE Lab where a color was chosen; float32, batch x 2 x height x width",
    "mask": "1 where a color was chosen, 0 elsewhere; float32, batch x 1 x height x width",
}


def write_onnx(network: nn.Module, file: Path, metadata: Mapping[str, str], rgb: bool = False) -> list[Comparison]:
    """Write a network and compare it.

    Args:
        network: in evaluation mode, on the processor.
        file: replaced when all is well, and not touched otherwise.
        metadata: Metadata to store in the file.
        rgb: whether it reads and writes images, rather than L and ab.

    Raises:
        ValueError: a package is missing, or ONNX Runtime says something else than PyTorch.
    """
    require_packages("onnx", "onnxscript", "onnxruntime")
    form = RGBExportWrapper(network) if rgb else LabExportWrapper(network)
    said = metadata(form, metadata)
    content = _trace(form.eval(), said)
    found = _compare(form, content)
    worst = max(found, key=lambda each: math.inf if math.isnan(each.error) else each.error)
    if not worst.error <= form.tolerance:
        raise ValueError(
            f"{file}: was not written: for images of {_shown(worst.size)} ONNX Runtime is {worst.error:.2g} away "
            f"from PyTorch, and {form.tolerance:g} is allowed; export --format safetensors keeps the network as it is"
        )
    with atomic_write(file) as handle:
        handle.write(content)
    return found


def metadata(form: LabExportWrapper | RGBExportWrapper, about: Mapping[str, str]) -> dict[str, str]:
    """What the file says of itself: opset, inputs, output, sizes, and more."""
    inputs = {f"input {name}": text for name, text in {**form.reads, **_HINTS}.items()}
    outputs = {f"output {name}": text for name, text in form.writes.items()}
    sizes = f"any batch, height and width of {SMALLEST} to {LARGEST} pixels"
    return {"opset": str(OPSET), **inputs, **outputs, "sizes": sizes, **about}


def _trace(form: LabExportWrapper | RGBExportWrapper, said: Mapping[str, str]) -> bytes:
    import onnx

    inputs = _inputs(form, *_TRACED)
    sides = {
        0: torch.export.Dim("batch", min=1),
        2: torch.export.Dim("height", min=SMALLEST, max=LARGEST),
        3: torch.export.Dim("width", min=SMALLEST, max=LARGEST),
    }
    [output] = form.writes
    # sizes that are left open are dear to remember: without this cache tracing takes half the time
    quicker = torch._dynamo.config.patch(fake_tensor_cache_enabled=False)
    with torch.no_grad(), quicker, _silence():
        program = torch.onnx.export(
            form,
            tuple(inputs.values()),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=[output],
            dynamic_shapes=dict.fromkeys(inputs, sides),
            verbose=False,
        )
    assert program is not None
    model: Any = program.model_proto
    for node in (*model.graph.node, *(node for function in model.functions for node in function.node)):
        # names of files and lines of this machine
        del node.metadata_props[:]
        node.ClearField("doc_string")
    onnx.helper.set_model_props(model, dict(said))
    model.doc_string = "\n".join(f"{key}: {value}" for key, value in said.items())
    model.producer_name = "chromahint"
    content: bytes = model.SerializeToString()
    return content


def _compare(form: LabExportWrapper | RGBExportWrapper, content: bytes) -> list[Comparison]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    found = []
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        for size in _COMPARED:
            inputs = _inputs(form, *size)
            [theirs] = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
            with torch.inference_mode():
                ours = form(*inputs.values())
            alike = theirs.shape == tuple(ours.shape)
            error = (torch.from_numpy(theirs) - ours).abs().max() if alike else torch.tensor(math.nan)
            found.append(Comparison(size, float(error / (ours.abs().max() / AB_LIMIT).clamp(min=1))))
    except Exception as error:  # whatever ONNX Runtime raises comes from its own classes
        raise ValueError(f"ONNX Runtime cannot run the network: {str(error).splitlines()[0][:300]}") from None
    return found


def _inputs(form: LabExportWrapper | RGBExportWrapper, batch: int, height: int, width: int) -> dict[str, Tensor]:
    """Smooth images, with a hint at every fiftieth pixel of all but the last of a batch of several."""
    generator = torch.Generator().manual_seed(height)
    channels = 1 if isinstance(form, LabExportWrapper) else 3
    small = torch.rand(batch, channels, height // 8, width // 8, generator=generator)
    image = nn.functional.interpolate(small, (height, width), mode="bilinear")
    mask = (torch.rand(batch, 1, height, width, generator=generator) < 0.02).float()
    if batch > 1:
        mask[-1] = 0
    hint_ab = (torch.rand(batch, 2, height, width, generator=generator) * 120 - 60) * mask
    [name] = form.reads
    return {name: 100 * image if channels == 1 else image, "hint_ab": hint_ab, "mask": mask}


def _shown(size: tuple[int, int, int]) -> str:
    batch, height, width = size
    return f"{width}x{height}, {batch} at a time"


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the exporter's remarks on its own insides from the person."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
