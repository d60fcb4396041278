"""Content of the report page as plain values. All statistics are computed here; the page only displays them."""

from __future__ import annotations

import contextlib
import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from chromahint.evaluation.curves import area_under_curve
from chromahint.evaluation.metric_info import METRIC_INFO
from chromahint.models.registry import ModelCost
from chromahint.report.clicks import click_statistics
from chromahint.report.evaluation_result import EvaluationResult
from chromahint.report.load_runs import LoadedRuns
from chromahint.report.ranking import TEST_NAME, Ranking, image_scores
from chromahint.report.rebuild_networks import cost_of_network
from chromahint.report.statistics import Array, bootstrap_interval, bootstrap_weights, win_rates
from chromahint.runs.metrics_csv import Curve, read_metrics_csv
from chromahint.runs.run import Run

if TYPE_CHECKING:
    from chromahint.report.filmstrip import Filmstrip
    from chromahint.report.gallery import Gallery

MAX_CURVE_POINTS = {
    "train/loss": 25,
    "val/psnr": 150,
    "train/lr": 50,
    "train/grad_norm": 25,
    "train/images_per_second": 25,
    "train/data_wait": 25,
    "train/gpu_memory_gb": 25,
}
"""Metrics that are plotted, and the maximum number of points of each curve; more would only show noise."""
SHOWN_METRICS = ("psnr", "ssim", "ciede2000", "lpips", "flip")
"""Metrics that the page can switch between."""
MAX_PAIRWISE_RUNS = 15
"""At most this many runs are compared pairwise, the best ones."""

Content = dict[str, Any]


def page_content(
    loaded: LoadedRuns,
    ranking: Ranking,
    hint_count: int | None,
    gallery: Gallery | None,
    gallery_error: str,
    filmstrip: Filmstrip | None = None,
) -> Content:
    """Compute everything that the page displays.

    Args:
        loaded: runs and their evaluations.
        ranking: order of the runs.
        hint_count: number of hints of the ranking; None for the mean over all counts >= 1.
        gallery: gallery of colorized images; None for no gallery.
        gallery_error: reason why a requested gallery could not be drawn, or "".
        filmstrip: images after each of some clicks; None for no filmstrip.

    Returns:
        JSON-serializable values. Networks are sorted: runs, best first, then training-free baselines. Scores have one
        column per hint count, one for the mean over all counts >= 1, and, for protocols that report the area under the
        curve, one for that.
    """
    reference = loaded.reference
    networks = {name: loaded.evaluations[name] for name in ranking.names} | _sort_by_score(loaded.baselines)
    paired = [*ranking.names[:MAX_PAIRWISE_RUNS], *(name for name in networks if name in loaded.baselines)]
    metrics = [name for name in loaded.metrics if name in SHOWN_METRICS]
    margin = ranking.margin
    return {
        "title": loaded.title,
        "date": datetime.date.today().isoformat(),
        "protocol": {
            **reference.metrics,
            "by_hints": None,
            "measures": reference.metrics.get("measures", "PSNR, SSIM"),
        },
        "num_images": len(reference.image_names),
        "colorless": _colorless(loaded),
        "hint_counts": reference.hint_counts,
        "excluded_hint_counts": loaded.left_out_counts,
        "has_area": has_area(reference),
        "ranked_by": hint_count,
        "margin": None if margin is None else {**asdict(margin), "significant": margin.significant},
        "test_name": TEST_NAME,
        "networks": [_network_row(name, result, loaded.runs.get(name)) for name, result in networks.items()],
        "metrics": {name: METRIC_INFO[name]._asdict() for name in metrics},
        "scores": {name: _score_summary([column_scores(r, name) for r in networks.values()]) for name in metrics},
        "pairs": {
            "names": paired,
            "win_rates": {name: _pairwise_win_rates([networks[each] for each in paired], name) for name in metrics},
        },
        "hint_curves": {
            "counts": reference.all_counts,
            "means": {
                name: [result.all_scores[name].mean(axis=-1).round(5).tolist() for result in networks.values()]
                for name in metrics
            },
        },
        "clicks": click_statistics(networks),
        "curves": {name: _curves(run) for name, run in loaded.runs.items()},
        "differences": config_differences({name: _run_options(run) for name, run in loaded.runs.items()}),
        "gallery": None if gallery is None else asdict(gallery),
        "filmstrip": None if filmstrip is None else asdict(filmstrip),
        "gallery_error": gallery_error,
        "excluded": [
            {"name": name, "reason": reason, "scores": _mean_psnr(loaded.other_evaluations.get(name))}
            for name, reason in loaded.excluded.items()
        ],
    }


def has_area(result: EvaluationResult) -> bool:
    """Tell whether the protocol reports the area under the curve over hints."""
    return "auc" in result.metrics


def column_scores(result: EvaluationResult, metric: str) -> Array:
    """Return the scores of each image in every column of the page: hint counts, mean, and area under the curve; CxP."""
    columns = [*result.scores[metric], image_scores(result, result.scores[metric], None)]
    if has_area(result):
        columns.append(area_under_curve(result.all_counts, result.all_scores[metric]))
    return np.array(columns)


