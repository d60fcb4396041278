"""Interfaces of exported ONNX files: what goes in and comes out, as modules around a network."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from chromahint.color import lab_to_rgb, rgb_to_lab
from chromahint.hints.global_hints import MAX_PALETTE, from_palette
from chromahint.hints.hints import Hints

_HINT_DESCRIPTIONS = {
    "hint_ab": "a and b of CIE Lab at hinted pixels; float32, batch x 2 x height x width",
    "mask": "1 at hinted pixels, 0 elsewhere; float32, batch x 1 x height x width",
}
_PALETTE_DESCRIPTIONS = {
    "palette": f"a and b of CIE Lab of each color of the palette; float32, batch x {MAX_PALETTE} x 2",
    "palette_weights": f"share of each color, with the sum 1; all 0 for no palette; float32, batch x {MAX_PALETTE}",
}


class LabExportWrapper(nn.Module):
    """Network with the interface of the file: lightness, hint ab and mask in, ab out."""

    tolerance = 1e-2
    """Allowed difference between ONNX Runtime and PyTorch in Lab units, far below a step of 8-bit RGB.

    The largest known difference is 0.001 for SpreadNet, and 0.0001 for other networks. For ab beyond the range of
    colors, the tolerance grows in proportion, like the resolution of float32.
    """
    input_descriptions: ClassVar = {"lightness": "L of CIE Lab, 0..100; float32, batch x 1 x height x width"}
    hint_descriptions: ClassVar = _HINT_DESCRIPTIONS
    output_descriptions: ClassVar = {"ab": "a and b of CIE Lab, about -110..110; float32, batch x 2 x height x width"}

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, lightness: Tensor, hint_ab: Tensor, mask: Tensor) -> Tensor:
        """Map lightness B1HW, hint ab B2HW and mask B1HW to ab B2HW."""
        ab: Tensor = self.network(lightness, Hints(hint_ab * mask, mask))
        return ab


class PaletteExportWrapper(LabExportWrapper):
    """Network with a palette as a further input."""

    hint_descriptions: ClassVar = _HINT_DESCRIPTIONS | _PALETTE_DESCRIPTIONS

    def forward(  # type: ignore[override]
        self, lightness: Tensor, hint_ab: Tensor, mask: Tensor, palette: Tensor, palette_weights: Tensor
    ) -> Tensor:
        """Map lightness B1HW, hint ab B2HW, mask B1HW, palette BP2 and its weights BP to ab B2HW."""
        hints = Hints(hint_ab * mask, mask, from_palette(palette, palette_weights))
        ab: Tensor = self.network(lightness, hints)
        return ab


class RGBExportWrapper(nn.Module):
    """Network with an sRGB image in and out, including the conversion to and from Lab."""

    tolerance = 1e-3
    """Allowed difference between ONNX Runtime and PyTorch: a quarter of a step of 8-bit RGB."""
    input_descriptions: ClassVar = {
        "image": "sRGB, 0..1, of which only the lightness is used; float32, batch x 3 x height x width"
    }
    hint_descriptions: ClassVar = _HINT_DESCRIPTIONS
    output_descriptions: ClassVar = {
        "colored": "sRGB, 0..1, with the lightness of the image; float32, batch x 3 x height x width"
    }

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, hint_ab: Tensor, mask: Tensor) -> Tensor:
        """Map an image B3HW in 0..1, hint ab B2HW and mask B1HW to an image B3HW in 0..1."""
        lightness, _ = rgb_to_lab(image)
        return lab_to_rgb(lightness, self.network(lightness, Hints(hint_ab * mask, mask)))


ExportWrapper = LabExportWrapper | RGBExportWrapper


def export_wrapper(network: nn.Module, rgb: bool, palette: bool) -> ExportWrapper:
    """Return the network with the interface of the file."""
    if palette:
        return PaletteExportWrapper(network)
    return RGBExportWrapper(network) if rgb else LabExportWrapper(network)
