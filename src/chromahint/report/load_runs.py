"""Find runs and read their evaluations. Only scores on the same images with the same hints are compared."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chromahint.evaluation.metric_info import METRIC_INFO
from chromahint.report.evaluation_result import EvaluationKey, EvaluationResult, read_evaluation
from chromahint.report.run_labels import short_labels
from chromahint.runs.run import Run, find_runs, open_run


@dataclass(frozen=True)
class LoadedRuns:
    """Comparable runs, the baselines that were evaluated in the same way, and runs that are excluded.

    Attributes:
        title: title of the comparison.
        runs: name -> run, for every run that was found.
        evaluations: name of a run -> its evaluation; all have the same key and hint counts.
        baselines: name of a training-free baseline -> its evaluation, with the same key and hint counts.
        excluded: name of a run, or of one of its evaluations -> reason why it is not compared.
        other_evaluations: name of an excluded run -> its evaluation, if it has one.
        left_out: ids of colorless photos, which are left out of all scores.
        left_out_counts: hint counts that are not compared, because only some of the runs were evaluated with them.
    """

    title: str
    runs: dict[str, Run]
    evaluations: dict[str, EvaluationResult]
    baselines: dict[str, EvaluationResult]
    excluded: dict[str, str]
    other_evaluations: dict[str, EvaluationResult]
    left_out: frozenset[str]
    left_out_counts: list[int]

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

    The evaluations with the key that most runs share are compared, at the hint counts that all of them have. Runs with
    another key, or without one hint count in common, are excluded.

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
    candidates = {name: same for name, of_run in results.items() if (same := [r for r in of_run if r.key == key])}
    matching = _pick_overlapping(candidates)
    shared, all_shared = _shared_counts(matching.values())
    for name, of_run in results.items():
        if name in candidates and name not in matching:
            own, others = (", ".join(map(str, counts)) for counts in (candidates[name][0].hint_counts, shared))
            excluded[name] = f"evaluated with {own} hints; the others with {others}"
        elif name not in matching:
            excluded[name] = _difference_reason(of_run[0].key, key) if of_run else _missing_reason(runs[name])
    left_out_counts = sorted({count for result in matching.values() for count in result.hint_counts} - {*shared})
    matching = {name: result.at(shared, all_shared) for name, result in matching.items()}
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
        left_out_counts=left_out_counts,
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


def _pick_overlapping(candidates: Mapping[str, list[EvaluationResult]]) -> dict[str, EvaluationResult]:
    """Pick an evaluation of each run, such that all have a hint count in common, if possible one above 0.

    The hint counts that most runs have come first, then those that overlap them most. Runs without an overlap are left
    out.
    """
    frequencies = Counter(counts for of_run in candidates.values() for counts in {tuple(r.hint_counts) for r in of_run})
    [(most_frequent, _)] = frequencies.most_common(1)
    results = [(name, result) for name, of_run in candidates.items() for result in of_run]
    results.sort(key=lambda item: -len({*item[1].hint_counts} & {*most_frequent}))
    picked: dict[str, EvaluationResult] = {}
    for name, result in results:
        before, _ = _shared_counts(picked.values() or [result])
        both, _ = _shared_counts([*picked.values(), result])
        if name not in picked and both and (both[-1] >= 1 or before[-1] == 0):
            picked[name] = result
    return {name: picked[name] for name in candidates if name in picked}


def _shared_counts(results: Iterable[EvaluationResult]) -> tuple[list[int], list[int]]:
    """Return the numbers of hints that all results report, and those that all have measured."""
    reported, measured = zip(*(({*result.hint_counts}, {*result.all_counts}) for result in results), strict=True)
    return sorted(set.intersection(*reported)), sorted(set.intersection(*measured))


def _find_baselines(
    evaluations: dict[str, EvaluationResult], runs: dict[str, Run], key: EvaluationKey
) -> dict[str, EvaluationResult]:
    """Read baselines with the same key and hint counts, from the folders of the runs and of their comparisons."""
    reference = next(iter(evaluations.values()))
    found: dict[str, EvaluationResult] = {}
    comparisons = {run.path.parent / "comparison" for run in runs.values()}
    for parent in [*sorted(comparisons), *(result.folder for result in evaluations.values())]:
        for file in sorted(parent.glob("baselines/*/metrics.json")):
            name = file.parent.name
            if name not in found and name not in evaluations:
                with contextlib.suppress(ValueError):
                    result = read_evaluation(file.parent)
                    if result.key == key and {*reference.hint_counts} <= {*result.hint_counts}:
                        found[name] = result.at(reference.hint_counts, reference.all_counts)
    return found


def _common_group(runs: list[Run]) -> str | None:
    """Return the group of the runs, if all belong to the same."""
    groups = {run.metadata.get("group") for run in runs}
    return str(groups.pop()) if len(groups) == 1 and None not in groups else None


def _difference_reason(key: EvaluationKey, common: EvaluationKey) -> str:
    if key.setup != common.setup:
        return f"evaluated by {key.setup}; the others by {common.setup}"
    if key.image_ids != common.image_ids:
        shared = len(set(key.image_ids) & set(common.image_ids))
        return f"evaluated on different images: {len(key.image_ids)}, of which {shared} are shared with the others"
    return f"evaluated with different hints: {key.protocol}; the others with {common.protocol}"


def _missing_reason(run: Run) -> str:
    metadata = run.metadata
    error = f": {metadata['error']}" if metadata.get("error") else ""
    return f"has no evaluation; the run is {metadata.get('state')}{error}"
