"""The command-line reference, from the parsers themselves."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator

from chromahint.cli.arguments import OVERRIDE_SYNTAX
from chromahint.cli.main import build_parser

OVERRIDES = "`key=value` selects a choice or sets an option; see [Configuration](configuration/index.md)."
PATHS = re.compile(r"(?<![\w.])/(?:[\w.+-]+/)+(conf|experiments)\b")


def page() -> str:
    """Describe every command with its arguments."""
    os.environ["COLUMNS"] = "100"
    parser = build_parser()
    parts = ["# Command line", f"{_text(parser.description)} `make` targets call the same commands; `make` lists them."]
    names = [(name, one_line) for name, one_line, _ in subcommands(parser)]
    rows = [f"| [`chromahint {name}`](#{_anchor(f'chromahint {name}')}) | {text} |" for name, text in names]
    parts.append("\n".join(["| Command | |", "|---|---|", *rows]))
    for _, _, command in subcommands(parser):
        parts += _sections(command, 2)
    return "\n\n".join(parts) + "\n"


def subcommands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Name, one line, and parser of each command below a parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            lines = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, command in action.choices.items():
                if name in lines:
                    yield name, _text(lines[name]), command


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def _sections(parser: argparse.ArgumentParser, level: int) -> Iterator[str]:
    yield f"{'#' * level} `{parser.prog}` {{ #{_anchor(parser.prog)} }}"
    yield _text(parser.description)
    usage = parser.format_usage().removeprefix("usage: ").rstrip().replace("\n       ", "\n")
    yield f"```text\n{_public(usage)}\n```"
    rows = [row for group in parser._action_groups for row in _rows(parser, group)]
    if rows:
        yield "\n".join(["| Argument | Default | Meaning |", "|---|---|---|", *rows])
    if any(action.dest == "overrides" for action in parser._actions):
        yield OVERRIDES
    more = (parser.epilog or "").replace(OVERRIDE_SYNTAX, "").partition("Groups and their choices")[0].strip()
    if more:
        yield _public(more)
    for _, _, command in subcommands(parser):
        yield from _sections(command, level + 1)


def _rows(parser: argparse.ArgumentParser, group: argparse._ArgumentGroup) -> Iterator[str]:
    for action in group._group_actions:
        if isinstance(action, argparse._HelpAction | argparse._SubParsersAction) or action.help == argparse.SUPPRESS:
            continue
        shown = action.metavar or ("" if action.nargs == 0 else action.dest.upper())
        shown = " ".join(shown) if isinstance(shown, tuple) else shown
        name = ", ".join(f"`{f'{flag} {shown}'.strip()}`" for flag in action.option_strings)
        if action.choices is not None:
            name += f"{': ' if name else ''}{', '.join(f'`{choice}`' for choice in action.choices)}"
        name = name or f"`{shown}`"
        hidden = action.default in (None, False, True, argparse.SUPPRESS, []) or action.nargs == 0
        default = "" if hidden else f"`{action.default}`"
        text = (action.help or "") % {**vars(action), "prog": parser.prog}
        yield f"| {name} | {default} | {_cell(text)} |"


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")


def _text(text: str | None) -> str:
    return " ".join(_public(text or "").split()).replace("<", "&lt;")


def _public(text: str) -> str:
    """Paths as they are in a clone, not as they are on the machine that builds the site."""
    return PATHS.sub(r"\1", text)
