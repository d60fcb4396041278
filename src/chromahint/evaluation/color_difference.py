"""Color differences that an eye sees: CIEDE2000, and how colorful an image is."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_DEGREE = math.pi / 180
_POW25_7 = 25.0**7


def ciede2000(first: Tensor, second: Tensor) -> Tensor:
    """Color difference CIEDE2000 (Sharma, Wu, Dalal 2005) with unit weights, pixel by pixel.

    Args:
        first: (..., 3, H, W) float Lab, L in 0..100.
        second: Lab of the same shape.

    Returns:
        (..., H, W) in the dtype of the inputs, 0 for equal colors; about 1 is the smallest difference that an eye
        notices.
    """
    (l1, a1, b1), (l2, a2, b2) = first.unbind(-3), second.unbind(-3)
    mean_chroma7 = ((torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2) ** 7
    gain = 1.5 - 0.5 * (mean_chroma7 / (mean_chroma7 + _POW25_7)).sqrt()
    a1, a2 = gain * a1, gain * a2
    chroma1, chroma2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    hue1, hue2 = torch.atan2(b1, a1) % (2 * math.pi), torch.atan2(b2, a2) % (2 * math.pi)

    # the hue of a gray pixel is undefined: its difference from any hue is 0, and the mean hue is that of the other
    achromatic = chroma1 * chroma2 == 0
    hue_step = hue2 - hue1
    hue_step = torch.where(hue_step > math.pi, hue_step - 2 * math.pi, hue_step)
    hue_step = torch.where(hue_step < -math.pi, hue_step + 2 * math.pi, hue_step)
    hue_step = torch.where(achromatic, 0.0, hue_step)
    delta_l, delta_chroma = l2 - l1, chroma2 - chroma1
    delta_hue = 2 * (chroma1 * chroma2).sqrt() * (hue_step / 2).sin()

    hue_sum = hue1 + hue2
    apart = (hue1 - hue2).abs() > math.pi
    turned = torch.where(hue_sum < 2 * math.pi, hue_sum + 2 * math.pi, hue_sum - 2 * math.pi)
    mean_hue = torch.where(apart & ~achromatic, turned, hue_sum) / torch.where(achromatic, 1.0, 2.0)
    mean_chroma, lightness_step = (chroma1 + chroma2) / 2, ((l1 + l2) / 2 - 50) ** 2

    t = (
        1
        - 0.17 * (mean_hue - 30 * _DEGREE).cos()
        + 0.24 * (2 * mean_hue).cos()
        + 0.32 * (3 * mean_hue + 6 * _DEGREE).cos()
        - 0.20 * (4 * mean_hue - 63 * _DEGREE).cos()
    )
    scale_l = 1 + 0.015 * lightness_step / (20 + lightness_step).sqrt()
    scale_chroma = 1 + 0.045 * mean_chroma
    scale_hue = 1 + 0.015 * mean_chroma * t
    mean_chroma7 = mean_chroma**7
    turn = 60 * _DEGREE * (-(((mean_hue / _DEGREE - 275) / 25) ** 2)).exp()
    rotation = -2 * (mean_chroma7 / (mean_chroma7 + _POW25_7)).sqrt() * turn.sin()
    l_term, chroma_term, hue_term = delta_l / scale_l, delta_chroma / scale_chroma, delta_hue / scale_hue
    square = l_term**2 + chroma_term**2 + hue_term**2 + rotation * chroma_term * hue_term
    return square.clamp(min=0).sqrt()


def colorfulness(rgb: Tensor) -> Tensor:
    """Colorfulness of each image after Hasler and Suesstrunk (2003): 0 for gray, about 100 for extremely colorful.

    Args:
        rgb: B3HW uint8 RGB.

    Returns:
        B float32.
    """
    red, green, blue = rgb.int().unbind(1)
    spread_B, offset_B = torch.zeros(2, len(rgb), dtype=torch.float64)
    for opponent_BHW, scale in ((red - green, 1), (red + green - 2 * blue, 2)):
        # sums of integers are exact, whatever the order of addition
        mean_B, squares_B = (
            sums.cpu().double() / opponent_BHW[0].numel()
            for sums in (opponent_BHW.sum((1, 2)), (opponent_BHW * opponent_BHW).sum((1, 2)))
        )
        spread_B += (squares_B - mean_B * mean_B) / scale**2
        offset_B += mean_B * mean_B / scale**2
    colorfulness_B: Tensor = spread_B.sqrt() + 0.3 * offset_B.sqrt()
    return colorfulness_B.float().to(rgb.device)
