"""The command `chromahint data`: look at pictures before training, and pack them to be read faster."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from chromahint.progress import progress_bar

if TYPE_CHECKING:
    from chromahint.data.sources.folder import Folder

NAMED = 20
"""So many broken pictures are named in the terminal; --json names all."""


def main(words: list[str]) -> int:
    """Check or pack pictures, or clean up; returns the exit status."""
    arguments = _parser().parse_args(words)
    workers = getattr(arguments, "workers", None)
    if workers is not None and workers < 0:
        raise ValueError(f"--workers {workers}: is a number of processes from 0. Type --workers 0.")
    status: int = arguments.start(arguments)
    return status


def check(arguments: argparse.Namespace) -> int:
    """Read every picture and say what is there; the exit status is 1 where some can't be read."""
    from chromahint.data.dataset_check import check_dataset
    from chromahint.data.sources.packed import Packed, PackedPhotos, is_pack

    root = Path(arguments.root).expanduser()
    packed = Packed(str(root), **_lists(arguments)) if is_pack(root) else None
    source = packed or _folder(arguments)
    splits = source.splits()
    photos = PackedPhotos(packed.pack, packed.pack.names, verify=True) if packed else source.photos("all")
    with progress_bar("checking", len(photos)) as advance:
        found = check_dataset(str(root), photos, splits, _workers(arguments), advance)
    if arguments.json:
        print(json.dumps(found.as_json(), indent=2))  # noqa: T201
    else:
        console = Console(soft_wrap=True, highlight=False)
        console.print(found.as_table())
        for finding in found.broken[:NAMED]:
            console.print(f"broken: {finding.name}: {finding.reason}", markup=False)
        if len(found.broken) > NAMED:
            console.print(f"and {len(found.broken) - NAMED:,} more; --json names all")
    return 1 if found.broken else 0


def pack(arguments: argparse.Namespace) -> int:
    """Shrink every picture once into a folder that data=packed reads."""
    from chromahint.data.pack import pack

    source, output = _folder(arguments), Path(arguments.output).expanduser()
    total = len(source.photos("all"))
    with progress_bar("packing", total) as advance:
        packed = pack(source, output, arguments.side, _workers(arguments), advance)
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"packed {packed.pictures:,} pictures, {packed.size / 1e9:.2f} GB: {output}", markup=False)
    if packed.broken:
        console.print(
            f"{len(packed.broken):,} could not be read and are left out: {output / 'broken.txt'}", style="yellow"
        )
    console.print(f"train on them: chromahint train data=packed {shlex.quote(f'data.root={output}')}", markup=False)
    return 0


def clean_cache(_: argparse.Namespace) -> int:
    """Delete drawn scenes; they are drawn again when they are needed."""
    from chromahint.data.synthetic.cache import clear_cache

    folder, size = clear_cache()
    print(f"deleted {size / 1e6:,.1f} MB of drawn scenes in {folder}")  # noqa: T201
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("chromahint data", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="check|pack|clean-cache")
    checking = commands.add_parser(
        "check",
        help="count pictures, measure them, name broken ones",
        description="Count the pictures of each split, measure them, find those without color and those that can't be "
        "read. A pack is held against its checksums too. The exit status is 1 where some can't be read.",
    )
    checking.add_argument("root", metavar="ROOT", help="a folder of pictures, or a pack")
    checking.add_argument("--json", action="store_true", help="print JSON instead of a table")
    checking.set_defaults(start=check)
    packing = commands.add_parser(
        "pack",
        help="shrink pictures once, to read them many times faster",
        description="Shrink every picture once into a folder that data=packed reads. Stopped and typed again it goes "
        "on; on a finished pack it mends what is damaged and adds what is new. The photos are left as they are.",
    )
    packing.add_argument("root", metavar="ROOT", help="a folder of pictures")
    packing.add_argument("-o", "--output", metavar="OUT", required=True, help="the pack to make")
    packing.add_argument("--side", type=int, default=256, help="shrink until the shorter side is this (256)")
    packing.set_defaults(start=pack)
    cleaning = commands.add_parser(
        "clean-cache",
        help="delete the drawn scenes of data=scenes",
        description="Delete the drawn scenes of data=scenes from the user's cache folder. They are drawn again when "
        "they are needed.",
    )
    cleaning.set_defaults(start=clean_cache)
    for command in (checking, packing):
        for split in ("train", "val", "test"):
            command.add_argument(f"--{split}-list", metavar="FILE", help=f"text file of the {split} paths, one a line")
        command.add_argument("--workers", type=int, help="processes that read pictures (one a core)")
    return parser


def _folder(arguments: argparse.Namespace) -> Folder:
    from chromahint.data.sources.folder import Folder

    if not Path(arguments.root).expanduser().is_dir():
        raise ValueError(f"{arguments.root}: there is no such folder. Type the path of one that has pictures in it.")
    return Folder(arguments.root, **_lists(arguments))


def _lists(arguments: argparse.Namespace) -> dict[str, Any]:
    return {f"{split}_list": getattr(arguments, f"{split}_list") for split in ("train", "val", "test")}


def _workers(arguments: argparse.Namespace) -> int:
    from chromahint.data.parallel import available_cores

    chosen: int | None = arguments.workers
    return available_cores() if chosen is None else chosen
