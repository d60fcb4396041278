"""Entry point of the `chromahint` command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from chromahint import __version__
from chromahint.atomic_write import NO_SPACE, explain_write_error
from chromahint.cli import (
    benchmark,
    best,
    colorize,
    dashboard,
    data,
    doctor,
    evaluate,
    experiment,
    export,
    gpu_check,
    hints,
    init,
    models,
    report,
    reproduce,
    resume,
    status,
    studio,
    sweep,
    train,
    tune,
)
from chromahint.cli.arguments import Parser, check_overrides
from chromahint.config.errors import did_you_mean

COMMANDS = (
    train, resume, tune, status, experiment, sweep, evaluate, colorize, studio, models, hints, data, report, best,
    benchmark, dashboard, export, init, doctor, gpu_check, reproduce,
)  # fmt: skip
"""Modules of the commands, in the order of `chromahint --help`."""
SYNONYMS = {"fit": "train", "eval": "evaluate", "test": "evaluate", "validate": "evaluate", "predict": "colorize"}
"""What other programs call a command."""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        words: Command line without the program name; by default, that of this process.

    Returns:
        Exit status: 0, 1 if the command failed, 2 for a mistake on the command line, 130 after Ctrl-C.
    """
    try:
        arguments = parse(list(sys.argv[1:] if words is None else words))
        _limit_spinning()
        if getattr(arguments, "trust", False):
            os.environ["CHROMAHINT_TRUST"] = "1"  # also in the processes that are started
        status: int = arguments.run(arguments)
        return status
    except ValueError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if (message := explain_write_error(error)) is None:
            raise
        print(f"Error: {message}", file=sys.stderr)
        return 1 if error.errno in NO_SPACE else 2
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except _HelpShown:
        return 0


def build_parser() -> Parser:
    """Build the parser of the whole command line, without slow imports."""
    return _build_parser()[0]


def parse(words: list[str]) -> argparse.Namespace:
    """Parse a command line; options may stand anywhere among `key=value` words.

    Raises:
        ValueError: The command line is invalid.
    """
    parser, commands = _build_parser()
    first = words[0] if words else "--help"
    name = next((name for name in (" ".join(words[:2]), first) if name in commands), None)
    if name is not None:
        # argparse's own subparsers don't accept options between positional arguments
        rest = words[len(name.split()) :]
        return _parse_without_exit(commands[name], rest)
    if first.startswith("-") or first == "help":
        return _parse_without_exit(parser, ["--help"] if first == "help" else [first])
    longer = [f"`chromahint {name}`" for name in commands if name.startswith(f"{first} ")]
    if longer and words[-1] in ("-h", "--help"):
        print(f"See {', '.join(longer)}, each with --help.")
        raise _HelpShown
    if longer:
        raise ValueError(f"{' '.join(words[:2])}: unknown command. Type {' or '.join(longer)}.")
    near = f" Did you mean {SYNONYMS[first]}?" if first in SYNONYMS else did_you_mean(first, [*commands])
    raise ValueError(f"{first}: unknown command; choose one of {', '.join(commands)}.{near}")


class _HelpShown(Exception):
    """Help or the version was printed, so that there is nothing left to do."""


def _build_parser() -> tuple[Parser, Mapping[str, Parser]]:
    """Build the parser; returns it, and the parser of each command. The name of a command is one word or two."""
    parser = Parser(
        "chromahint",
        description="Train, compare and use networks that color a gray photo from a few color hints.",
        epilog="`chromahint COMMAND --help` describes a command.",
    )
    parser.add_argument("--version", action="version", version=f"chromahint {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser, subparsers.choices


def _parse_without_exit(parser: Parser, words: list[str]) -> argparse.Namespace:
    try:
        arguments = parser.parse_intermixed_args(words) if parser.prog != "chromahint" else parser.parse_args(words)
    except SystemExit:  # argparse has printed help or the version
        raise _HelpShown from None
    check_overrides(getattr(arguments, "overrides", []), parser.prog)
    return arguments


def _limit_spinning() -> None:
    # by default, waiting threads spin and slow each other down as soon as anything else runs on the machine
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")


if __name__ == "__main__":
    sys.exit(main())
