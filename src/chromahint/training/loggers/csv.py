"""The logger of `metrics.csv`, which every run has."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only


class CSVLogger(Logger):
    """Appends to `metrics.csv` of the run folder, one figure a line: step, epoch, name, value."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.file = folder / "metrics.csv"

    @property
    def name(self) -> str:
        """Lightning asks for a name; nothing is filed under it."""
        return "metrics"

    @property
    def version(self) -> str:
        """Lightning asks for a version; nothing is filed under it."""
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append the figures of a step."""
        epoch = metrics.get("epoch", 0)
        rows = [f"{step},{int(epoch)},{name},{float(value)!r}\n" for name, value in metrics.items() if name != "epoch"]
        with self.file.open("a", encoding="utf-8") as file:
            if file.tell() == 0:
                rows.insert(0, "step,epoch,name,value\n")
            file.write("".join(rows))

    def log_hyperparams(self, params: dict[str, Any] | argparse.Namespace, *args: Any, **kwargs: Any) -> None:
        """The run folder holds the config already."""

    def read_rows(self) -> list[tuple[int, int, str, float]]:
        """Step, epoch, name and value of all figures that are whole."""
        lines = self.file.read_text(encoding="utf-8").split("\n")[:-1] if self.file.exists() else []
        cells = [line.split(",") for line in lines[1:]]
        return [(int(step), int(epoch), name, float(value)) for step, epoch, name, value in cells]

    def synced_size(self) -> int:
        """The bytes written so far, which are on the disk when this returns."""
        if not self.file.exists():
            return 0
        with self.file.open("rb") as file:
            os.fsync(file.fileno())
            return os.fstat(file.fileno()).st_size

    @rank_zero_only
    def truncate(self, size: int) -> None:
        """Forget what was written behind the first `size` bytes: a resumed run logs those steps again."""
        self.file.touch()
        os.truncate(self.file, size)


def no_logger(folder: Path, config: dict[str, Any], about: dict[str, Any]) -> None:
    """No logger beside metrics.csv."""
