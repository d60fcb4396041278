"""Which results may stand in one table: those of one protocol, size and list of counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Metrics = dict[str, Any]
"""The content of metrics.json."""


def comparable(results: Mapping[str, Metrics]) -> None:
    """Refuse results that were not measured alike; pictures of another protocol or size have other figures.

    Args:
        results: name -> metrics.

    Raises:
        ValueError: the results are of several protocols, sizes, or lists of numbers of hints.
    """
    first, *others = results
    wanted = _measured(results[first])
    for name in others:
        if (came := _measured(results[name])) != wanted:
            raise ValueError(
                f"{first} was measured by {wanted} and {name} by {came}: only figures of one protocol, size "
                "and list of counts are compared. Evaluate both again with the same protocol=NAME and options of it."
            )


def _measured(metrics: Metrics) -> str:
    height, width = metrics["size"]
    return f"{metrics['protocol']} at {height}x{width} with {', '.join(metrics['by_hints'])} hints"
