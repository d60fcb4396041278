"""Terminal tables: PSNR, SSIM and CIEDE2000 by number of hints, and clicks until a target is reached."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.table import Table
from rich.text import Text

from chromahint.evaluation.compatibility import Metrics, methods_without_hints, require_comparable

MAX_WIDE_COLUMNS = 7
"""Columns that fit into a terminal of 80 characters at normal width; more columns are set narrower."""


def hint_table(results: dict[str, Metrics], title: str) -> Table:
    """Build a table with one row per method and one column per number of hints.

    Each cell has PSNR above SSIM above CIEDE2000, with the best PSNR in bold. Results of format 1 lack CIEDE2000, so it
    is left out if one of them has none.

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
    table = _new_table(title, padding)
    table.add_column("hints")
    for count in counts:
        table.add_column(f"{int(count):,}", justify="right", no_wrap=True)
    best = {count: max(round(r["by_hints"][count]["psnr"], 2) for r in results.values()) for count in counts}
    with_difference = all("ciede2000" in scores for r in results.values() for scores in r["by_hints"].values())
    for name, result in results.items():
        cells = []
        for count in counts:
            scores = result["by_hints"][count]
            is_best = round(scores["psnr"], 2) == best[count] and len(results) > 1
            others = [f"{scores['ssim']:.{digits}f}", *([f"{scores['ciede2000']:.2f}"] if with_difference else [])]
            psnr = f"{scores['psnr']:.2f}", "bold" if is_best else ""
            cells.append(Text.assemble(psnr, *(f"\n{each}" for each in others)))
        table.add_row(name, *cells)
    table.caption = "\n".join(_caption(results, with_difference))
    return table


def clicks_table(results: Mapping[str, Metrics]) -> Table | None:
    """Build a table of the clicks until each target is reached: mean, median, and share of images that never reach it.

    Args:
        results: Metrics of each method, by name; all of one protocol and the same images.

    Returns:
        None if the protocol does not count clicks.
    """
    targets = [dict.fromkeys(result.get("clicks_to", {})) for result in results.values()]
    if not all(targets):
        return None
    table = _new_table("clicks until PSNR reaches a target", (0, 1))
    for heading in ("clicks to", *(f"{target} dB" for target in targets[0])):
        table.add_column(heading, justify="right" if heading != "clicks to" else "left", no_wrap=True)
    for name, result in results.items():
        cells = [
            f"{clicks['mean']:.1f}\n{clicks['median']:g}\n{clicks['not_reached']:.0%}"
            for clicks in result["clicks_to"].values()
        ]
        table.add_row(f"{name}\n  median\n  never", *cells)
    table.caption = "mean and median of images, and the share of images that never reach the PSNR"
    return table


def _caption(results: Mapping[str, Metrics], with_difference: bool) -> list[str]:
    first = next(iter(results.values()))
    # files of earlier versions lack this key
    description = first.get("measures", "PSNR in dB over SSIM")
    difference = " over CIEDE2000" if with_difference else ""
    same = "each method's own clicks" if "clicks_to" in first else "the same hints in every row"
    lines = [f"{description}{difference}, means of {first['images']} images; {same}"]
    if ignoring := methods_without_hints(results):
        lines.append(f"the scores of these do not depend on the hints: {'; '.join(ignoring)}")
    if areas := {name: result["auc"]["psnr"] for name, result in results.items() if "auc" in result}:
        lines.append(f"area under PSNR over log(1 + hints): {', '.join(f'{k} {v:.2f}' for k, v in areas.items())}")
    for name, result in results.items():
        shares = [each.get("histogram_intersection") for each in result["by_hints"].values()]
        if None not in shares:
            lines.append(f"histogram intersection of {name}: {', '.join(f'{share:.2f}' for share in shares)}")
    colorless = first.get("colorless", {"images": 0})
    if colorless["images"]:
        ids = f"ids in metrics.json, protocol.min_chroma={colorless['min_chroma']:g}"
        count = colorless["images"]
        left_out = "1 more image has no color and is" if count == 1 else f"{count} more images have no color and are"
        lines.append(f"{left_out} left out ({ids})")
    return lines


def _new_table(title: str, padding: int | tuple[int, int]) -> Table:
    return Table(
        title=title, title_justify="left", title_style="bold", caption_justify="left", box=box.SIMPLE_HEAD,
        padding=padding,
    )  # fmt: skip
