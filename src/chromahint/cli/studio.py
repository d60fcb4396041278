"""The command `chromahint studio`: a page where a click and a color are enough."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from chromahint.studio.model_list import BOX, METHODS, ModelList

DESCRIPTION = """\
Color photos by clicking, on a page of this machine: a gray photo, a click, a color, and the picture follows.
Nothing leaves the machine, and nobody else reaches the page unless --share is typed.
"""
EVERYWHERE = "0.0.0.0"  # noqa: S104  # typed by a person who wants it


def main(words: Sequence[str]) -> int:
    """Serve the page until it is stopped; returns the exit status."""
    arguments = _parser().parse_args(words)
    if not 0 <= arguments.port <= 65535:
        raise ValueError(f"--port {arguments.port}: is a number from 1 to 65535; leave it out to take a free one")
    for model in arguments.model:
        if model not in (BOX, *METHODS) and not Path(model).expanduser().exists():
            raise ValueError(
                f"--model {model}: there is no such run or file of weights; allowed are {', '.join((BOX, *METHODS))}, "
                "the folder of a run such as runs/NAME/DATE, and a file of weights"
            )
    photo = None if arguments.photo is None else Path(arguments.photo).expanduser()
    if photo is not None and not photo.is_file():
        raise ValueError(f"{arguments.photo}: there is no such photo; leave it out to choose one on the page")
    host = arguments.host or (EVERYWHERE if arguments.share else "127.0.0.1")
    runs = Path("runs" if arguments.runs is None else arguments.runs).expanduser()
    if arguments.runs is not None and not runs.is_dir():
        raise ValueError(f"--runs {arguments.runs}: there is no such folder; type one with trained runs below it")
    choices = ModelList(arguments.model, runs)
    try:
        from chromahint.studio.server import serve
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("starlette", "uvicorn"):
            raise
        raise ValueError(
            f"the studio needs the package {package}: type pip install 'chromahint[studio]', or pip install "
            "starlette uvicorn"
        ) from None
    return serve(host, arguments.port, choices, arguments.device, photo, arguments.browser)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("chromahint studio", description=DESCRIPTION)
    parser.add_argument("photo", metavar="PHOTO", nargs="?", help="opened at once; others are opened on the page")
    parser.add_argument(
        "--model", metavar="MODEL", action="append", default=[],
        help="the folder of a run, or a file of weights, to choose beside box, levin and pullpush; may be "
        "repeated; the first one colors first",
    )  # fmt: skip
    parser.add_argument(
        "--runs",
        metavar="FOLDER",
        help="trained runs below it are there to choose (runs, where there is such a folder)",
    )
    parser.add_argument("--port", type=int, default=0, help="of the page (8765, or a free one)")
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="only print the address")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (auto)")
    sharing = parser.add_mutually_exclusive_group()
    sharing.add_argument(
        "--share", action="store_true", help="other machines may open the page, with the address that is printed"
    )
    sharing.add_argument("--host", metavar="ADDRESS", help="the same, on one address of this machine")
    return parser
