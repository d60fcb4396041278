"""Console of all commands: text is printed as it is, long lines are not broken, and tables are never cut."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Table

_UNLIMITED = 10_000


class TextConsole(Console):
    """Console for sentences, paths, and tables.

    Brackets are no markup: names, paths, and commands have them, too. Use `rich.text.Text` for styles.

    In a file, a pipe, or a log, a table is as wide as it needs to be. In a terminal that is too narrow for it, its
    cells are folded.

    Args:
        stderr: Print to the standard error stream.
    """

    def __init__(self, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, soft_wrap=True, highlight=False, markup=False, emoji=False)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as `rich.console.Console.print` does, and tables completely."""
        parts = [part for each in objects for part in (each.renderables if isinstance(each, Group) else [each])]
        if not any(isinstance(part, Table) for part in parts):
            super().print(*objects, **options)
            return
        for part in parts:
            if isinstance(part, Table):
                self._print_table(part, options)
            else:
                super().print(part, **options)

    def _print_table(self, table: Table, options: dict[str, Any]) -> None:
        unlimited = self.options.update(width=_UNLIMITED, max_width=_UNLIMITED)
        needed = Measurement.get(self, unlimited, table).maximum
        if needed <= self.width:
            super().print(table, **options)
        elif self.is_terminal:
            for column in table.columns:
                column.no_wrap, column.overflow = False, "fold"
            super().print(table, **(options | {"soft_wrap": False}))
        else:
            # rich limits the width of what is printed to that of the console
            previous, self.width = self._width, needed
            try:
                super().print(table, **options)
            finally:
                self._width = previous
