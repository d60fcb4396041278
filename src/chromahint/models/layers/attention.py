"""Gates of features by their content: spatial and channel attention (CBAM, Woo et al. 2018)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SpatialAttention(nn.Module):
    """Spatial attention: a 7x7 convolution of the mean and the maximum over channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 1, kernel_size=7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map BCHW to a gate B1HW in 0..1."""
        # reducing the last dimension keeps the channels-last layout in the backward pass, which is three times faster
        pixels = x.movedim(1, -1)
        return torch.sigmoid(self.conv1(torch.stack([pixels.mean(dim=-1), pixels.max(dim=-1).values], dim=1)))


class ChannelAttention(nn.Module):
    """Channel attention: a shared MLP of the mean and of the maximum over pixels (CBAM, Woo et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(1, channels // 16)
        self.fc1 = nn.Conv2d(channels, hidden, kernel_size=1, bias=False)
        self.fc2 = nn.Conv2d(hidden, channels, kernel_size=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map BCHW to a gate (B, C, 1, 1) in 0..1."""
        exporting = torch.compiler.is_exporting()  # avg_pool2d cannot be exported with a dynamic window size
        mean = x.mean(dim=(2, 3), keepdim=True) if exporting else F.avg_pool2d(x, x.shape[-2:])
        maximum = F.adaptive_max_pool2d(x, 1)
        return torch.sigmoid(self.fc2(F.relu(self.fc1(mean))) + self.fc2(F.relu(self.fc1(maximum))))
