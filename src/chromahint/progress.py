"""Progress bar for loops over images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

ProgressFn = Callable[[int], None]
"""Called with the number of images completed since the last call."""


@contextmanager
def progress_bar(description: str, total: int, visible: bool = True) -> Iterator[ProgressFn]:
    """Show progress over `total` images on stderr. The bar disappears at the end.

    Yields:
        Function that advances the bar.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not visible) as progress:
        task = progress.add_task(description, total=total)
        yield lambda images: progress.advance(task, images)
