"""Networks as the Hugging Face hub knows them: `HubNetwork.from_pretrained(FOLDER)`, `network.push_to_hub(NAME)`."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.inference.exported_folder import FORMAT
from chromahint.inference.fixed_size import FixedSizeWrapper
from chromahint.models.registry import create_model

try:
    from huggingface_hub import PyTorchModelHubMixin
except ImportError:
    raise ImportError("huggingface_hub: not installed here; type pip install 'chromahint[hub]'") from None


class HubNetwork(nn.Module, PyTorchModelHubMixin, library_name="chromahint"):
    """One of Chromahint's networks, whose folder on a disk or on the hub is what `chromahint export` writes.

    Args:
        network: as `model=` takes it, such as `unet`.
        options: of the network's constructor.
        side: of the square that images are squashed to for the network; None gives it images as they come.
        format: of config.json.
    """

    def __init__(
        self,
        network: str,
        options: dict[str, Any],
        side: int | None = None,
        format: str = FORMAT,
    ) -> None:
        super().__init__()
        if format != FORMAT:
            raise ValueError(f"config.json has format {format!r:.80}, this version reads {FORMAT}")
        self.network = create_model(network, options)
        self.side = side

    def forward(self, lightness: Tensor, hint_ab: Tensor, mask: Tensor) -> Tensor:
        """Map lightness B1HW (0..100), hint ab B2HW (Lab units) and mask B1HW to ab B2HW in Lab units."""
        color = self.network if self.side is None else FixedSizeWrapper(self.network, self.side)
        ab: Tensor = color(lightness, Hints(hint_ab, mask))
        return ab
