"""`chromahint data`: check images before training, pack them, list them in a manifest, and count their colors."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chromahint.cli.arguments import Subparsers, integer

if TYPE_CHECKING:
    from chromahint.data.sources.folder import Folder

MAX_LISTED = 20
"""The terminal lists at most this many unreadable images; --json lists all."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the parsers of the commands."""
    check = subparsers.add_parser(
        "data check",
        help="count and measure images, and find unreadable ones",
        description="Count the images of each split, measure them, and find those without color and those that can't\n"
        "be read. Of a pack, the checksums are verified, too. The exit status is 1 if an image can't be read.",
    )
    check.add_argument("root", metavar="ROOT", help="folder of images, or a pack")
    check.add_argument("--json", action="store_true", help="print JSON instead of a table")
    check.set_defaults(run=run_check)

    pack = subparsers.add_parser(
        "data pack",
        help="shrink images once, or put them into shards, to read them faster",
        description="Shrink every image once into a folder that data=packed reads, or, with --format litdata, copy\n"
        "the files unchanged into shards that data=stream reads, also from S3 or HTTP. If stopped and run again, it\n"
        "continues; of a finished pack, it repairs what is damaged and adds what is new. Originals are not changed.",
    )
    pack.add_argument("root", metavar="ROOT", help="folder of images")
    pack.add_argument("-o", "--output", metavar="OUT", required=True, help="pack to write")
    pack.add_argument("--format", choices=("pixels", "litdata"), default="pixels", help="by default, pixels")
    pack.add_argument(
        "--side", type=integer(1), metavar="PIXELS", help="length of the shorter side; by default, 256. Not for litdata"
    )
    pack.add_argument(
        "--squash", action="store_true", help="store squares of that side, for data.resize_mode=squash. Not for litdata"
    )
    pack.set_defaults(run=run_pack)

    manifest = subparsers.add_parser(
        "data manifest",
        help="list the images of a set with their ids, for benchmarks",
        description="Write a manifest: the ids, names and sizes of all images below a folder, their license, and\n"
        "where others get them. `chromahint benchmark` measures a set only if it agrees with its manifest. With\n"
        "--check, a folder is compared with a manifest instead.",
    )
    manifest.add_argument("root", metavar="ROOT", help="folder of images")
    manifest.add_argument("-o", "--output", type=Path, metavar="FILE", help="manifest to write; by default ROOT.json")
    manifest.add_argument("--license", metavar="TEXT", default="unknown", help="license of the photos")
    manifest.add_argument("--source", metavar="TEXT", default="unknown", help="where others get them, such as a URL")
    manifest.add_argument("--check", type=Path, metavar="FILE", help="manifest to compare the folder with")
    manifest.set_defaults(run=run_manifest)

    prior = subparsers.add_parser(
        "data color-prior",
        help="count the colors of the training images, for loss=rebalanced_classes",
        description="Count how frequent each of 313 colors is in the training images, for loss=rebalanced_classes.\n"
        "Training keeps the numbers in the run, so that it does not need the file again.",
    )
    prior.add_argument("root", metavar="ROOT", help="folder of images, or a pack")
    prior.add_argument("-o", "--output", type=Path, metavar="FILE", required=True, help="JSON file to write")
    prior.set_defaults(run=run_color_prior)

    for parser in (check, pack, prior):
        for split in ("train", "val", "test"):
            parser.add_argument(f"--{split}-list", metavar="FILE", help=f"text file of the {split} paths, one per line")
    for parser in (check, pack, manifest, prior):
        parser.add_argument(
            "--num-workers", type=integer(0), metavar="N", help="processes that read images; by default, one per core"
        )

    clean_cache = subparsers.add_parser(
        "data clean-cache",
        help="delete the cached images of data=scenes",
        description="Delete the images of data=scenes from the user's cache folder. They are drawn again when needed.",
    )
    clean_cache.set_defaults(run=run_clean_cache)


def run_check(arguments: argparse.Namespace) -> int:
    """Read every image and print a summary; returns the exit status, 1 if some can't be read."""
    from chromahint.console import TextConsole
    from chromahint.data.dataset_check import check_dataset
    from chromahint.data.sources.packed import Packed, PackedPhotos, is_pack
    from chromahint.progress import progress_bar

    root = Path(arguments.root).expanduser()
    packed = Packed(str(root), **_split_lists(arguments)) if is_pack(root) else None
    source = packed or _folder(arguments)
    splits = source.splits()
    photos = PackedPhotos(packed.pack, packed.pack.names, verify=True) if packed else source.photos("all")
    with progress_bar("checking", len(photos)) as advance:
        report = check_dataset(str(root), photos, splits, _num_workers(arguments), advance)
    if arguments.json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        console = TextConsole()
        console.print(report.as_table())
        for image in report.broken[:MAX_LISTED]:
            console.print(f"broken: {image.name}: {image.reason}")
        if len(report.broken) > MAX_LISTED:
            console.print(f"and {len(report.broken) - MAX_LISTED:,} more; --json lists all")
    return 1 if report.broken else 0


