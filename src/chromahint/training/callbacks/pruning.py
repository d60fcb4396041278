"""Base class of callbacks that prune unpromising trials of a sweep."""

from __future__ import annotations

from lightning.pytorch import Callback


class PruningCallbackBase(Callback):
    """Callback that can stop a run early for good. It then sets `pruned`, and the final evaluation is skipped."""

    def __init__(self) -> None:
        self.pruned = False
