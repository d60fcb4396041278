"""Network that runs an exported ONNX file with ONNX Runtime."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn

from chromahint.hints.global_hints import no_global_hints
from chromahint.hints.hints import Hints

_INPUTS = ["lightness", "hint_ab", "mask"]
_PALETTE_INPUTS = ["palette", "palette_weights"]


class OnnxNetwork(nn.Module):
    """Network in a file written by `chromahint export --format onnx`.

    Args:
        file: The ONNX file.

    Raises:
        ValueError: ONNX Runtime is not installed or can't read the file, or the file has other inputs.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        require_packages("onnxruntime")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            # loaded from memory, so that a file can't refer to other files
            self._session = onnxruntime.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors have no common base class
            message = str(error).splitlines()[0][:200]
            raise ValueError(f"{file}: ONNX Runtime can't read the file ({message}). Export it again.") from None
        inputs = [node.name for node in self._session.get_inputs()]
        self.takes_palette = inputs == _INPUTS + _PALETTE_INPUTS
        if inputs != _INPUTS and not self.takes_palette:
            raise ValueError(
                f"{file}: has the inputs {', '.join(inputs)}, not {', '.join(_INPUTS)}. "
                "Use a file written by `chromahint export RUN --format onnx` without --rgb."
            )
        self.name = str(self._session.get_modelmeta().custom_metadata_map.get("network", file.stem))

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict ab B2HW in Lab units for lightness B1HW in 0..100 and hints."""
        inputs = dict(zip(_INPUTS, (lightness.float(), hints.ab.float(), hints.mask.float()), strict=True))
        if self.takes_palette:
            known = hints.global_hints or no_global_hints(len(lightness))
            inputs |= {"palette": known.palette, "palette_weights": known.palette_weights}
        try:
            [ab] = self._session.run(None, {name: tensor.cpu().numpy() for name, tensor in inputs.items()})
        except Exception as error:
            height, width = lightness.shape[-2:]
            message = str(error).splitlines()[0][:200]
            raise ValueError(
                f"{self.name}: ONNX Runtime can't color an image of {width}x{height} pixels ({message}). "
                "Use another size."
            ) from None
        return torch.from_numpy(ab)


def require_packages(*packages: str) -> None:
    """Raise an error that tells how to install missing packages.

    Raises:
        ValueError: A package is not installed.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"{', '.join(missing)}: not installed. Run pip install 'chromahint[export]'.")
