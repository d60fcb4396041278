"""Read the scores of an evaluation, image by image.

The hints of an image at one hint count do not depend on the other counts of an evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from chromahint.evaluation.compatibility import protocol_and_size
from chromahint.report.image_table import read_image_table
from chromahint.report.statistics import Array
from chromahint.runs.files import read_json

METRICS_FORMATS = (1, 2)
"""Formats of metrics.json that can be read. Format 1 has only PSNR and SSIM, and does not record colorless photos."""
AGGREGATION_OPTIONS = ("hint_counts", "min_chroma", "extra_metrics", "targets")
"""Options of a protocol that don't change the scores of an image at a hint count."""


@dataclass(frozen=True)
class EvaluationKey:
    """What scores depend on besides the network and the hint count. Comparable evaluations have equal keys.

    Attributes:
        setup: protocol and size as text.
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
        seconds: median time per image, NaN if it is not known.
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

    def at(self, hint_counts: Sequence[int], all_counts: Sequence[int]) -> EvaluationResult:
        """Return the scores at some of the reported, and of all measured, numbers of hints."""
        rows = [self.hint_counts.index(count) for count in hint_counts]
        all_rows = [self.all_counts.index(count) for count in all_counts]
        return replace(
            self,
            hint_counts=list(hint_counts),
            scores={name: scores[rows] for name, scores in self.scores.items()},
            all_counts=list(all_counts),
            all_scores={name: scores[all_rows] for name, scores in self.all_scores.items()},
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
        key = EvaluationKey(protocol_and_size(metrics), str(protocol), table.ids)
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
