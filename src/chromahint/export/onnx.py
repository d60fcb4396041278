"""Export of a network to an ONNX file, which runs without PyTorch and Chromahint.

The file is only written if ONNX Runtime reproduces the results of PyTorch.
"""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch._dynamo.config
import torch.fx.experimental._config
from torch import Tensor, nn

from chromahint.atomic_write import atomic_write
from chromahint.color import AB_LIMIT
from chromahint.export.onnx_interface import (
    ExportWrapper,
    LabExportWrapper,
    PaletteExportWrapper,
    export_wrapper,
)
from chromahint.hints.global_hints import MAX_PALETTE
from chromahint.inference.onnx_network import require_packages

OPSET = 20
MIN_SIZE, MAX_SIZE = 32, 8192
"""Smallest and largest height and width of images in pixels."""
# no intermediate height or width is 1 at this size, which the exporter would treat as constant
_TRACE_SIZE = (2, 272, 304)
_TEST_SIZES = ((1, 64, 64), (2, 75, 118), (1, 160, 33))
"""Batch size, height and width of test inputs, all different from the traced ones."""


class OnnxComparison(NamedTuple):
    """Largest difference between ONNX Runtime and PyTorch for one (batch size, height, width)."""

    size: tuple[int, int, int]
    error: float


def write_onnx(
    network: nn.Module,
    file: Path,
    metadata: Mapping[str, str],
    rgb: bool = False,
    palette: bool = False,
    report_stage: Callable[[str], None] = lambda stage: None,
) -> list[OnnxComparison]:
    """Write a network to an ONNX file and compare ONNX Runtime with PyTorch.

    Args:
        network: Network in eval mode, on the CPU.
        file: Output file. It is only replaced if the comparison succeeds.
        metadata: Metadata to store in the file.
        rgb: Export `RGBExportWrapper` instead of `LabExportWrapper`.
        palette: Export `PaletteExportWrapper` instead.
        report_stage: Called with what is done next, such as "tracing", as each stage takes a while.

    Raises:
        ValueError: A package is missing, or the results of ONNX Runtime and PyTorch differ.
    """
    require_packages("onnx", "onnxscript", "onnxruntime")
    wrapper = export_wrapper(network, rgb, palette)
    content = _translate(wrapper.eval(), file_metadata(wrapper, metadata), report_stage)
    report_stage("comparing ONNX Runtime with PyTorch")
    comparisons = _compare(wrapper, content)
    worst = max(comparisons, key=lambda each: math.inf if math.isnan(each.error) else each.error)
    if not worst.error <= wrapper.tolerance:
        batch, height, width = worst.size
        raise ValueError(
            f"{file}: not written: ONNX Runtime and PyTorch differ by {worst.error:.2g} for {batch} x {width}x{height} "
            f"images, and {wrapper.tolerance:g} is allowed. Use --format safetensors, which is exact."
        )
    with atomic_write(file) as handle:
        handle.write(content)
    return comparisons


