"""Logger that writes metrics.csv and timings.csv, which every run has."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from chromahint.atomic_write import append, atomic_write
from chromahint.runs.metrics_csv import TIMINGS

HEADER = "step,epoch,name,value\n"


class MetricsCSVLogger(Logger):
    """Appends metrics to `metrics.csv` of the run folder, one value per row: step, epoch, name, value.

    What a clock measured is in `timings.csv`, in the same form, so runs with the same seed have the same metrics.csv.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.file, self.timings_file = folder / "metrics.csv", folder / "timings.csv"

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
        epoch = int(metrics.get("epoch", 0))
        rows: dict[Path, list[str]] = {}
        for name, value in metrics.items():
            if name != "epoch":
                file = self.timings_file if name in TIMINGS else self.file
                rows.setdefault(file, []).append(f"{step},{epoch},{name},{float(value)!r}\n")
        for file, lines in rows.items():
            with append(file) as opened:
                opened.write("".join(lines if opened.tell() else [HEADER, *lines]))

    def log_hyperparams(self, params: dict[str, Any] | argparse.Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the run folder contains the config."""

    def read_rows(self) -> list[tuple[int, int, str, float]]:
        """Return step, epoch, name and value of all complete rows of both files, by step."""
        return sorted([*_read(self.file), *_read(self.timings_file)], key=lambda row: row[0])

    def synced_size(self) -> int:
        """Flush the file to disk and return its size in bytes."""
        if not self.file.exists():
            return 0
        with self.file.open("rb") as file:
            os.fsync(file.fileno())
            return os.fstat(file.fileno()).st_size

    @rank_zero_only
    def truncate(self, size: int) -> None:
        """Keep the first `size` bytes of metrics.csv, and the timings of these steps. A resumed run logs the rest."""
        self.file.touch()
        os.truncate(self.file, size)
        if self.timings_file.exists():
            last = max((step for step, *_ in _read(self.file)), default=-1)
            rows = [row for row in _read(self.timings_file) if row[0] <= last]
            kept = [f"{step},{epoch},{name},{value!r}\n" for step, epoch, name, value in rows]
            with atomic_write(self.timings_file) as file:
                file.write("".join([HEADER, *kept]).encode())


def _read(file: Path) -> list[tuple[int, int, str, float]]:
    lines = file.read_text(encoding="utf-8").split("\n")[:-1] if file.exists() else []
    cells = [line.split(",") for line in lines[1:]]
    return [(int(step), int(epoch), name, float(value)) for step, epoch, name, value in cells]