def run_pack(arguments: argparse.Namespace) -> int:
    """Pack images, and print how to train on them; returns the exit status."""
    from chromahint.console import TextConsole
    from chromahint.data.pack import pack
    from chromahint.data.pack_shards import pack_shards
    from chromahint.progress import progress_bar

    in_shards = arguments.format == "litdata"
    if in_shards and arguments.side is not None:
        raise ValueError(f"--side {arguments.side}: shards hold the files unchanged. Leave out --side.")
    if in_shards and arguments.squash:
        raise ValueError("--squash: shards hold the files unchanged. Leave out --squash.")
    source, output, side = _folder(arguments), Path(arguments.output).expanduser(), arguments.side or 256
    with progress_bar("packing", len(source.photos("all"))) as advance:
        if in_shards:
            result = pack_shards(source, output, _num_workers(arguments), advance)
        else:
            result = pack(source, output, side, arguments.squash, _num_workers(arguments), advance)
    console = TextConsole()
    console.print(f"packed {result.images:,} images, {result.num_bytes / 1e6:,.1f} MB: {output}")
    if result.broken:
        message = f"{len(result.broken):,} images could not be read and were left out: {output / 'broken.txt'}"
        console.print(message, style="yellow")
    choice = "stream" if in_shards else "packed"
    options = f" data.resize_mode=squash data.train_size={side}" if arguments.squash else ""
    command = f"chromahint train data={choice} {shlex.quote(f'data.root={output}')}{options}"
    console.print(f"train on them: {command}")
    return 0


def run_manifest(arguments: argparse.Namespace) -> int:
    """Write or check a manifest; returns the exit status."""
    from chromahint.console import TextConsole
    from chromahint.data.manifest import create_manifest, format_manifest, open_photos, read_manifest, verify_manifest
    from chromahint.progress import progress_bar
    from chromahint.runs.files import write_text

    root, console = Path(arguments.root).expanduser(), TextConsole()
    if arguments.check is not None:
        manifest = read_manifest(arguments.check.expanduser())
        verify_manifest(root, manifest)
        console.print(f"{root}: the {manifest['images']:,} images of {arguments.check}")
        return 0
    output = arguments.output or root.with_name(f"{root.resolve().name}.json")
    with progress_bar("reading", len(open_photos(root))) as advance:
        manifest = create_manifest(root, arguments.license, arguments.source, _num_workers(arguments), advance)
    write_text(output, format_manifest(manifest))
    console.print(f"{manifest['images']:,} images, {manifest['id']}: {output}")
    return 0


def run_color_prior(arguments: argparse.Namespace) -> int:
    """Compute the color prior of the training images; returns the exit status."""
    from chromahint.console import TextConsole
    from chromahint.data.color_prior import compute_color_prior, write_color_prior
    from chromahint.data.sources.packed import Packed, is_pack
    from chromahint.progress import progress_bar

    root, console = Path(arguments.root).expanduser(), TextConsole()
    source = Packed(str(root), **_split_lists(arguments)) if is_pack(root) else _folder(arguments)
    photos = source.photos("train")
    with progress_bar("counting colors", len(photos)) as advance:
        prior = compute_color_prior(photos, _num_workers(arguments), advance)
    output = arguments.output.expanduser()
    write_color_prior(output, prior)
    for message in prior.broken[:MAX_LISTED]:
        console.print(f"broken: {message}")
    console.print(f"colors of {prior.images:,} training images: {output}")
    override = shlex.quote(f"loss.color_prior={output}")
    console.print(f"train with them: chromahint train experiment=zhang_2016 {override}")
    return 0


def run_clean_cache(_: argparse.Namespace) -> int:
    """Delete the cache; returns the exit status."""
    from chromahint.data.synthetic.cache import clear_cache

    folder, size = clear_cache()
    print(f"deleted {size / 1e6:,.1f} MB: {folder}")
    return 0


def _folder(arguments: argparse.Namespace) -> Folder:
    from chromahint.data.sources.folder import Folder

    if not Path(arguments.root).expanduser().is_dir():
        raise ValueError(f"{arguments.root}: folder not found. Pass a folder that contains images.")
    return Folder(arguments.root, **_split_lists(arguments))


def _split_lists(arguments: argparse.Namespace) -> dict[str, Any]:
    return {f"{split}_list": getattr(arguments, f"{split}_list") for split in ("train", "val", "test")}


def _num_workers(arguments: argparse.Namespace) -> int:
    from chromahint.data.parallel import available_cores

    chosen: int | None = arguments.num_workers
    return available_cores() if chosen is None else chosen
