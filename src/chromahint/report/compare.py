"""Compare runs: write the report page, or print the best run."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from chromahint.report.load_runs import LoadedRuns, load_runs
from chromahint.report.ranking import TEST_NAME, Ranking, rank

DEFAULT_GALLERY_HINTS = 10
"""Preferred number of hints in the gallery if none is given: about as many as a person draws."""
MAX_GALLERY_COLUMNS = 8
"""The gallery shows at most this many runs, the best ones."""
MAX_EXCLUDED_LINES = 5
"""The terminal lists at most this many excluded runs; the page and --json list all."""


def write_report(
    paths: Sequence[str],
    output: Path,
    num_gallery_images: int,
    hint_count: int | None,
    baselines: Sequence[str],
    evaluation: str | None,
) -> int:
    """Write the report page; returns the exit status.

    Args:
        paths: run folders, or folders that contain run folders.
        output: path of the page.
        num_gallery_images: images in the gallery; 0 for no gallery.
        hint_count: number of hints to rank by; None for the mean over all counts >= 1.
        baselines: training-free baselines to evaluate and to include.
        evaluation: name of a folder in each run's `evaluation/`; None for the evaluation that most runs share.
    """
    loaded = load_runs(paths, evaluation)
    from chromahint.report.page import write_page
    from chromahint.report.page_data import page_content

    if baselines:
        from chromahint.report.rebuild_networks import measure_baselines

        loaded = replace(loaded, baselines=measure_baselines(baselines, loaded))
    ranking = rank(loaded, hint_count)
    gallery, gallery_error = None, ""
    if num_gallery_images > 0:
        from chromahint.report.gallery import draw_gallery

        columns = {name: loaded.evaluations[name] for name in ranking.names[:MAX_GALLERY_COLUMNS]}
        # the hints are drawn on the gray image, so its baseline needs no column
        columns |= {name: result for name, result in loaded.baselines.items() if name != "gray"}
        gallery_hints = _gallery_hint_count(loaded.reference.hint_counts, hint_count)
        try:
            gallery = draw_gallery(loaded, columns, num_gallery_images, gallery_hints)
        except ValueError as error:
            gallery_error = str(error)
            print(f"no gallery: {gallery_error}", file=sys.stderr)  # noqa: T201
    _print_excluded(loaded)
    write_page(page_content(loaded, ranking, hint_count, gallery, gallery_error), output)
    print(output)  # noqa: T201
    return 0


def print_best(paths: Sequence[str], hint_count: int | None, evaluation: str | None, output_format: str) -> int:
    """Print the best run; returns the exit status.

    Args:
        paths: run folders, or folders that contain run folders.
        hint_count: number of hints to rank by; None for the mean over all counts >= 1.
        evaluation: name of a folder in each run's `evaluation/`; None for the evaluation that most runs share.
        output_format: "text", "json" or "path".
    """
    loaded = load_runs(paths, evaluation)
    ranking = rank(loaded, hint_count)
    if output_format == "path":
        text = str(ranking.folder)
    elif output_format == "json":
        text = json.dumps(_to_json(loaded, ranking, hint_count), indent=2)
    else:
        text = _to_text(loaded, ranking, hint_count)
    _print_excluded(loaded)
    print(text)  # noqa: T201
    return 0


def _to_text(loaded: LoadedRuns, ranking: Ranking, hint_count: int | None) -> str:
    counts = [count for count in loaded.reference.hint_counts if count >= 1] or loaded.reference.hint_counts
    hints = f"{hint_count:,} hints" if hint_count is not None else f"mean over {counts[0]:,} to {counts[-1]:,} hints"
    num_images = len(loaded.reference.image_names)
    runner_up = zip(ranking.names[1:2], ranking.psnr[1:2], strict=True)
    lines = [
        f"best:   {ranking.names[0]}, {ranking.psnr[0]:.2f} dB ({hints}, {num_images:,} images)",
        *(f"second: {name}, {psnr:.2f} dB" for name, psnr in runner_up),
        f"lead:   {'none, because only one run was evaluated' if ranking.margin is None else ranking.margin}",
        f"run:    {ranking.folder}",
    ]
    return "\n".join(lines)


def _to_json(loaded: LoadedRuns, ranking: Ranking, hint_count: int | None) -> dict[str, object]:
    lead = None
    if ranking.margin is not None:
        lead = {**asdict(ranking.margin), "significant": ranking.margin.significant, "test": TEST_NAME}
    return {
        "run": str(ranking.folder),
        "hints": hint_count,
        "images": len(loaded.reference.image_names),
        "lead": lead,
        "ranking": [{"name": name, "psnr": psnr} for name, psnr in zip(ranking.names, ranking.psnr, strict=True)],
        "excluded": loaded.excluded,
    }


def _gallery_hint_count(available: list[int], requested: int | None) -> int:
    return requested if requested is not None else min(available, key=lambda count: abs(count - DEFAULT_GALLERY_HINTS))


def _print_excluded(loaded: LoadedRuns) -> None:
    for name, reason in list(loaded.excluded.items())[:MAX_EXCLUDED_LINES]:
        print(f"excluded: {name}: {reason}", file=sys.stderr)  # noqa: T201
    if len(loaded.excluded) > MAX_EXCLUDED_LINES:
        print(f"excluded: {len(loaded.excluded) - MAX_EXCLUDED_LINES} more", file=sys.stderr)  # noqa: T201
