"""`chromahint hints preview`: draw what each hint sampler does."""

from __future__ import annotations

import argparse
from pathlib import Path

from chromahint.cli.arguments import Subparsers, integer
from chromahint.config.paths import list_groups


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "hints preview",
        help="draw the hints of each sampler on a few photos",
        description="Draw the hints of each sampler on a few photos, into one image.",
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("hints.png"), metavar="FILE", help="image to write")
    parser.add_argument(
        "--photos", type=Path, metavar="FOLDER", help="folder of photos; by default, those that come with scikit-image"
    )
    parser.add_argument(
        "--sampler", action="append", choices=list_groups()["hints"], metavar="NAME",
        help=f"one of {', '.join(list_groups()['hints'])}; may be repeated; by default, all",
    )  # fmt: skip
    parser.add_argument("--size", type=integer(16), default=256, metavar="PIXELS", help="height and width of a photo")
    parser.add_argument("--seed", type=integer(0), default=0, metavar="N", help="seed of the samplers")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw the image and print its path; returns the exit status."""
    if arguments.photos is not None and not arguments.photos.is_dir():
        raise ValueError(f"--photos {arguments.photos}: folder not found. Pass a folder that contains images.")
    from chromahint.config.compose import compose
    from chromahint.config.instantiate import instantiate_node
    from chromahint.data.sources.folder import Folder
    from chromahint.data.sources.skimage_tiles import NaturalTiles
    from chromahint.evaluation.image_grid import write_png
    from chromahint.images.resize import resize_square
    from chromahint.visualization.sampler_preview import draw_preview

    names = arguments.sampler or list_groups()["hints"]
    samplers = {name: instantiate_node(compose("train", [f"hints={name}"]).config["hints"]) for name in names}
    photos = Folder(str(arguments.photos)).photos("all", max_images=4) if arguments.photos else NaturalTiles()
    step = max(1, len(photos) // 4)
    images = [resize_square(photos.read(index), arguments.size) for index in range(0, len(photos), step)][:4]
    print(write_png(arguments.output, draw_preview(samplers, images, arguments.seed)))
    return 0
