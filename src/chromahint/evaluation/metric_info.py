"""Titles, units, and directions of the metrics in metrics.json, for tables and charts. Imports nothing slow."""

from __future__ import annotations

from typing import NamedTuple


class MetricInfo(NamedTuple):
    """How a metric is displayed and compared.

    Attributes:
        title: Short title.
        unit: Unit, or "".
        digits: Decimal places in tables.
        higher_is_better: True or False; None if values near 0 are best.
    """

    title: str
    unit: str
    digits: int
    higher_is_better: bool | None

    @property
    def sign(self) -> int:
        """1 if higher is better, -1 if lower is better: a score times its sign is always better if higher."""
        return 1 if self.higher_is_better else -1

    def format(self, value: float) -> str:
        """Format a value with its unit.

        >>> METRIC_INFO["psnr"].format(28.123), METRIC_INFO["ssim"].format(0.9)
        ('28.12 dB', '0.9000')
        """
        return f"{value:.{self.digits}f}{self.unit and f' {self.unit}'}"


METRIC_INFO = {
    "psnr": MetricInfo("PSNR", "dB", 2, True),
    "ssim": MetricInfo("SSIM", "", 4, True),
    "ciede2000": MetricInfo("\u0394E", "", 2, False),
    "ciede2000_p95": MetricInfo("\u0394E, 95th percentile", "", 2, False),
    "colorfulness_difference": MetricInfo("Colorfulness difference", "", 2, None),
    "histogram_intersection": MetricInfo("Histogram intersection", "", 3, True),
    "lpips": MetricInfo("LPIPS", "", 4, False),
    "flip": MetricInfo("FLIP", "", 4, False),
}
"""Name of each metric, as in metrics.json, in order of display."""
