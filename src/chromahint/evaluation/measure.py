"""Evaluate several methods one after the other, on the same photos and hints, under one progress bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from chromahint.data.sources.base import Photos
from chromahint.evaluation.evaluator import evaluate
from chromahint.evaluation.protocols import HintProtocol
from chromahint.progress import bar


@dataclass(frozen=True)
class Method:
    """A network ready to colour, the folder of its evaluation, and what that is about (see `subject`)."""

    network: nn.Module
    folder: Path
    about: dict[str, Any]


def measure(
    methods: Mapping[str, Method],
    photos: Photos,
    protocol: HintProtocol,
    device: torch.device,
    batch_size: int,
    workers: int = 0,
) -> dict[str, dict[str, Any]]:
    """Evaluate each method; returns its metrics by its name. Work that is done already is not done again."""
    results = {}
    with bar("evaluating", len(photos) * len(methods)) as advance:
        for name, method in methods.items():
            results[name] = evaluate(
                method.network.eval(), photos, protocol, method.folder, method.about, device, batch_size, workers,
                advance,
            )  # fmt: skip
    return results
