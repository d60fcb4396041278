"""Find runs and read their evaluations. Only evaluations on the same images with the same hints are compared."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from chromahint.evaluation.compatibility import evaluation_setup
from chromahint.evaluation.metric_info import METRIC_INFO
from chromahint.report.image_table import read_image_table
from chromahint.report.run_labels import short_labels
from chromahint.report.statistics import Array
from chromahint.runs.files import read_json
from chromahint.runs.run import Run, find_runs, open_run

METRICS_FORMATS = (1, 2)
"""Formats of metrics.json that can be read. Format 1 has only PSNR and SSIM, and does not record colorless photos."""
AGGREGATION_OPTIONS = ("min_chroma", "extra_metrics", "targets")
"""Options of a protocol that don't change the scores of an image."""


@dataclass(frozen=True)
class EvaluationKey:
    """What scores depend on besides the network. Two evaluations are comparable if their keys are equal.

    Attributes:
        setup: protocol, size and hint counts as text.
        protocol: options of the protocol that scores depend on, including its seed, as text.
        image_ids: sorted ids of all images.
    """

    setup: str
    protocol: str
    image_ids: tuple[str, ...]


@dataclass(frozen=True)
class EvaluationResult:
    """Scores of an evaluation, image by image.

    Attributes:
        folder: folder of the evaluation.
        metadata: content of evaluation.json, see `chromahint.evaluation.fingerprint`.
        metrics: content of metrics.json.
        key: what the scores depend on besides the network.
        image_names: names of the P images, in the order of their ids.
        image_ids: their ids.
        hint_counts: the K reported numbers of hints.
        scores: name of each metric -> KxP.
        all_counts: every measured number of hints; with simulated clicks, these are more than the reported ones.
        all_scores: name of each metric -> scores at `all_counts`.
        left_out: ids of colorless photos that are left out of means.
        seconds: median time per image.
    """

    folder: Path
    metadata: dict[str, Any]
    metrics: dict[str, Any]
    key: EvaluationKey
    image_names: list[str]
    image_ids: tuple[str, ...]
    hint_counts: list[int]
    scores: Mapping[str, Array]
    all_counts: list[int]
    all_scores: Mapping[str, Array]
    left_out: frozenset[str]
    seconds: float

    def without(self, ids: frozenset[str]) -> EvaluationResult:
        """Return the scores without some images."""
        kept = [index for index, image_id in enumerate(self.image_ids) if image_id not in ids]
        return replace(
            self,
            image_names=[self.image_names[index] for index in kept],
            image_ids=tuple(self.image_ids[index] for index in kept),
            scores={name: scores[:, kept] for name, scores in self.scores.items()},
            all_scores={name: scores[:, kept] for name, scores in self.all_scores.items()},
        )


@dataclass(frozen=True)
class LoadedRuns:
    """Comparable runs, the baselines that were evaluated in the same way, and runs that are excluded.

    Attributes:
        title: title of the comparison.
        runs: name -> run, for every run that was found.
        evaluations: name of a run -> its evaluation; all have the same key.
        baselines: name of a training-free baseline -> its evaluation, with the same key.
        excluded: name of a run, or of one of its evaluations -> reason why it is not compared.
        other_evaluations: name of an excluded run -> its evaluation, if it has one.
        left_out: ids of colorless photos, which are left out of all scores.
    """

    title: str
    runs: dict[str, Run]
    evaluations: dict[str, EvaluationResult]
    baselines: dict[str, EvaluationResult]
    excluded: dict[str, str]
    other_evaluations: dict[str, EvaluationResult]
    left_out: frozenset[str]

    @property
    def reference(self) -> EvaluationResult:
        """Any evaluation, for properties that do not depend on the network."""
        return next(iter(self.evaluations.values()))

    @property
    def metrics(self) -> list[str]:
        """Metrics that all evaluations and baselines have."""
        results = [*self.evaluations.values(), *self.baselines.values()]
        return [name for name in METRIC_INFO if all(name in result.scores for result in results)]


def load_runs(paths: Sequence[str], evaluation: str | None = None) -> LoadedRuns:
    """Load the runs in some folders.

    The evaluations with the key that most runs share are compared; the other runs are excluded.

    Args:
        paths: run folders, or folders that contain run folders at any depth.
        evaluation: name of a folder in each run's `evaluation/`; None for all of them.

    Raises:
        ValueError: No runs were found, or no run has been evaluated.
    """
    folders = list(dict.fromkeys(folder for path in paths for folder in _run_folders(path)))
    parent = Path(os.path.commonpath([folder.parent for folder in folders]))
    runs, excluded = {}, {}
    results: dict[str, list[EvaluationResult]] = {}
    for folder, name in zip(folders, short_labels(folders, parent), strict=True):
        try:
            runs[name] = open_run(folder)
        except ValueError as error:
            excluded[name] = str(error).removesuffix(".")
            continue
        readable, problems = _read_evaluations(folder, evaluation)
        if readable or not problems:
            results[name] = readable
            excluded |= {f"{name}/evaluation/{each}": problem for each, problem in problems.items()}
        else:
            excluded[name] = next(iter(problems.values()))
    key_counts = Counter(key for of_run in results.values() for key in {result.key for result in of_run})
    if not key_counts:
        missing = "evaluation" if evaluation is None else f"evaluation/{evaluation}"
        example = "".join(f" {name}: {reason}" for name, reason in list(excluded.items())[:1])
        raise ValueError(
            f"{', '.join(paths)}: none of {len(folders)} runs has an {missing} to compare. "
            f"Run chromahint evaluate run=RUN first.{example}"
        )
    [(key, _)] = key_counts.most_common(1)
    matching = {name: result for name, of_run in results.items() for result in of_run[::-1] if result.key == key}
    for name, of_run in results.items():
        if name not in matching:
            excluded[name] = _difference_reason(of_run[0].key, key) if of_run else _missing_reason(runs[name])
    baselines = _find_baselines(matching, runs, key)
    # files of format 1 don't say which photos are colorless
    left_out = frozenset[str]().union(*(result.left_out for result in [*matching.values(), *baselines.values()]))
    if left_out >= set(key.image_ids):
        raise ValueError(f"{', '.join(paths)}: all images are colorless. Evaluate color photos, or lower min_chroma.")
    return LoadedRuns(
        title=_common_group(list(runs.values())) or (parent.name if len(folders) > 1 else folders[0].name),
        runs=runs,
        evaluations={name: matching[name].without(left_out) for name in results if name in matching},
        baselines={name: result.without(left_out) for name, result in baselines.items()},
        excluded=excluded,
        other_evaluations={name: of_run[0] for name, of_run in results.items() if name in excluded and of_run},
        left_out=left_out,
    )


