"""Parser and arguments that several commands share."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias

from chromahint.config.paths import group_defaults, list_groups, packaged_dir

MODEL_HELP = (
    "pretrained or spreadnet_scenes (weights in the package), a run folder, a weights file, or a folder written by "
    "`chromahint export`"
)
"""Ways to name a trained network."""
OTHER_MODELS_HELP = ", an .onnx file, or a training-free baseline: levin or pullpush"
"""Further networks that color images, but have no weights to export."""
DEVICE_HELP = "auto, cpu, cuda, cuda:1, mps, ..."
OVERRIDE_SYNTAX = """\
key=value chooses within a group (model=unet) or sets an option (data.batch_size=4).
Quote values with spaces, commas or brackets: 'hints.probabilities=[0.01, 0.03]'.
"""


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of descriptions, and appends default values."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        default = action.default
        has_default = default not in (None, [], argparse.SUPPRESS) and not isinstance(default, bool)
        return f"{text} (default: %(default)s)" if has_default else text


class Parser(argparse.ArgumentParser):
    """Parser that raises ValueError instead of printing the usage and exiting."""

    def __init__(self, prog: str | None = None, **options: Any) -> None:
        super().__init__(prog, formatter_class=HelpFormatter, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raise ValueError with a message in the form of all others."""
        if "are required: " in message:
            message = message.removesuffix(", key=value")  # of which there may be none
        # "argument -o/--output: x" becomes "--output: x"; "argument --size: 0: must be x" becomes "--size 0: must be x"
        argument = re.sub(r"^argument (?:-\w+/)?([^:]+):(?= \S*: must be)|^argument (?:-\w+/)?", r"\1", message)
        where = f"{self.prog}: " if argument == message else ""
        is_option = message.startswith("unrecognized arguments: --")
        takes_overrides = any(action.dest == "overrides" for action in self._actions)
        form = (
            " Write options of the configuration as KEY=VALUE, without dashes." if is_option and takes_overrides else ""
        )
        raise ValueError(f"{where}{argument.rstrip('.')}.{form} See `{self.prog} --help`.")


Subparsers: TypeAlias = "argparse._SubParsersAction[Parser]"


def integer(minimum: int, maximum: int | None = None) -> Callable[[str], int]:
    """Return a converter for options that are integers within bounds.

    >>> integer(1)("2")
    2
    """
    bounds = f">= {minimum}" if maximum is None else f"from {minimum} to {maximum:,}"

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = minimum - 1
        if number < minimum or (maximum is not None and number > maximum):
            raise argparse.ArgumentTypeError(f"{text}: must be an integer {bounds}")
        return number

    return convert


def positive(text: str) -> float:
    """Convert an option that is a number above 0.

    >>> positive("0.5")
    0.5
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text}: must be a number > 0")
    return number


def add_overrides(parser: Parser, help: str = "overrides of the configuration") -> None:
    """Add `key=value ...`, in any number."""
    parser.add_argument("overrides", metavar="key=value", nargs="*", help=help)


def check_overrides(overrides: list[str], command: str) -> None:
    """Check the form of overrides, before Hydra is imported.

    Raises:
        ValueError: An override is not `key=value`.
    """
    for word in overrides:
        if "=" not in word and not word.startswith("~"):
            raise ValueError(f"{word}: not key=value. See `{command} --help`.")


def refuse_overrides(overrides: list[str], moved: Mapping[str, str]) -> None:
    """Raise an error for keys that look like options of the configuration, but are asked for in another way.

    Args:
        overrides: `key=value ...` as typed.
        moved: The command that does what a key asks for.
    """
    for word in overrides:
        if (key := word.lstrip("+").partition("=")[0]) in moved:
            raise ValueError(f"{word}: not an option of the configuration. Type `{moved[key]}`.")


def describe_groups(config: str) -> str:
    """Describe overrides, and list the groups of `conf/<config>.yaml` with their choices."""
    defaults = group_defaults(config)
    groups = {group: names for group, names in list_groups().items() if group in defaults}
    width = max(map(len, groups))
    lines = [
        f"  {group:<{width}}  {' '.join(f'[{name}]' if name == defaults[group] else name for name in names)}"
        for group, names in groups.items()
    ]
    listing = "\n".join(lines)
    return f"""{OVERRIDE_SYNTAX}
Groups and their choices, with [the default] in brackets:
{listing}

All options are described in {packaged_dir("conf")}."""


def add_trust(parser: Parser) -> None:
    """Add `--trust`, for commands that build what a run or another folder names."""
    parser.add_argument(
        "--trust", action="store_true", help="let runs that others have made name code of their own, which is executed"
    )


def add_runs(parser: Parser) -> None:
    """Add the runs to compare, and how to rank them."""
    parser.add_argument("runs", metavar="RUNS", nargs="+", help="run folders, or folders that contain run folders")
    parser.add_argument(
        "--hints", type=integer(0), metavar="K", help="rank by the score at K hints, not by its mean over all K >= 1"
    )
    parser.add_argument(
        "--evaluation", metavar="NAME", help="folder in evaluation/ of each run; by default, the one most runs share"
    )
