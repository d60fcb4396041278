"""Fingerprint of an evaluation, by which unfinished evaluations are resumed and never mixed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chromahint.runs.files import file_hash

IRRELEVANT_OPTIONS = {
    "batch_size",
    "eval_batch_size",
    "num_workers",
    "resize_mode",
    "train_size",
    "shorter_side",
    "min_colorfulness",
}
"""Options of `data` that do not change the results."""


def fingerprint(config: dict[str, Any], weights: Path | None, split: str) -> dict[str, Any]:
    """Return everything that the results of an evaluation depend on.

    Args:
        config: Config with the nodes `model`, `data` and `protocol`, and optionally `input_size`.
        weights: File of weights, if any.
        split: Evaluated split of the data.
    """
    input_size = config.get("input_size")
    return {
        "format": 2,
        "model": config["model"],
        **({} if input_size is None else {"input_size": input_size}),
        "weights": None if weights is None else file_hash(weights),
        "data": {key: value for key, value in config["data"].items() if key not in IRRELEVANT_OPTIONS},
        "split": split,
        "protocol": config["protocol"],
    }
