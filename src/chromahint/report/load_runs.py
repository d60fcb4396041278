"""Find runs and read their evaluations. Only evaluations on the same images with the same hints are compared."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chromahint.evaluation.compatibility import evaluation_setup
from chromahint.evaluation.evaluator import read_rows
from chromahint.report.run_labels import short_labels
from chromahint.report.statistics import Array
from chromahint.runs.files import read_json
from chromahint.runs.run import Run, find_runs, open_run


@dataclass(frozen=True)
class EvaluationKey:
    """What scores depend on besides the network. Two evaluations are comparable if their keys are equal.

    Attributes:
        setup: protocol, size and hint counts as text.
        protocol: options of the protocol, including its seed, as text.
        image_ids: sorted ids of the images.
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
        hint_counts: the K numbers of hints.
        psnr: KxP in dB.
        ssim: KxP.
        seconds: median time per image.
    """

    folder: Path
    metadata: dict[str, Any]
    metrics: dict[str, Any]
    key: EvaluationKey
    image_names: list[str]
    hint_counts: list[int]
    psnr: Array
    ssim: Array
    seconds: float


@dataclass(frozen=True)
class LoadedRuns:
    """Comparable runs, the baselines that were evaluated in the same way, and runs that are excluded.

    Attributes:
        title: title of the comparison.
        runs: name -> run, for every run that was found.
        evaluations: name of a run -> its evaluation; all have the same key.
        baselines: name of a training-free baseline -> its evaluation, with the same key.
        excluded: name of a run -> reason why it is not compared.
        other_evaluations: name of an excluded run -> its evaluation, if it has one.
    """

    title: str
    runs: dict[str, Run]
    evaluations: dict[str, EvaluationResult]
    baselines: dict[str, EvaluationResult]
    excluded: dict[str, str]
    other_evaluations: dict[str, EvaluationResult]

    @property
    def reference(self) -> EvaluationResult:
        """Any evaluation, for properties that do not depend on the network."""
        return next(iter(self.evaluations.values()))


def load_runs(paths: Sequence[str], evaluation: str | None = None) -> LoadedRuns:
    """Load the runs in some folders.

    The evaluations with the key that most runs share are compared; the other runs are excluded.

    Args:
        paths: run folders, or folders that contain run folders at any depth.
        evaluation: name of a folder in each run's `evaluation/`; None for all of them.

    Raises:
        ValueError: there is no run, or none has been evaluated.
    """
    folders = list(dict.fromkeys(folder for path in paths for folder in _run_folders(path)))
    parent = Path(os.path.commonpath([folder.parent for folder in folders]))
    runs, excluded = {}, {}
    results: dict[str, list[EvaluationResult]] = {}
    for folder, name in zip(folders, short_labels(folders, parent), strict=True):
        try:
            runs[name] = open_run(folder)
            results[name] = [read_evaluation(each) for each in _evaluation_folders(folder, evaluation)]
        except ValueError as error:
            excluded[name] = str(error).removesuffix(".")
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
    evaluations = {name: matching[name] for name in results if name in matching}
    return LoadedRuns(
        title=_common_group(list(runs.values())) or (parent.name if len(folders) > 1 else folders[0].name),
        runs=runs,
        evaluations=evaluations,
        baselines=_find_baselines(evaluations, runs, key),
        excluded=excluded,
        other_evaluations={name: of_run[0] for name, of_run in results.items() if name in excluded and of_run},
    )


def read_evaluation(folder: Path) -> EvaluationResult:
    """Read the folder of a finished evaluation.

    Raises:
        ValueError: files are missing, damaged or inconsistent.
    """
    metadata, metrics = read_json(folder / "evaluation.json"), read_json(folder / "metrics.json")
    rows = sorted(read_rows(folder / "images.csv"), key=lambda row: (row.id, row.image))
    hint_counts = sorted({row.k for row in rows})
    by_count = [[row for row in rows if row.k == count] for count in hint_counts]
    try:
        image_ids = tuple(row.id for row in by_count[0])
        key = EvaluationKey(evaluation_setup(metrics), str(metadata["protocol"]), image_ids)
        same_counts = hint_counts == [int(count) for count in metrics["by_hints"]]
        same_images = all(tuple(row.id for row in group) == image_ids for group in by_count)
        complete = same_counts and same_images and {"model", "weights", "data", "split"} <= metadata.keys()
    except (KeyError, ValueError, TypeError, IndexError):
        complete = False
    if not complete:
        raise ValueError(f"{folder}: its files are incomplete or inconsistent. Evaluate again into another folder.")
    psnr, ssim = (np.array([[getattr(row, name) for row in group] for group in by_count]) for name in ("psnr", "ssim"))
    if not (np.isfinite(psnr).all() and np.isfinite(ssim).all()):
        raise ValueError(f"{folder}: contains NaN or infinite scores. The weights may be broken; train again.")
    return EvaluationResult(
        folder=folder,
        metadata=metadata,
        metrics=metrics,
        key=key,
        image_names=[row.image for row in by_count[0]],
        hint_counts=hint_counts,
        psnr=psnr,
        ssim=ssim,
        seconds=float(np.median([row.seconds for row in rows])),
    )


def _run_folders(path: str) -> list[Path]:
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise ValueError(f"{path}: folder not found. Pass a run folder, or a folder that contains runs, such as runs.")
    found = find_runs(folder)
    if not found:
        raise ValueError(f"{path}: contains no run. Pass a folder that contains run.json, as `train` creates it.")
    return found


def _evaluation_folders(run_dir: Path, name: str | None) -> Iterator[Path]:
    files = sorted((run_dir / "evaluation").glob("*/metrics.json"))
    yield from (file.parent for file in files if name in (None, file.parent.name))


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