def file_metadata(wrapper: ExportWrapper, metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata stored in the file: opset, inputs, output and sizes, followed by `metadata`."""
    described = {**wrapper.input_descriptions, **wrapper.hint_descriptions}
    inputs = {f"input {name}": text for name, text in described.items()}
    outputs = {f"output {name}": text for name, text in wrapper.output_descriptions.items()}
    sizes = f"any batch size; height and width of {MIN_SIZE} to {MAX_SIZE} pixels"
    return {"opset": str(OPSET), **inputs, **outputs, "sizes": sizes, **metadata}


def _translate(wrapper: ExportWrapper, metadata: Mapping[str, str], report_stage: Callable[[str], None]) -> bytes:
    import onnx
    import onnx_ir

    inputs = _test_inputs(wrapper, *_TRACE_SIZE)
    dynamic_dims = {
        0: torch.export.Dim("batch", min=1),
        2: torch.export.Dim("height", min=MIN_SIZE, max=MAX_SIZE),
        3: torch.export.Dim("width", min=MIN_SIZE, max=MAX_SIZE),
    }
    [output] = wrapper.output_descriptions
    with torch.no_grad(), _fast_tracing():
        report_stage("tracing")
        with _silence():
            program = torch.export.export(
                wrapper,
                tuple(inputs.values()),
                # a palette has no height and width
                dynamic_shapes={n: dynamic_dims if x.ndim == 4 else {0: dynamic_dims[0]} for n, x in inputs.items()},
                prefer_deferred_runtime_asserts_over_guards=True,
            )
        report_stage("translating to ONNX")
        with _silence():
            translated = torch.onnx.export(
                program,
                tuple(inputs.values()),
                dynamo=True,
                opset_version=OPSET,
                input_names=list(inputs),
                output_names=[output],
                optimize=False,
                verbose=False,
            )
        assert translated is not None
        report_stage("optimizing")
        _optimize(translated.model)
    model: Any = onnx_ir.to_proto(translated.model)
    for node in (*model.graph.node, *(node for function in model.functions for node in function.node)):
        # remove source files and lines of this machine
        del node.metadata_props[:]
        node.ClearField("doc_string")
    onnx.helper.set_model_props(model, dict(metadata))
    model.doc_string = "\n".join(f"{key}: {value}" for key, value in metadata.items())
    model.producer_name = "chromahint"
    content: bytes = model.SerializeToString()
    return content


def _optimize(model: Any) -> None:
    """Simplify the graph in place. The exporter's rewrite rules are left out: they are slow, and have no effect."""
    from onnx_ir.passes import common
    from onnxscript.optimizer import fold_constants

    fold_constants(model, onnx_shape_inference=True)
    for simplify in (
        common.RemoveUnusedNodesPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.DeduplicateInitializersPass(),
        common.CommonSubexpressionEliminationPass(),
        common.RemoveUnusedNodesPass(),
    ):
        simplify(model)


@contextlib.contextmanager
def _fast_tracing() -> Iterator[None]:
    """Switch off what slows tracing down: the cache of fake tensors, and garbage collection among many objects."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        with (
            torch._dynamo.config.patch(fake_tensor_cache_enabled=False),
            # sizes of 0 and 1 are no special cases
            torch.fx.experimental._config.patch(backed_size_oblivious=True),  # type: ignore[attr-defined]
        ):
            yield
    finally:
        if was_enabled:
            gc.enable()


def _compare(wrapper: ExportWrapper, content: bytes) -> list[OnnxComparison]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    comparisons = []
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        for size in _TEST_SIZES:
            inputs = _test_inputs(wrapper, *size)
            [result] = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
            with torch.inference_mode():
                expected = wrapper(*inputs.values())
            same_shape = result.shape == tuple(expected.shape)
            error = (torch.from_numpy(result) - expected).abs().max() if same_shape else torch.tensor(math.nan)
            comparisons.append(OnnxComparison(size, float(error / (expected.abs().max() / AB_LIMIT).clamp(min=1))))
    except Exception as error:  # ONNX Runtime's errors have no common base class
        message = str(error).splitlines()[0][:300]
        raise ValueError(f"ONNX Runtime can't run the network ({message}). Use --format safetensors instead.") from None
    return comparisons


def _test_inputs(wrapper: ExportWrapper, batch: int, height: int, width: int) -> dict[str, Tensor]:
    """Return smooth images with hints at 2 % of the pixels; the last image of a larger batch has no hints."""
    generator = torch.Generator().manual_seed(height)
    channels = 1 if isinstance(wrapper, LabExportWrapper) else 3
    small = torch.rand(batch, channels, height // 8, width // 8, generator=generator)
    image = nn.functional.interpolate(small, (height, width), mode="bilinear")
    mask = (torch.rand(batch, 1, height, width, generator=generator) < 0.02).float()
    if batch > 1:
        mask[-1] = 0
    hint_ab = (torch.rand(batch, 2, height, width, generator=generator) * 120 - 60) * mask
    [name] = wrapper.input_descriptions
    inputs = {name: 100 * image if channels == 1 else image, "hint_ab": hint_ab, "mask": mask}
    if isinstance(wrapper, PaletteExportWrapper):
        weights = torch.rand(batch, MAX_PALETTE, generator=generator)
        inputs["palette"] = torch.rand(batch, MAX_PALETTE, 2, generator=generator) * 120 - 60
        inputs["palette_weights"] = weights / weights.sum(dim=1, keepdim=True)
        if batch > 1:
            inputs["palette_weights"][-1] = 0
    return inputs


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Suppress the exporter's output, log messages and warnings."""
    previous = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(previous)
