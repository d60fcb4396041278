"""Networks beside each other in Markdown: what was spent on each, and how close it comes for each number of hints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """A row of the comparison; what a method that learns nothing has not is None.

    Attributes:
        metrics: of the test photos, the content of metrics.json.
        seconds: that the network took for a test photo, in batches, where it was measured.
        parameters: numbers that the network has to learn.
        steps: of the optimizer.
        pictures: that all processes together trained on, a picture as often as it came.
        minutes: of training, validations included.
    """

    metrics: dict[str, Any]
    seconds: float
    parameters: int = 0
    steps: int | None = None
    pictures: int | None = None
    minutes: float | None = None


def tables(entries: Mapping[str, Entry]) -> str:
    """Write the comparison in Markdown: what was spent and PSNR, then SSIM."""
    first = next(iter(entries.values())).metrics
    counts = list(first["by_hints"])
    headings = [f"{int(count):,}" for count in counts]
    psnr, ssim = [], []
    for name, e in entries.items():
        spent = ["-" if n is None else f"{n:,}" for n in (e.parameters, e.steps, e.pictures)]
        spent.append("-" if e.minutes is None else f"{e.minutes:.1f}")
        spent.append(f"{1000 * e.seconds:.0f}")
        figures = [e.metrics["by_hints"][count] for count in counts]
        psnr.append([name, *spent, *(f"{each['psnr']:.2f}" for each in figures)])
        ssim.append([name, *(f"{each['ssim']:.4f}" for each in figures)])
    height, width = first["size"]
    on = f"by number of hints: means of {first['images']} test photos of {width}x{height}, {first['protocol']}"
    return "\n\n".join(
        [
            f"PSNR in dB {on}.",
            _markdown(["network", "parameters", "steps", "pictures seen", "minutes", "ms a photo", *headings], psnr),
            f"SSIM {on}.",
            _markdown(["network", *headings], ssim) + "\n",
        ]
    )


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rule, *rows))
