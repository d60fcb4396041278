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
    """Show progress over `total` images on stderr, if it is a terminal. The bar disappears at the end.

    Yields:
        Function that advances the bar.
    """
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not (visible and console.is_terminal)) as progress:
        task = progress.add_task(description, total=total)
        yield lambda images: progress.advance(task, images)
