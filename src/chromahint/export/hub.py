"""Networks on the Hugging Face Hub: `HubNetwork.from_pretrained(FOLDER)`, `network.push_to_hub(NAME)`."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from chromahint.hints.hints import Hints
from chromahint.inference.exported_folder import EXPORT_FORMAT
from chromahint.inference.fixed_size import FixedSizeWrapper
from chromahint.models.registry import create_model

try:
    from huggingface_hub import PyTorchModelHubMixin
except ImportError:
    raise ImportError("huggingface_hub: not installed. Run pip install 'chromahint[hub]'.") from None


class HubNetwork(nn.Module, PyTorchModelHubMixin, library_name="chromahint"):
    """Network that loads from, and saves to, a folder written by `chromahint export` or a Hub repository.

    The arguments are the keys of config.json.

    Args:
        network: Name of the network in `model=`, such as `unet`.
        options: Constructor options of the network.
        side: Height and width that images are squashed to for the network; None keeps their size.
        format: Format of config.json.
    """

    def __init__(
        self,
        network: str,
        options: dict[str, Any],
        side: int | None = None,
        format: str = EXPORT_FORMAT,
    ) -> None:
        super().__init__()
        if format != EXPORT_FORMAT:
            raise ValueError(
                f"config.json: has format {format!r:.80}, but this version reads {EXPORT_FORMAT}. "
                "Export the network again."
            )
        self.network = create_model(network, options)
        self.side = side

    def forward(self, lightness: Tensor, hint_ab: Tensor, mask: Tensor) -> Tensor:
        """Map lightness B1HW (0..100), hint ab B2HW (Lab units) and mask B1HW to ab B2HW in Lab units."""
        network = self.network if self.side is None else FixedSizeWrapper(self.network, self.side)
        ab: Tensor = network(lightness, Hints(hint_ab, mask))
        return ab
