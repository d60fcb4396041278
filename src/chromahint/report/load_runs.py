"""Find runs below folders, and read what they have measured: only what was measured alike comes together."""

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
from chromahint.report.run_labels import short_names
from chromahint.report.statistics import Array
from chromahint.runs.files import read_json
from chromahint.runs.run import Run, find_runs, open_run


@dataclass(frozen=True)
class EvaluationKey:
    """What figures depend on beside the network: those of two networks compare where all of it is the same.

    Attributes:
        measured: protocol, size and numbers of hints, in words.
        hints: options of the protocol, its seed among them.
        ids: of the pictures, sorted.
    """

    measured: str
    hints: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class EvaluationResult:
    """An evaluation, picture by picture.

    Attributes:
        folder: where it lies.
        about: what is evaluated, see `chromahint.evaluation.fingerprint`.
        metrics: the content of metrics.json.
        basis: what its figures depend on.
        images: names of the P pictures, in the order of their ids.
        counts: the K numbers of hints.
        psnr: KxP in dB.
        ssim: KxP.
        seconds: median time of a picture.
    """

    folder: Path
    about: dict[str, Any]
    metrics: dict[str, Any]
    basis: EvaluationKey
    images: list[str]
    counts: list[int]
    psnr: Array
    ssim: Array
    seconds: float


@dataclass(frozen=True)
class LoadedRuns:
    """Runs that compare, methods that were measured on the same, and what does not belong.

    Attributes:
        title: of all of them.
        runs: every run that was found, by its name.
        measured: evaluations of runs, by the run's name, all of one basis.
        baselines: the same of methods that learn nothing.
        apart: name -> why a run is not compared.
        elsewhere: name -> what a run was measured on instead, where it was.
    """

    title: str
    runs: dict[str, Run]
    measured: dict[str, EvaluationResult]
    baselines: dict[str, EvaluationResult]
    apart: dict[str, str]
    elsewhere: dict[str, EvaluationResult]

    @property
    def first(self) -> EvaluationResult:
        """Any evaluation: what does not depend on the network is the same in all."""
        return next(iter(self.measured.values()))


def load_runs(paths: Sequence[str], evaluation: str | None = None) -> LoadedRuns:
    """Read the runs at and below some paths.

    What most runs share, protocol and photos, is compared; the others stand apart.

    Args:
        paths: run folders, or folders with run folders below.
        evaluation: take the folder of this name in each run's `evaluation/`; None takes whichever most runs share.

    Raises:
        ValueError: there is no run, or none has been measured.
    """
    folders = list(dict.fromkeys(folder for path in paths for folder in _run_folders(path)))
    above = Path(os.path.commonpath([folder.parent for folder in folders]))
    runs, apart = {}, {}
    found: dict[str, list[EvaluationResult]] = {}
    for folder, name in zip(folders, short_names(folders, above), strict=True):
        try:
            runs[name] = open_run(folder)
            found[name] = [read_evaluation(each) for each in _evaluations(folder, evaluation)]
        except ValueError as error:
            apart[name] = str(error)
    shared = Counter(basis for each in found.values() for basis in {measured.basis for measured in each})
    if not shared:
        what = "evaluation" if evaluation is None else f"evaluation/{evaluation}"
        raise ValueError(
            f"{', '.join(paths)}: none of {len(folders)} runs has an {what} to compare"
            f"{''.join(f'; {name}: {why}' for name, why in list(apart.items())[:1])}. Type chromahint evaluate run=RUN"
        )
    [(basis, _)] = shared.most_common(1)
    alike = {name: each for name, of_run in found.items() for each in of_run[::-1] if each.basis == basis}
    for name, of_run in found.items():
        if name not in alike:
            apart[name] = _why_apart(of_run[0].basis, basis) if of_run else _why_none(runs[name])
    measured = {name: alike[name] for name in found if name in alike}
    return LoadedRuns(
        title=_title(list(runs.values())) or (above.name if len(folders) > 1 else folders[0].name),
        runs=runs,
        measured=measured,
        baselines=_baselines(measured, runs, basis),
        apart=apart,
        elsewhere={name: each[0] for name, each in found.items() if name in apart and each},
    )


