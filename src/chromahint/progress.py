"""The bar that a person sees while pictures are read, colored or measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

ProgressFn = Callable[[int], None]
"""Told how many more pictures are done."""


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[ProgressFn]:
    """Show how many of `total` pictures are done, beside the output proper; gone when all is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda pictures: progress.advance(task, pictures)
