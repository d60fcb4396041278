"""PSNR and SSIM against the number of hints, as a table for the terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table

from chromahint.evaluation.compatibility import Metrics, require_comparable

FITTING = 7
"""Numbers of hints that fit into a terminal of 80 columns as they are; more are set closer."""


def hint_table(results: dict[str, Metrics], title: str) -> Table:
    """Lay out results side by side: a row a method, a column a number of hints, PSNR over SSIM; the best PSNR is bold.

    Args:
        results: name of the method -> its metrics, all of one protocol on the same photos.
        title: what stands above.

    Raises:
        ValueError: the results are of several protocols.
    """
    require_comparable(results)
    counts = list(next(iter(results.values()))["by_hints"])
    many = len(counts) > FITTING
    padding, digits = (0, 3) if many else ((0, 1), 4)
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
            mark = "[bold]" if round(psnr, 2) == best[count] and len(results) > 1 else ""
            cells.append(f"{mark}{psnr:.2f}{'[/]' if mark else ''}\n{ssim:.{digits}f}")
        table.add_row(name, *cells)
    first = next(iter(results.values()))
    # earlier versions did not write what they measured
    measures = first.get("measures", "PSNR in dB over SSIM")
    table.caption = f"{measures}, means of {first['images']} images; the same hints in every row"
    return table
