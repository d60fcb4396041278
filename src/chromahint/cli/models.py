"""`chromahint models`: list the networks."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from chromahint.cli.arguments import Subparsers
from chromahint.config.paths import list_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Group

    from chromahint.models.registry import ModelSummary


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "models",
        help="list the networks with their size, cost and source",
        description="List the networks with their year, size, cost and source.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the list; returns the exit status."""
    from chromahint.models.registry import list_models

    targets = find_targets()
    models = list_models(targets)
    if arguments.json:
        print(json.dumps([asdict(model) for model in models], indent=2))
    else:
        from chromahint.console import TextConsole

        TextConsole().print(tables(models))
    return 0


def find_targets() -> dict[str, str]:
    """Return the class of each network by name; files of the user's own that are no network are named and left out."""
    from chromahint.config.compose import compose
    from chromahint.config.errors import ConfigError

    targets: dict[str, str] = {}
    for name in list_groups()["model"]:
        try:
            targets[name] = compose("train", [f"model={name}"]).config["model"]["_target_"]
        except (ConfigError, KeyError, TypeError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else error
            print(f"model={name} is left out: {reason}", file=sys.stderr)
    return targets


def tables(models: Sequence[ModelSummary]) -> Group:
    """Lay the list out for a terminal of 80 columns: size and cost first, then sources."""
    from rich import box
    from rich.console import Group
    from rich.table import Table

    from chromahint.models.registry import DEFAULT_IMAGE_SIZE

    costs = Table(
        title=f"Networks at their published width; GMAC for an image of {DEFAULT_IMAGE_SIZE} px",
        title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False,
    )  # fmt: skip
    costs.add_column("model=", overflow="fold")
    for heading in ("parameters", "published", "GMAC", "published"):
        costs.add_column(heading, justify="right", no_wrap=True)
    for model in models:
        published = model.published
        gmac = "" if model.gmac is None else f"{model.gmac:.1f}"
        # GMAC were published for images of another size, so they have a line of their own with our count at that size
        costs.add_row(
            "\n ".join([model.name, *(option.removeprefix("model.") for option in model.options)]),
            f"{model.parameters:,}",
            "" if published["parameters"] is None else f"{published['parameters']:,}",
            gmac if published["gmac"] is None else f"{gmac}\n{published['computed_gmac']:.1f}",
            "" if published["gmac"] is None else f"\n{published['gmac']} at {published['image_size']}",
        )
    sources = Table(box=None, show_header=False, padding=(0, 1, 1, 1))
    for model in {model.name: model for model in models if model.source}.values():
        recipe = "" if model.recipe is None else f"\nrecipe: chromahint {model.recipe}"
        sources.add_row(f"{model.name}\n{model.year or ''}", f"{model.source}\nreads {model.input}{recipe}")
    return Group(costs, "", sources)
