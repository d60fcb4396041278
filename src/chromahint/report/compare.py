"""Compare runs: write the report page, or print the best run."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from chromahint.evaluation.metric_info import METRIC_INFO
from chromahint.report.evaluation_result import EvaluationResult
from chromahint.report.load_runs import LoadedRuns, load_runs
from chromahint.report.ranking import DEFAULT_METRIC, TEST_NAME, Ranking, rank

DEFAULT_GALLERY_HINTS = 10
"""Preferred number of hints in the gallery if none is given: about as many as a person draws."""
MAX_GALLERY_COLUMNS = 8
"""The gallery shows at most this many runs, the best ones."""
MAX_FILMSTRIP_NETWORKS = 4
"""The filmstrip offers at most this many networks, because each takes several images per photo."""
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
    gallery, filmstrip, gallery_error = None, None, ""
    if num_gallery_images > 0:
        from chromahint.report.filmstrip import draw_filmstrip, is_interactive
        from chromahint.report.gallery import draw_gallery

        try:
            if is_interactive(loaded.reference):
                filmstrip = draw_filmstrip(loaded, _filmstrip_columns(loaded, ranking), num_gallery_images)
            else:
                columns = {name: loaded.evaluations[name] for name in ranking.names[:MAX_GALLERY_COLUMNS]}
                # the hints are drawn on the gray image, so its baseline needs no column
                columns |= {name: result for name, result in loaded.baselines.items() if name != "gray"}
                gallery_hints = _gallery_hint_count(loaded.reference.hint_counts, hint_count)
                gallery = draw_gallery(loaded, columns, num_gallery_images, gallery_hints)
        except ValueError as error:
            gallery_error = str(error)
            print(f"no gallery: {gallery_error}", file=sys.stderr)  # noqa: T201
    _print_excluded(loaded)
    write_page(page_content(loaded, ranking, hint_count, gallery, gallery_error, filmstrip), output)
    print(output)  # noqa: T201
    return 0


def print_best(
    paths: Sequence[str],
    hint_count: int | None,
    evaluation: str | None,
    output_format: str,
    metric: str = DEFAULT_METRIC,
) -> int:
    """Print the best run; returns the exit status.

    Args:
        paths: run folders, or folders that contain run folders.
        hint_count: number of hints to rank by; None for the mean over all counts >= 1.
        evaluation: name of a folder in each run's `evaluation/`; None for the evaluation that most runs share.
        output_format: "text", "json" or "path".
        metric: metric to rank by.
    """
    loaded = load_runs(paths, evaluation)
    ranking = rank(loaded, hint_count, metric)
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
    info = METRIC_INFO[ranking.metric]
    counts = [count for count in loaded.reference.hint_counts if count >= 1] or loaded.reference.hint_counts
    hints = f"{hint_count:,} hints" if hint_count is not None else f"mean over {counts[0]:,} to {counts[-1]:,} hints"
    metric = "" if ranking.metric == DEFAULT_METRIC else f"{info.title}, "
    num_images = len(loaded.reference.image_names)
    runner_up = zip(ranking.names[1:2], ranking.means[1:2], strict=True)
    lines = [
        f"best:   {ranking.names[0]}, {info.format(ranking.means[0])} ({metric}{hints}, {num_images:,} images)",
        *(f"second: {name}, {info.format(mean)}" for name, mean in runner_up),
        f"lead:   {'none, because only one run was evaluated' if ranking.margin is None else ranking.margin}",
        f"run:    {ranking.folder}",
    ]
    return "\n".join(lines)


def _to_json(loaded: LoadedRuns, ranking: Ranking, hint_count: int | None) -> dict[str, object]:
    lead, metric, margin = None, ranking.metric, ranking.margin
    if margin is not None:
        lead = {
            "db" if METRIC_INFO[metric].unit == "dB" else "difference": margin.value,
            "low": margin.low,
            "high": margin.high,
            "p": margin.p,
            "significant": margin.significant,
            "test": TEST_NAME,
        }
    return {
        "run": str(ranking.folder),
        "metric": metric,
        "hints": hint_count,
        "images": len(loaded.reference.image_names),
        "lead": lead,
        "ranking": [{"name": name, metric: mean} for name, mean in zip(ranking.names, ranking.means, strict=True)],
        "excluded": loaded.excluded,
        "excluded_hint_counts": loaded.left_out_counts,
    }


def _filmstrip_columns(loaded: LoadedRuns, ranking: Ranking) -> dict[str, EvaluationResult]:
    """Return the best runs and at least one baseline, if there is one that colors."""
    baselines = [name for name in loaded.baselines if name != "gray"]
    runs = ranking.names[: MAX_FILMSTRIP_NETWORKS - bool(baselines)]
    names = [*runs, *baselines][:MAX_FILMSTRIP_NETWORKS]
    return {name: (loaded.evaluations | loaded.baselines)[name] for name in names}


def _gallery_hint_count(available: list[int], requested: int | None) -> int:
    return requested if requested is not None else min(available, key=lambda count: abs(count - DEFAULT_GALLERY_HINTS))


def _print_excluded(loaded: LoadedRuns) -> None:
    if loaded.left_out_counts:
        counts = ", ".join(f"{count:,}" for count in loaded.left_out_counts)
        print(f"excluded: {counts} hints: only some of the runs were evaluated with them", file=sys.stderr)  # noqa: T201
    for name, reason in list(loaded.excluded.items())[:MAX_EXCLUDED_LINES]:
        print(f"excluded: {name}: {reason}", file=sys.stderr)  # noqa: T201
    if len(loaded.excluded) > MAX_EXCLUDED_LINES:
        print(f"excluded: {len(loaded.excluded) - MAX_EXCLUDED_LINES} more", file=sys.stderr)  # noqa: T201
