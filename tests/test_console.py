"""Text is printed as it is, and tables completely, however narrow the output is."""

import io
import re

import pytest
from rich.console import Group
from rich.table import Table

from chromahint.console import TextConsole

NUMBERS = [f"{number:.4f}" for number in range(30, 42)]


def table():
    made = Table()
    for number in range(len(NUMBERS)):
        made.add_column(f"{number:,} hints", no_wrap=True, justify="right")
    made.add_row(*NUMBERS)
    return made


@pytest.fixture
def printed(monkeypatch):
    """`printed(what, ...)` returns what a console writes to a file, or to a terminal of some width."""

    def run(*what, terminal=None):
        console = TextConsole()
        console.file = io.StringIO()
        if terminal:
            console._force_terminal, console.width = True, terminal
        console.print(*what)
        return re.sub(r"\x1b\[[\d;]*m", "", console.file.getvalue())

    return run


def test_tables_are_as_wide_as_they_need_in_a_file(printed):
    [row] = [line for line in printed(table()).splitlines() if NUMBERS[0] in line]
    assert row.replace("│", " ").split() == NUMBERS
    assert "…" not in row


def test_tables_are_folded_in_a_narrow_terminal(printed):
    text = printed(table(), terminal=60)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 60
    columns = [line.strip("│").split("│") for line in text.splitlines() if line.startswith("│")]
    assert ["".join(part.strip() for part in parts) for parts in zip(*columns, strict=True)] == NUMBERS


def test_narrow_tables_and_sentences_stay(printed):
    small = Table("a")
    small.add_row("b")
    sentence = "word " * 60
    assert sentence.strip() in printed(sentence)
    assert printed(Group(small, "and more")) == printed(small) + printed("and more")


def test_brackets_and_colons_are_no_markup(printed):
    text = "run pip install 'chromahint[hub]' in runs/[bold]/:smile:[/]"
    small = Table(text, title=text)
    small.add_row(text)
    assert printed(text).strip() == text
    assert printed(small).count(text) == 3
