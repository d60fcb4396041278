"""Logger that writes metrics.csv, which every run has."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only


class MetricsCSVLogger(Logger):
    """Appends metrics to `metrics.csv` of the run folder, one value per row: step, epoch, name, value."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.file = folder / "metrics.csv"

    @property
    def name(self) -> str:
        """Name that Lightning requires; not used for any path."""
        return "metrics"

    @property
    def version(self) -> str:
        """Version that Lightning requires; not used for any path."""
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append the metrics of a step."""
        epoch = metrics.get("epoch", 0)
        rows = [f"{step},{int(epoch)},{name},{float(value)!r}\n" for name, value in metrics.items() if name != "epoch"]
        with self.file.open("a", encoding="utf-8") as file:
            if file.tell() == 0:
                rows.insert(0, "step,epoch,name,value\n")
            file.write("".join(rows))

    def log_hyperparams(self, params: dict[str, Any] | argparse.Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the run folder contains the config."""

    def read_rows(self) -> list[tuple[int, int, str, float]]:
        """Return step, epoch, name and value of all complete rows."""
        lines = self.file.read_text(encoding="utf-8").split("\n")[:-1] if self.file.exists() else []
        cells = [line.split(",") for line in lines[1:]]
        return [(int(step), int(epoch), name, float(value)) for step, epoch, name, value in cells]

    def synced_size(self) -> int:
        """Flush the file to disk and return its size in bytes."""
        if not self.file.exists():
            return 0
        with self.file.open("rb") as file:
            os.fsync(file.fileno())
            return os.fstat(file.fileno()).st_size

    @rank_zero_only
    def truncate(self, size: int) -> None:
        """Keep the first `size` bytes only. A resumed run logs the later steps again."""
        self.file.touch()
        os.truncate(self.file, size)
