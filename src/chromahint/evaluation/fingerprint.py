"""What an evaluation is about, so that unfinished work is continued and never mixed with another's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chromahint.runs.files import file_hash

IRRELEVANT = {"batch_size", "eval_batch_size", "workers", "fit", "size", "shorter_side", "min_ab_range"}
"""Options of data that do not change what is evaluated."""


def fingerprint(config: dict[str, Any], weights: Path | None, split: str) -> dict[str, Any]:
    """Describe an evaluation by everything that its figures depend on.

    Args:
        config: with the nodes model, data and protocol, and perhaps input_size.
        weights: the file of weights.
        split: which photos of the data.
    """
    side = config.get("input_size")
    return {
        "format": 1,
        "model": config["model"],
        **({} if side is None else {"input_size": side}),
        "weights": None if weights is None else file_hash(weights),
        "data": {key: value for key, value in config["data"].items() if key not in IRRELEVANT},
        "split": split,
        "protocol": config["protocol"],
    }
