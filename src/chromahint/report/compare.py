"""Runs beside each other: a page to look at, and the name of the best."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from chromahint.report.load_runs import LoadedRuns, load_runs
from chromahint.report.ranking import TEST, Ranking, rank

NATURAL = 10
"""Hints in the pictures of the gallery, where nothing else is said: about as many as a person gives."""
COLUMNS = 8
"""So many runs stand in the gallery, the best of them."""
NAMED = 5
"""So many runs that don't compare are named in the terminal; the page and --json name all."""


def write_report(
    paths: Sequence[str],
    output: Path,
    gallery: int,
    at: int | None,
    baselines: Sequence[str],
    evaluation: str | None,
) -> int:
    """Write the page; returns the exit status."""
    gathered = load_runs(paths, evaluation)
    from chromahint.report.page import write_page
    from chromahint.report.page_data import make_content

    if baselines:
        from chromahint.report.rebuild_networks import measure_baselines

        gathered = replace(gathered, baselines=measure_baselines(baselines, gathered))
    ranked = rank(gathered, at)
    drawn, why = None, ""
    if gallery > 0:
        from chromahint.report.gallery import draw_gallery

        columns = {name: gathered.measured[name] for name in ranked.names[:COLUMNS]}
        # what the gray photo looks like, the picture of the hints shows already
        columns |= {name: each for name, each in gathered.baselines.items() if name != "gray"}
        try:
            drawn = draw_gallery(gathered, columns, gallery, _shown(gathered.first.counts, at))
        except ValueError as error:
            why = str(error)
            print(f"no gallery: {why}", file=sys.stderr)  # noqa: T201
    _say_apart(gathered)
    write_page(make_content(gathered, ranked, at, drawn, why), output)
    print(output)  # noqa: T201
    return 0


def print_best(paths: Sequence[str], at: int | None, evaluation: str | None, form: str) -> int:
    """Print the winner; returns the exit status.

    Args:
        paths: runs, or folders with runs below.
        at: a number of hints; None for the mean over all numbers from 1 on.
        evaluation: name of a folder in each run's `evaluation/`; None for what most runs share.
        form: "text", "json" or "path".
    """
    gathered = load_runs(paths, evaluation)
    ranked = rank(gathered, at)
    if form == "path":
        text = str(ranked.folder)
    elif form == "json":
        text = json.dumps(_as_json(gathered, ranked, at), indent=2)
    else:
        text = _as_text(gathered, ranked, at)
    _say_apart(gathered)
    print(text)  # noqa: T201
    return 0


def _as_text(gathered: LoadedRuns, ranked: Ranking, at: int | None) -> str:
    counts = [count for count in gathered.first.counts if count >= 1] or gathered.first.counts
    by = f"{at:,} hints" if at is not None else f"the mean over {counts[0]:,} to {counts[-1]:,} hints"
    lines = [
        f"best:   {ranked.names[0]}, {ranked.psnr[0]:.2f} dB at {by}, {len(gathered.first.images):,} photos",
        *(f"second: {name}, {psnr:.2f} dB" for name, psnr in zip(ranked.names[1:2], ranked.psnr[1:2], strict=True)),
        f"lead:   {'none to tell, it is the only run that was measured' if ranked.lead is None else ranked.lead}",
        f"run:    {ranked.folder}",
    ]
    return "\n".join(lines)


def _as_json(gathered: LoadedRuns, ranked: Ranking, at: int | None) -> dict[str, object]:
    lead = None
    if ranked.lead is not None:
        lead = {**asdict(ranked.lead), "significant": ranked.lead.significant, "test": TEST}
    ranking = [{"name": name, "psnr": psnr} for name, psnr in zip(ranked.names, ranked.psnr, strict=True)]
    return {
        "run": str(ranked.folder),
        "at": at,
        "photos": len(gathered.first.images),
        "lead": lead,
        "ranking": ranking,
        "apart": gathered.apart,
    }


def _shown(counts: list[int], at: int | None) -> int:
    """The number of hints in the gallery: that of the ranking, or the nearest to what a person gives."""
    return at if at is not None else min(counts, key=lambda count: abs(count - NATURAL))


def _say_apart(gathered: LoadedRuns) -> None:
    for name, why in list(gathered.apart.items())[:NAMED]:
        print(f"apart: {name}: {why}", file=sys.stderr)  # noqa: T201
    if len(gathered.apart) > NAMED:
        print(f"apart: {len(gathered.apart) - NAMED} more", file=sys.stderr)  # noqa: T201
