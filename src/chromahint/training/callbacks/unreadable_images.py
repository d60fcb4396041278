"""Pictures that could not be read are left out, counted and listed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from chromahint.runs.files import write_text


class UnreadableImages(Callback):
    """Lists unreadable pictures in a file of the run folder, each once, and says how many there were."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.seen: set[str] = set()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Look what the batch left out."""
        self._list(batch["broken"])

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Look what the batch left out."""
        self._list(batch["broken"])

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say how many there were."""
        if trainer.is_global_zero and self.file.exists():
            # the other processes of the run list theirs in the same file
            lines = dict.fromkeys(self.file.read_text(encoding="utf-8").splitlines())
            write_text(self.file, "".join(f"{line}\n" for line in lines))
            print(f"{len(lines)} pictures could not be read and were left out: {self.file}")  # noqa: T201

    def _list(self, broken: list[str]) -> None:
        new = [line for line in dict.fromkeys(broken) if line not in self.seen]
        if new:
            self.seen.update(new)
            with self.file.open("a", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in new))
