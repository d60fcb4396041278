"""Terminal table of PSNR and SSIM by number of hints."""

from __future__ import annotations

from rich import box
from rich.table import Table

from chromahint.evaluation.compatibility import Metrics, require_comparable

MAX_WIDE_COLUMNS = 7
"""Columns that fit into a terminal of 80 characters at normal width; more columns are set narrower."""


def hint_table(results: dict[str, Metrics], title: str) -> Table:
    """Build a table with one row per method and one column per number of hints: PSNR above SSIM, best PSNR in bold.

    Args:
        results: Metrics of each method, by name; all of one protocol and the same images.
        title: Title of the table.

    Raises:
        ValueError: The results are not comparable.
    """
    require_comparable(results)
    counts = list(next(iter(results.values()))["by_hints"])
    narrow = len(counts) > MAX_WIDE_COLUMNS
    padding, digits = (0, 3) if narrow else ((0, 1), 4)
    table = Table(
        title=title, title_justify="left", title_style="bold", caption_justify="left", box=box.SIMPLE_HEAD,
        padding=padding,
    )  # fmt: skip
    table.add_column("hints")
    for count in counts:
        table.add_column(f"{int(count):,}", justify="right", no_wrap=True)
    best = {count: max(round(r["by_hints"][count]["psnr"], 2) for r in results.values()) for count in counts}
    for name, result in results.items():
        cells = []
        for count in counts:
            psnr, ssim = result["by_hints"][count]["psnr"], result["by_hints"][count]["ssim"]
            bold = "[bold]" if round(psnr, 2) == best[count] and len(results) > 1 else ""
            cells.append(f"{bold}{psnr:.2f}{'[/]' if bold else ''}\n{ssim:.{digits}f}")
        table.add_row(name, *cells)
    first = next(iter(results.values()))
    # files of earlier versions lack this key
    description = first.get("measures", "PSNR in dB over SSIM")
    table.caption = f"{description}, means of {first['images']} images; the same hints in every row"
    return table