def read_evaluation(folder: Path) -> EvaluationResult:
    """Read the folder of a finished evaluation.

    Raises:
        ValueError: its files are missing or don't belong together.
    """
    about, metrics = read_json(folder / "evaluation.json"), read_json(folder / "metrics.json")
    rows = sorted(read_rows(folder / "images.csv"), key=lambda row: (row.id, row.image))
    counts = sorted({row.k for row in rows})
    by_count = [[row for row in rows if row.k == count] for count in counts]
    try:
        basis = EvaluationKey(evaluation_setup(metrics), str(about["protocol"]), tuple(row.id for row in by_count[0]))
        told = [int(count) for count in metrics["by_hints"]]
        same = all(tuple(row.id for row in group) == basis.ids for group in by_count)
        whole = counts == told and same and {"model", "weights", "data", "split"} <= about.keys()
    except (KeyError, ValueError, TypeError, IndexError):
        whole = False
    if not whole:
        raise ValueError(f"{folder}: its files do not belong together; evaluate again into another folder")
    psnr, ssim = (np.array([[getattr(row, name) for row in group] for group in by_count]) for name in ("psnr", "ssim"))
    if not (np.isfinite(psnr).all() and np.isfinite(ssim).all()):
        raise ValueError(f"{folder}: has figures that are no numbers; the network may have broken in training")
    return EvaluationResult(
        folder=folder,
        about=about,
        metrics=metrics,
        basis=basis,
        images=[row.image for row in by_count[0]],
        counts=counts,
        psnr=psnr,
        ssim=ssim,
        seconds=float(np.median([row.seconds for row in rows])),
    )


def _run_folders(path: str) -> list[Path]:
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise ValueError(f"{path}: there is no such folder; type a run, or a folder with runs below it, such as runs")
    found = find_runs(folder)
    if not found:
        raise ValueError(f"{path}: is no run and has none below it; a run has a run.json, where `train` made it")
    return found


def _evaluations(run: Path, name: str | None) -> Iterator[Path]:
    folders = sorted((run / "evaluation").glob("*/metrics.json"))
    yield from (file.parent for file in folders if name in (None, file.parent.name))


def _baselines(
    measured: dict[str, EvaluationResult], runs: dict[str, Run], basis: EvaluationKey
) -> dict[str, EvaluationResult]:
    """Methods without training that were measured on the same, by a run itself or beside its group."""
    found: dict[str, EvaluationResult] = {}
    groups = {run.path.parent / "comparison" for run in runs.values()}
    for parent in [*sorted(groups), *(each.folder for each in measured.values())]:
        for file in sorted(parent.glob("baselines/*/metrics.json")):
            name = file.parent.name
            if name not in found and name not in measured:
                with contextlib.suppress(ValueError):
                    each = read_evaluation(file.parent)
                    found |= {name: each} if each.basis == basis else {}
    return found


def _title(runs: list[Run]) -> str | None:
    """The group that all runs belong to, if they do."""
    groups = {run.metadata.get("group") for run in runs}
    return str(groups.pop()) if len(groups) == 1 and None not in groups else None


def _why_apart(came: EvaluationKey, wanted: EvaluationKey) -> str:
    if came.measured != wanted.measured:
        return f"measured by {came.measured}; the others by {wanted.measured}"
    if came.ids != wanted.ids:
        shared = len(set(came.ids) & set(wanted.ids))
        return f"measured on other photos: {len(came.ids)}, of which the others have {shared}"
    return f"measured with other hints: {came.hints}; the others with {wanted.hints}"


def _why_none(run: Run) -> str:
    about = run.metadata
    error = f": {about['error']}" if about.get("error") else ""
    return f"has no evaluation; the run is {about.get('state')}{error}"
