"""Report images that could not be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from chromahint.atomic_write import append
from chromahint.runs.files import write_text


class UnreadableImages(Callback):
    """Lists unreadable images, each once, in a file of the run folder, and prints their number at the end.

    Args:
        file: The list, which is created once the first unreadable image turns up.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.seen: set[str] = set()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """List the unreadable images of a training batch."""
        self._append(batch["broken"])

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """List the unreadable images of a validation batch."""
        self._append(batch["broken"])

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the number of unreadable images."""
        if trainer.is_global_zero and self.file.exists():
            # every process of a distributed run appends to the same file
            lines = dict.fromkeys(self.file.read_text(encoding="utf-8").splitlines())
            write_text(self.file, "".join(f"{line}\n" for line in lines))
            print(f"{len(lines)} images could not be read and were skipped: {self.file}")  # noqa: T201

    def _append(self, unreadable: list[str]) -> None:
        new = [line for line in dict.fromkeys(unreadable) if line not in self.seen]
        if new:
            self.seen.update(new)
            with append(self.file) as file:
                file.write("".join(f"{line}\n" for line in new))
