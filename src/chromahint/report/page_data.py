"""What the page shows, as plain values: every figure is worked out here, the page only draws."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from chromahint.models.registry import ModelCost
from chromahint.report.load_runs import EvaluationResult, LoadedRuns
from chromahint.report.ranking import TEST, Ranking, score
from chromahint.report.rebuild_networks import cost_of_network
from chromahint.report.statistics import Array, bootstrap_weights, interval, win_rates
from chromahint.runs.metrics_csv import Curve, read_metrics_csv
from chromahint.runs.run import Run

if TYPE_CHECKING:
    from chromahint.report.gallery import Gallery

POINTS = {"train/loss": 25, "val/psnr": 150}
"""The curves that are shown, and how many points each has at most: with more, a loss would be all noise."""
PAIRS = 15
"""So many runs are compared pair by pair, the best of them."""

Content = dict[str, Any]


def make_content(
    gathered: LoadedRuns, ranked: Ranking, at: int | None, gallery: Gallery | None, why_no_gallery: str
) -> Content:
    """Work out everything that the page shows.

    Args:
        gathered: what was measured.
        ranked: the order of the runs.
        at: the number of hints that they are ranked by; None for the mean over all numbers from 1 on.
        gallery: what they make of a few photos; None leaves it out.
        why_no_gallery: a sentence for the place of a gallery that was wanted and can't be drawn.

    Returns:
        Values for JSON; networks are listed runs first, the best first, and then methods that learn nothing. Figures
        have a column a number of hints, and one more for the mean over all numbers from 1 on.
    """
    first = gathered.first
    networks = {name: gathered.measured[name] for name in ranked.names} | _by_score(gathered.baselines)
    shown = [*ranked.names[:PAIRS], *(name for name in networks if name in gathered.baselines)]
    return {
        "title": gathered.title,
        "made": datetime.date.today().isoformat(),
        "protocol": {**first.metrics, "by_hints": None, "measures": first.metrics.get("measures", "PSNR, SSIM")},
        "photos": len(first.images),
        "counts": first.counts,
        "at": at,
        "lead": None if ranked.lead is None else {**asdict(ranked.lead), "significant": ranked.lead.significant},
        "test": TEST,
        "networks": [_network(name, each, gathered.runs.get(name)) for name, each in networks.items()],
        "psnr": _figures([each.psnr for each in networks.values()], first),
        "ssim": _figures([each.ssim for each in networks.values()], first),
        "pairs": {"names": shown, "won": _pairs([networks[name] for name in shown])},
        "curves": {name: _curves(run) for name, run in gathered.runs.items()},
        "differences": differences({name: _config(run) for name, run in gathered.runs.items()}),
        "gallery": None if gallery is None else asdict(gallery),
        "why_no_gallery": why_no_gallery,
        "apart": [
            {"name": name, "why": why, "figures": _means(gathered.elsewhere.get(name))}
            for name, why in gathered.apart.items()
        ],
    }


def differences(configs: Mapping[str, Mapping[str, Any]]) -> Content:
    """Options that not all configs agree on: their names, and the values of each config.

    >>> differences({"a": {"lr": 1, "seed": 0}, "b": {"lr": 2, "seed": 0}})
    {'keys': ['lr'], 'rows': {'a': [1], 'b': [2]}}
    """
    keys = list(dict.fromkeys(key for config in configs.values() for key in config))
    keys = [key for key in keys if len({repr(config.get(key)) for config in configs.values()}) > 1]
    return {"keys": keys, "rows": {name: [config.get(key) for key in keys] for name, config in configs.items()}}


def thin(points: Curve, most: int) -> Curve:
    """Take the means of neighbors where a curve has more than `most` points; what is no number is left out.

    >>> thin(([1.0, 2.0], [0.5, float("nan")]), 10)
    ([1.0], [0.5])
    """
    array = np.array(points)
    array = array[:, np.isfinite(array[1])]
    parts = np.array_split(array, min(array.shape[1], most) or 1, axis=1)
    steps, values = np.array([part.mean(axis=1) for part in parts if part.size]).reshape(-1, 2).T
    return steps.tolist(), [float(f"{value:.5g}") for value in values]


def _by_score(baselines: dict[str, EvaluationResult]) -> dict[str, EvaluationResult]:
    def mean(item: tuple[str, EvaluationResult]) -> float:
        return float(score(item[1], item[1].psnr, None).mean())

    return dict(sorted(baselines.items(), key=mean, reverse=True))


def _network(name: str, measured: EvaluationResult, run: Run | None) -> Content:
    if run is None:  # the work of a solver is long to count, and says little beside a network's
        takes: ModelCost | None = ModelCost(parameters=0, gmac=None)
    else:
        takes = cost_of_network(measured)
    return {
        "name": name,
        "learns": run is not None,
        "path": None if run is None else str(run.path),
        "model": None if run is None else run.metadata.get("choices", {}).get("model"),
        "parameters": None if takes is None else takes.parameters,
        "gmac": None if takes is None else takes.gmac,
        "seconds": measured.seconds,
    }


def _figures(of_all: Sequence[Array], first: EvaluationResult) -> Content:
    """Means with their intervals, and the same of the differences to the first network; lists NxK."""
    draws_TP = bootstrap_weights(len(first.images))
    values_NKP = np.array([[*figures, score(first, figures, None)] for figures in of_all])
    found = {"mean": values_NKP.mean(axis=-1)}
    found["low"], found["high"] = interval(values_NKP, draws_TP)
    found["behind"] = (values_NKP - values_NKP[0]).mean(axis=-1)
    found["behind_low"], found["behind_high"] = interval(values_NKP - values_NKP[0], draws_TP)
    return {name: values.round(5).tolist() for name, values in found.items()}


def _pairs(measured: Sequence[EvaluationResult]) -> list[list[list[float]]]:
    """Shares of pictures won by PSNR: a matrix for each number of hints, and one for the mean from 1 on."""
    columns: list[int | None] = [*measured[0].counts, None]
    return [
        win_rates(np.array([score(each, each.psnr, count) for each in measured])).round(4).tolist() for count in columns
    ]


def _curves(run: Run) -> Content:
    try:
        lines = read_metrics_csv(run.path / "metrics.csv")
    except (OSError, KeyError, ValueError):  # not trained yet, or killed while it wrote a line
        lines = {}
    return {name: thin(lines[name], most) for name, most in POINTS.items() if name in lines}


def _config(run: Run) -> dict[str, Any]:
    """The options of a run by their dotted names; what only names the run is left out."""
    try:
        config = run.config
    except ValueError:
        return {}
    return {key: value for key, value in _flat(config, "") if key not in ("name", "runs")}


def _flat(node: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(node, dict):
        return [pair for key, value in node.items() for pair in _flat(value, f"{path}.{key}" if path else str(key))]
    if path.endswith("._target_"):
        return [(path.removesuffix("._target_"), str(node).rpartition(".")[2])]
    # what JSON has no word for, such as infinity or a date, is shown as it is written
    plain = isinstance(node, str | int | None) or (isinstance(node, float) and math.isfinite(node))
    return [(path, node if plain else ", ".join(map(str, node)) if isinstance(node, list) else str(node))]


def _means(measured: EvaluationResult | None) -> Content | None:
    if measured is None:
        return None
    psnr = measured.psnr.mean(axis=-1).round(3).tolist()
    return {"by": measured.basis.measured, "psnr": dict(zip(map(str, measured.counts), psnr, strict=True))}