def read_evaluation(folder: Path) -> EvaluationResult:
    """Read the folder of a finished evaluation.

    Raises:
        ValueError: files are missing, damaged or inconsistent.
    """
    metadata, metrics = read_json(folder / "evaluation.json"), read_json(folder / "metrics.json")
    version = metrics.get("format", 1) if isinstance(metrics, dict) else None
    if version not in METRICS_FORMATS:
        raise ValueError(
            f"{folder / 'metrics.json'}: has format {version!r}, but this version reads formats 1 and 2. "
            "Evaluate again, or use the version that wrote it."
        )
    try:
        table = read_image_table(folder / "images.csv")
        hint_counts = sorted(int(count) for count in metrics["by_hints"])
        protocol = {name: value for name, value in metadata["protocol"].items() if name not in AGGREGATION_OPTIONS}
        key = EvaluationKey(evaluation_setup(metrics), str(protocol), table.ids)
        left_out = table.colorless if metrics["images"] < len(table.ids) else frozenset()
        rows = [table.hint_counts.index(count) for count in hint_counts]
        complete = metrics["images"] == len(table.ids) - len(left_out) and bool(rows)
        complete = complete and {"model", "weights", "data", "split"} <= metadata.keys()
    except (AttributeError, KeyError, ValueError, TypeError):
        complete = False
    if not complete:
        raise ValueError(f"{folder}: its files are incomplete or inconsistent. Evaluate again into another folder.")
    if not all(np.isfinite(scores).all() for scores in table.scores.values()):
        raise ValueError(f"{folder}: contains NaN or infinite scores. The weights may be broken; train again.")
    return EvaluationResult(
        folder=folder,
        metadata=metadata,
        metrics=metrics,
        key=key,
        image_names=table.names,
        image_ids=table.ids,
        hint_counts=hint_counts,
        scores={name: scores[rows] for name, scores in table.scores.items()},
        all_counts=table.hint_counts,
        all_scores=table.scores,
        left_out=left_out,
        seconds=table.seconds,
    )


def _run_folders(path: str) -> list[Path]:
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise ValueError(f"{path}: folder not found. Pass a run folder, or a folder that contains runs, such as runs.")
    found = find_runs(folder)
    if not found:
        raise ValueError(f"{path}: contains no run. Pass a folder that contains run.json, as `train` creates it.")
    return found


def _read_evaluations(run_dir: Path, name: str | None) -> tuple[list[EvaluationResult], dict[str, str]]:
    """Read the evaluations of a run, or the one of that name; returns also what is wrong with the others, by folder."""
    readable, problems = [], {}
    for file in sorted((run_dir / "evaluation").glob("*/metrics.json")):
        if name in (None, file.parent.name):
            try:
                readable.append(read_evaluation(file.parent))
            except ValueError as error:
                problems[file.parent.name] = str(error).removesuffix(".")
    return readable, problems


def _find_baselines(
    evaluations: dict[str, EvaluationResult], runs: dict[str, Run], key: EvaluationKey
) -> dict[str, EvaluationResult]:
    """Read baselines with the same key, from the folders of the runs and of their comparisons."""
    found: dict[str, EvaluationResult] = {}
    comparisons = {run.path.parent / "comparison" for run in runs.values()}
    for parent in [*sorted(comparisons), *(result.folder for result in evaluations.values())]:
        for file in sorted(parent.glob("baselines/*/metrics.json")):
            name = file.parent.name
            if name not in found and name not in evaluations:
                with contextlib.suppress(ValueError):
                    result = read_evaluation(file.parent)
                    found |= {name: result} if result.key == key else {}
    return found


def _common_group(runs: list[Run]) -> str | None:
    """Return the group of the runs, if all belong to the same."""
    groups = {run.metadata.get("group") for run in runs}
    return str(groups.pop()) if len(groups) == 1 and None not in groups else None


def _difference_reason(key: EvaluationKey, common: EvaluationKey) -> str:
    if key.setup != common.setup:
        return f"evaluated with {key.setup}; the others with {common.setup}"
    if key.image_ids != common.image_ids:
        shared = len(set(key.image_ids) & set(common.image_ids))
        return f"evaluated on different images: {len(key.image_ids)}, of which {shared} are shared with the others"
    return f"evaluated with different hints: {key.protocol}; the others with {common.protocol}"


def _missing_reason(run: Run) -> str:
    metadata = run.metadata
    error = f": {metadata['error']}" if metadata.get("error") else ""
    return f"has no evaluation; the run is {metadata.get('state')}{error}"