def config_differences(configs: Mapping[str, Mapping[str, Any]]) -> Content:
    """Return the options that differ between configs, and their values in each config.

    >>> config_differences({"a": {"lr": 1, "seed": 0}, "b": {"lr": 2, "seed": 0}})
    {'keys': ['lr'], 'rows': {'a': [1], 'b': [2]}}
    """
    keys = list(dict.fromkeys(key for config in configs.values() for key in config))
    keys = [key for key in keys if len({repr(config.get(key)) for config in configs.values()}) > 1]
    return {"keys": keys, "rows": {name: [config.get(key) for key in keys] for name, config in configs.items()}}


def downsample(curve: Curve, max_points: int) -> Curve:
    """Average neighboring points of a curve that has more than `max_points`; NaN and infinite values are dropped.

    >>> downsample(([1.0, 2.0], [0.5, float("nan")]), 10)
    ([1.0], [0.5])
    """
    points = np.array(curve)
    points = points[:, np.isfinite(points[1])]
    groups = np.array_split(points, min(points.shape[1], max_points) or 1, axis=1)
    steps, values = np.array([group.mean(axis=1) for group in groups if group.size]).reshape(-1, 2).T
    return steps.tolist(), [float(f"{value:.5g}") for value in values]


def _sort_by_score(baselines: dict[str, EvaluationResult]) -> dict[str, EvaluationResult]:
    def mean_psnr(item: tuple[str, EvaluationResult]) -> float:
        return float(image_scores(item[1], item[1].scores["psnr"], None).mean())

    return dict(sorted(baselines.items(), key=mean_psnr, reverse=True))


def _network_row(name: str, result: EvaluationResult, run: Run | None) -> Content:
    if run is None:  # the cost of a solver is slow to measure and not comparable to that of a network
        cost: ModelCost | None = ModelCost(parameters=0, gmac=None)
    else:
        cost = cost_of_network(result)
    return {
        "name": name,
        "trained": run is not None,
        "path": None if run is None else str(run.path),
        "model": None if run is None else run.metadata.get("choices", {}).get("model"),
        "parameters": None if cost is None else cost.parameters,
        "gmac": None if cost is None else cost.gmac,
        "seconds": result.seconds if math.isfinite(result.seconds) else None,
    }


def _score_summary(scores_NCP: Sequence[Array]) -> Content:
    """Return means with confidence intervals, and the same for differences to the first network, as lists NxC."""
    values_NCP = np.array(scores_NCP)
    weights_TP = bootstrap_weights(values_NCP.shape[-1])
    summary = {"mean": values_NCP.mean(axis=-1)}
    summary["low"], summary["high"] = bootstrap_interval(values_NCP, weights_TP)
    differences_NCP = values_NCP - values_NCP[0]
    summary["difference"] = differences_NCP.mean(axis=-1)
    summary["difference_low"], summary["difference_high"] = bootstrap_interval(differences_NCP, weights_TP)
    return {name: values.round(5).tolist() for name, values in summary.items()}


def _pairwise_win_rates(results: Sequence[EvaluationResult], metric: str) -> list[list[list[float]]]:
    """Return a matrix of win rates per column of the page."""
    scores_NCP = METRIC_INFO[metric].sign * np.array([column_scores(result, metric) for result in results])
    return [win_rates(scores_NP).round(4).tolist() for scores_NP in scores_NCP.transpose(1, 0, 2)]


def _colorless(loaded: LoadedRuns) -> Content:
    """Return the photos without color: how many there are, and whether they are left out of means."""
    recorded = loaded.reference.metrics.get("colorless") or {}
    count = len(loaded.left_out) or recorded.get("images", 0)
    return {"images": count, "min_chroma": recorded.get("min_chroma"), "left_out": bool(loaded.left_out)}


def _curves(run: Run) -> Content:
    curves: dict[str, Curve] = {}
    for name in ("metrics.csv", "timings.csv"):
        # a run that was not trained yet has none, and a killed process may leave a partial line
        with contextlib.suppress(OSError, KeyError, ValueError):
            curves |= read_metrics_csv(run.path / name)
    return {name: downsample(curves[name], points) for name, points in MAX_CURVE_POINTS.items() if name in curves}


def _run_options(run: Run) -> dict[str, Any]:
    """Return the options of a run by dotted key, except those that only locate the run."""
    try:
        config = run.config
    except ValueError:
        return {}
    return {key: value for key, value in _flatten(config, "") if key not in ("name", "runs_dir")}


def _flatten(node: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(node, dict):
        return [pair for key, value in node.items() for pair in _flatten(value, f"{path}.{key}" if path else str(key))]
    if path.endswith("._target_"):
        return [(path.removesuffix("._target_"), str(node).rpartition(".")[2])]
    # values that JSON cannot represent, such as infinity or a date, become strings
    plain = isinstance(node, str | int | None) or (isinstance(node, float) and math.isfinite(node))
    return [(path, node if plain else ", ".join(map(str, node)) if isinstance(node, list) else str(node))]


def _mean_psnr(result: EvaluationResult | None) -> Content | None:
    if result is None:
        return None
    psnr = result.scores["psnr"].mean(axis=-1).round(3).tolist()
    return {"setup": result.key.setup, "psnr": dict(zip(map(str, result.hint_counts), psnr, strict=True))}
