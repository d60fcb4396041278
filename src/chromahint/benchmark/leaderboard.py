"""Statistics of a benchmark as plain values, which the page and leaderboard.md show.

Shape suffixes: N methods, K columns, P photos.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chromahint.benchmark.benchmark_config import Benchmark
from chromahint.benchmark.run_benchmark import Plan
from chromahint.evaluation.curves import area_under_curve, clicks_to_target
from chromahint.evaluation.metric_info import METRIC_INFO, MetricInfo
from chromahint.report.evaluation_result import EvaluationResult, read_evaluation
from chromahint.report.ranking import TEST_NAME, image_scores
from chromahint.report.statistics import Array, bootstrap_interval, bootstrap_weights, p_value

Content = dict[str, Any]

CLICKS_TO = MetricInfo("Clicks to a PSNR", "", 1, False)
NOT_REACHED = MetricInfo("Photos that never reach it", "%", 0, False)


def benchmark_content(benchmark: Benchmark, plan: Plan, pictures: Mapping[tuple[str, str], list[Content]]) -> Content:
    """Compute everything that the page and the leaderboard show.

    Args:
        benchmark: Config of the benchmark.
        plan: Its plan, of which every task is finished.
        pictures: (set, protocol) -> pictures of that board.

    Returns:
        JSON-serializable values. `boards` has a leaderboard for each set and protocol, and `overview` the PSNR of all.
    """
    boards = []
    for set_label, verified in plan.sets.items():
        for protocol in plan.protocols:
            tasks = [task for task in plan.tasks if (task.set, task.protocol) == (set_label, protocol)]
            results = {task.method: read_evaluation(task.folder) for task in tasks}
            board = _board(results, {"set": set_label, "protocol": protocol})
            boards.append(board | {"license": verified.manifest["license"], "pictures": pictures[set_label, protocol]})
    costs = {task.method: task.cost() for task in plan.tasks}
    overview = {
        name: [[board["tables"][0][name][row][-1] for board in boards] for row in range(len(costs))]
        for name in ("mean", "low", "high")
    }
    order = np.argsort([-float(np.mean(row)) for row in overview["mean"]], kind="stable")
    methods = [
        {
            "name": label,
            "source": benchmark.methods[label],
            **cost,
            "milliseconds": [board["milliseconds"][row] for board in boards],
        }
        for row, (label, cost) in enumerate(costs.items())
    ]
    return {
        "title": benchmark.title,
        "name": benchmark.name,
        "date": datetime.date.today().isoformat(),
        "test_name": TEST_NAME,
        # what the scripts shared with the report need: styles of lines are in the order of networks
        "networks": [{"name": methods[row]["name"], "trained": methods[row]["parameters"] != 0} for row in order],
        "hint_counts": [],
        "ranked_by": None,
        "methods": methods,
        "order": order.tolist(),
        "sets": [
            {
                "name": label,
                "photos": len(verified.photos),
                "id": verified.id,
                **{key: verified.manifest[key] for key in ("license", "source")},
            }
            for label, verified in plan.sets.items()
        ],
        "overview": overview,
        "boards": boards,
    }


def _board(results: Mapping[str, EvaluationResult], labels: Content) -> Content:
    """Compare all methods on one set by one protocol."""

    def conditions(result: EvaluationResult) -> tuple[Any, ...]:
        return result.key, result.hint_counts, result.scores.keys(), result.left_out

    first = next(iter(results.values()))
    for name, each in results.items():
        if conditions(each) != conditions(first):
            raise ValueError(
                f"{each.folder}, {first.folder}: {name} was measured on other photos, or with other hints or metrics. "
                "Move one of these folders away to measure again."
            )
    included = [each.without(each.left_out) for each in results.values()]
    tables = []
    for metric in first.scores:
        scores_NKP = np.array([[*each.scores[metric], _summarize(each, metric)] for each in included])
        columns = [f"{count:,}" for count in first.hint_counts]
        summary = "AUC" if metric in (first.metrics.get("auc") or {}) else "mean"
        tables.append(_table(metric, METRIC_INFO[metric], [*columns, summary], scores_NKP))
    targets = [float(target) for target in first.metrics.get("clicks_to", {})]
    if targets:
        columns = [*(f"{target:g} dB" for target in targets), "mean"]
        clicks_NKP = np.array(
            [
                _with_mean([clicks_to_target(each.all_counts, each.all_scores["psnr"], target) for target in targets])
                for each in included
            ]
        )
        missed_NKP = np.array([_with_mean(100.0 * (each[:-1] > first.all_counts[-1])) for each in clicks_NKP])
        tables.append(_table("clicks_to", CLICKS_TO, columns, clicks_NKP))
        tables.append(_table("not_reached", NOT_REACHED, columns, missed_NKP))
    colorless = first.metrics.get("colorless") or {"images": 0}
    return labels | {
        "hint_counts": first.hint_counts,
        "images": len(included[0].image_ids),
        "colorless": colorless["images"],
        "colorless_included": not first.left_out,
        "size": first.metrics["size"],
        "measures": first.metrics.get("measures", ""),
        "milliseconds": [round(1000 * each.seconds, 3) for each in results.values()],
        "tables": tables,
    }


def _summarize(result: EvaluationResult, metric: str) -> Array:
    """Return a score per photo, P: the area under its curve if metrics.json has one, else the mean over counts >= 1."""
    if metric in (result.metrics.get("auc") or {}):
        return area_under_curve(result.all_counts, result.all_scores[metric])
    return image_scores(result, result.scores[metric], None)


def _with_mean(scores_KP: Array | Sequence[Array]) -> list[Array]:
    return [*scores_KP, np.mean(scores_KP, axis=0)]


def _table(metric: str, info: MetricInfo, columns: list[str], scores_NKP: Array) -> Content:
    """Return means with intervals, and the difference of each method to the best in the last column, with a p-value."""
    direction = 0 if info.higher_is_better is None else info.sign
    header = {"metric": metric, "title": info.title, "unit": info.unit, "digits": info.digits, "direction": direction}
    weights_TP = bootstrap_weights(scores_NKP.shape[-1])
    low, high = bootstrap_interval(scores_NKP, weights_TP)
    found: Content = {"mean": scores_NKP.mean(axis=-1), "low": low, "high": high}
    best = int(np.argmax(direction * found["mean"][:, -1]))
    difference_NP = scores_NKP[:, -1] - scores_NKP[best, -1]
    found["difference"] = difference_NP.mean(axis=-1)
    found["difference_low"], found["difference_high"] = bootstrap_interval(difference_NP, weights_TP)
    p = [
        None if row == best or direction == 0 else p_value(scores_KP[-1], scores_NKP[best, -1])
        for row, scores_KP in enumerate(scores_NKP)
    ]
    rounded = {name: np.asarray(values).round(6).tolist() for name, values in found.items()}
    return header | {"columns": columns} | rounded | {"p": p}


def leaderboard_markdown(content: Content) -> str:
    """Format the leaderboard as Markdown: an overview, and a table for each set, protocol and metric."""
    boards, order = content["boards"], content["order"]
    parts = [f"# {content['title']}"]
    parts.append(
        f"{content['date']}. Every number is a mean over photos with its 95 % interval from a bootstrap over photos. "
        f"The best of each column is bold. p is from a {content['test_name']} against the best method in the last "
        "column of scores; it is not corrected for the number of methods."
    )
    rows = [
        f"| {each['name']} | {each['photos']:,} | {each['license']} | {each['source']} | `{each['id']}` |"
        for each in content["sets"]
    ]
    parts.append("\n".join(["| set | photos | license | source | id |", "|---|---:|---|---|---|", *rows]))
    parts.append(_overview_markdown(content))
    for board in boards:
        parts.append(f"## {board['set']}, {board['protocol']}")
        parts.append(describe_board(board))
        for table in board["tables"]:
            parts.append(f"{table['title']}{' in ' + table['unit'] if table['unit'] else ''}:")
            parts.append(_table_markdown(content, table, order))
    return "\n\n".join(parts) + "\n"


def describe_board(board: Content) -> str:
    """Say in a sentence what the numbers of a board are.

    >>> describe_board({"images": 2, "size": [64, 64], "measures": "", "colorless": 1, "colorless_included": False})
    'Means of 2 photos of 64x64 pixels. 1 colorless photo is left out.'
    """
    height, width = board["size"]
    text = f"Means of {board['images']:,} photos of {width}x{height} pixels."
    if board["measures"]:
        text += f" {board['measures']}."
    if board["colorless"]:
        verb = "included" if board["colorless_included"] else "left out"
        text += f" {board['colorless']} colorless photo{' is' if board['colorless'] == 1 else 's are'} {verb}."
    return text


def _overview_markdown(content: Content) -> str:
    boards, overview = content["boards"], content["overview"]
    headings = [f"{board['set']}, {board['protocol']} ({board['tables'][0]['columns'][-1]})" for board in boards]
    lines = [f"| method | parameters | GMAC | ms | {' | '.join(headings)} |"]
    lines.append(f"|---|---:|---:|---:|{'---:|' * len(boards)}")
    best = np.argmax(overview["mean"], axis=0)
    for row in content["order"]:
        method = content["methods"][row]
        cells = [
            _number(overview["mean"][row][n], overview["low"][row][n], overview["high"][row][n], 2, best[n] == row)
            for n in range(len(boards))
        ]
        milliseconds = float(np.median(method["milliseconds"]))
        cost = ["-" if method["parameters"] is None else f"{method['parameters']:,}"]
        cost += ["-" if method["gmac"] is None else f"{method['gmac']:.1f}", f"{milliseconds:.1f}"]
        lines.append(f"| {' | '.join([method['name'], *cost, *cells])} |")
    caption = (
        f"{boards[0]['tables'][0]['title']} in dB. GMAC are billions of multiply-adds for 256x256 pixels; ms is the "
        "median over the boards of the milliseconds per photo and number of hints, on the machine that measured."
    )
    return "\n".join([caption, "", *lines])


def _table_markdown(content: Content, table: Content, order: Sequence[int]) -> str:
    direction, digits = table["direction"], table["digits"]
    tested = direction != 0 and len(order) > 1
    headings = ["method", *table["columns"], *(["to the best", "p"] if tested else [])]
    lines = [f"| {' | '.join(headings)} |", f"|---|{'---:|' * (len(headings) - 1)}"]
    best = np.argmax(direction * np.array(table["mean"]), axis=0)
    for row in sorted(order, key=lambda row: -direction * table["mean"][row][-1]):
        scores = zip(table["mean"][row], table["low"][row], table["high"][row], strict=True)
        cells = [
            _number(mean, low, high, digits, direction != 0 and best[n] == row)
            for n, (mean, low, high) in enumerate(scores)
        ]
        if tested:
            mean, low, high = (table[name][row] for name in ("difference", "difference_low", "difference_high"))
            p = table["p"][row]
            cells += (
                ["", ""] if p is None else [_number(mean, low, high, digits), f"{p:.3f}" if p >= 0.001 else "< 0.001"]
            )
        lines.append(f"| {' | '.join([content['methods'][row]['name'], *cells])} |")
    return "\n".join(lines)


def _number(mean: float, low: float, high: float, digits: int, bold: bool = False) -> str:
    text = f"{mean:.{digits}f}"
    return f"{f'**{text}**' if bold else text} [{low:.{digits}f}, {high:.{digits}f}]"
