"""SpreadNet: a network that learns which places of an image belong together, and how color propagates from hints.

1. `encode` runs once per image, on the lightness alone. A semantic encoder sees the whole image at 128x128 pixels and
   predicts, on a grid of 32x32 cells, a prior color, and features by which cells find hints that apply to them. A color
   pyramid predicts at full resolution how color propagates between pixels.
2. `propagate` runs once per set of hints. With a palette, each cell's prior color becomes what is most likely there
   of its colors. Each cell's prior color is shifted by the hints that it attends to. Then the pyramid propagates the
   colors of cells and hints to all pixels.

Before training, all learned terms are 0: the prior is gray, and color propagates like in Levin's method. Hinted pixels
always keep their hint.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le
from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.models.layers.area_resize import area_resize
from chromahint.models.layers.cell_hints import pool_hints
from chromahint.models.layers.color_pyramid import ColorPyramid, PyramidEncoding
from chromahint.models.layers.palette_prior import with_palette
from chromahint.models.layers.prior_attention import AB_UNIT, CellColors, CellEncoding, PriorAttention
from chromahint.models.layers.prior_losses import auxiliary_loss
from chromahint.models.layers.semantic_encoder import GRID_SIZE, INPUT_SIZE, SemanticEncoder
from chromahint.models.registry import ModelInfo
from chromahint.ranges import Positive, Width, validate_arguments

MODEL_INFO = ModelInfo(
    year=2026,
    input="(L - 50) / 50; hints are propagated, and a palette replaces prior colors",
    source="Chromahint",
    recipe="experiment spreadnet",
)


class Encoding(NamedTuple):
    """Everything that depends only on the lightness of an image. Reuse it for any number of hints.

    Attributes:
        lightness: B1HW in 0..100.
        cells: Prior color and attention features of the 32x32 cells.
        pyramid: How color propagates between pixels; None in training of the cells alone.
    """

    lightness: Tensor
    cells: CellEncoding
    pyramid: PyramidEncoding | None


class SpreadNet(nn.Module):
    """Predicts prior colors, shifts them by hints, and propagates them with learned weights over a pyramid.

    Args:
        width: Features of the finest level, an even number.
        propagation_steps: Propagation steps at the finest level. Coarser levels use up to twice as many.
        semantic_width: Features of each of the 32x32 cells, an even number.
        attention_blocks: Blocks of self-attention in the semantic encoder.
        stage: What is trained: `all` is the whole network; `cells` is only what determines the colors of the
            32x32 cells, which training enlarges bilinearly, a first stage that takes a fifth of the time; `pyramid`
            is everything else, a second stage that leaves the cells as they are. In eval mode, the whole network
            colors in every stage.
        auxiliary_weight: Weight of the auxiliary losses in training; see `chromahint.models.layers.prior_losses`.
    """

    takes_palette: ClassVar[bool] = True

    @validate_arguments("model")
    def __init__(
        self,
        width: Width = 16,
        propagation_steps: Annotated[int, Ge(0), Le(1000)] = 4,
        semantic_width: Width = 48,
        attention_blocks: Annotated[int, Ge(0), Le(100)] = 4,
        stage: Literal["all", "cells", "pyramid"] = "all",
        auxiliary_weight: Positive = 0.1,
    ) -> None:
        super().__init__()
        self.stage = stage
        self.auxiliary_weight = auxiliary_weight
        self.semantic_encoder = SemanticEncoder(semantic_width, attention_blocks)
        self.prior_attention = PriorAttention(semantic_width)
        self.pyramid = ColorPyramid(width, propagation_steps, semantic_width)
        if stage != "all":  # distributed training waits for the gradients of all trained parameters
            self.requires_grad_(stage == "cells")
            self.pyramid.requires_grad_(stage == "pyramid")

    def train(self, mode: bool = True) -> SpreadNet:
        """Set training mode, in which a part that is not trained keeps its batch statistics."""
        super().train(mode)
        if self.stage == "pyramid":
            self.semantic_encoder.eval()
        return self

    def forward(self, lightness: Tensor, hints: Hints) -> Tensor:
        """Predict color.

        Args:
            lightness: B1HW in 0..100, any H and W.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32. Hinted pixels keep their hint.
        """
        return self.propagate(self.encode(lightness), hints)

    def with_auxiliary_loss(
        self, lightness: Tensor, hints: Hints, target: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Predict color, and compute losses of what the network predicts besides (see `prior_losses`).

        Args:
            lightness: B1HW in 0..100.
            hints: ab B2HW in Lab units and mask B1HW.
            target: ab B2HW of the photos in Lab units.
            generator: Random generator of the losses.

        Returns:
            ab B2HW in Lab units, and a scalar.
        """
        encoding = self.encode(lightness)
        colors = self.cell_colors(encoding.cells, lightness, hints)
        if self.stage == "pyramid":
            return self._refine(encoding, colors, hints), lightness.new_zeros(())
        loss = auxiliary_loss(self.prior_attention, encoding.cells, colors, target, generator)
        return self._refine(encoding, colors, hints), self.auxiliary_weight * loss

    def encode(self, lightness: Tensor) -> Encoding:
        """Compute everything that does not depend on the hints, for lightness B1HW in 0..100."""
        lightness = lightness.float()
        cells = self.encode_cells(lightness)
        cells_only = self.training and self.stage == "cells"
        pyramid = None if cells_only else self.pyramid.encode(lightness, cells.features)
        return Encoding(lightness, cells, pyramid)

    def encode_cells(self, lightness: Tensor) -> CellEncoding:
        """Compute the part of the encoding that determines `cell_colors`, for lightness B1HW in 0..100."""
        lightness = lightness.float()
        features = self.semantic_encoder(area_resize(lightness, INPUT_SIZE, INPUT_SIZE))
        return self.prior_attention.encode(features, lightness)

    def cell_colors(self, cells: CellEncoding, lightness: Tensor, hints: Hints) -> CellColors:
        """Estimate the color of each of the 32x32 cells, and how wrong it may be.

        Args:
            cells: From `encode_cells`.
            lightness: B1HW in 0..100, of the size of the hints.
            hints: ab B2HW in Lab units and mask B1HW.
        """
        colors: CellColors = self.prior_attention(
            with_palette(cells, hints.global_hints),
            pool_hints(lightness.float(), hints.ab.float(), hints.mask.float()),
        )
        return colors

    def expected_gain(self, encoding: Encoding, hints: Hints) -> Tensor:
        """Return how much squared error, in Lab units, one more hint in each of the 32x32 cells may remove, B1HW."""
        pooled = pool_hints(encoding.lightness, hints.ab.float(), hints.mask.float())
        cells = with_palette(encoding.cells, hints.global_hints)
        return self.prior_attention.expected_gain(cells, pooled, self.prior_attention(cells, pooled))

    def expected_error(self, encoding: Encoding, hints: Hints) -> Tensor:
        """Return the expected error of each cell's ab for these hints, in Lab units; B1HW, 32x32."""
        return self.cell_colors(encoding.cells, encoding.lightness, hints).log_variance.float().div(2).exp()

    def color_distribution(self, encoding: Encoding, hints: Hints, row: int, column: int) -> tuple[Tensor, Tensor]:
        """Return the colors that the pixel of one image may have, given the hints: ab K2 in Lab units, weights K.

        They are the modes of the prior, as far as no hint applies, and the colors of the hints, as far as they do.
        """
        height, width = encoding.lightness.shape[-2:]
        pooled = pool_hints(encoding.lightness, hints.ab.float(), hints.mask.float())
        cell = row * GRID_SIZE // height * GRID_SIZE + column * GRID_SIZE // width
        logits, a, b, _ = encoding.cells.modes[0, cell].chunk(4)
        hint_weights = self.prior_attention.weights(encoding.cells, pooled)[0, cell]
        prior = with_palette(encoding.cells, hints.global_hints).prior[0]
        colors = [AB_UNIT * torch.stack([a, b], dim=1), prior[cell] + pooled.ab[0] - prior[pooled.cell[0]]]
        weights = [(1 - hint_weights.sum()) * logits.softmax(dim=0), hint_weights]
        return torch.cat(colors), torch.cat(weights)

    def propagate(self, encoding: Encoding, hints: Hints) -> Tensor:
        """Predict color from an encoding and hints.

        Args:
            encoding: Encoding of the images, from `encode`.
            hints: ab B2HW in Lab units and mask B1HW.

        Returns:
            ab B2HW in Lab units, float32.
        """
        return self._refine(encoding, self.cell_colors(encoding.cells, encoding.lightness, hints), hints)

    def _refine(self, encoding: Encoding, colors: CellColors, hints: Hints) -> Tensor:
        """Propagate the colors of cells and hints to all pixels."""
        if encoding.pyramid is None:
            return F.interpolate(colors.ab, hints.mask.shape[-2:], mode="bilinear")
        ab: Tensor = self.pyramid(encoding.pyramid, colors, hints)
        return ab
