"""An exported ONNX file as a network: the same in, the same out, run by ONNX Runtime."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn

from chromahint.hints.hints import Hints

_INPUTS = ["lightness", "hint_ab", "mask"]


class OnnxNetwork(nn.Module):
    """What `chromahint export --format onnx` wrote.

    Args:
        file: the ONNX file.

    Raises:
        ValueError: ONNX Runtime is missing, can't read the file, or finds other inputs in it.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        require_packages("onnxruntime")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            # from memory: a file that names other files is refused
            self._session = onnxruntime.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its classes of errors have no common one
            raise ValueError(f"{file}: ONNX Runtime cannot read it: {str(error).splitlines()[0][:200]}") from None
        inputs = [each.name for each in self._session.get_inputs()]
        if inputs != _INPUTS:
            raise ValueError(
                f"{file}: has the inputs {', '.join(inputs)}, not {', '.join(_INPUTS)}; type chromahint export RUN "
                "--format onnx, without --rgb"
            )
        about = self._session.get_modelmeta().custom_metadata_map
        self.name = str(about.get("network", file.stem))

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Map lightness B1HW in 0..100 and hints to ab B2HW in Lab units."""
        given = (lightness.float(), hints.ab.float(), hints.mask.float())
        try:
            [ab] = self._session.run(None, dict(zip(_INPUTS, (each.cpu().numpy() for each in given), strict=True)))
        except Exception as error:
            height, width = lightness.shape[-2:]
            said = str(error).splitlines()[0][:200]
            raise ValueError(f"ONNX Runtime cannot color an image of {width}x{height} pixels: {said}") from None
        return torch.from_numpy(ab)


def require_packages(*packages: str) -> None:
    """Say which packages are missing, and what to type.

    Raises:
        ValueError: one is.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"{', '.join(missing)}: not installed here; type pip install 'chromahint[export]'")
