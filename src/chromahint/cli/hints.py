"""The command `chromahint hints preview`: what each hint sampler makes of a few photos."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from chromahint.config.paths import list_groups


def main(words: Sequence[str]) -> int:
    """Draw one picture and print its path; returns the exit status."""
    parser = argparse.ArgumentParser(
        "chromahint hints", description="Draw what each hint sampler makes of a few photos into one picture."
    )
    parser.add_argument("what", choices=["preview"], help="preview: draw one picture")
    parser.add_argument("--output", type=Path, default=Path("hints.png"), help="the picture to write (hints.png)")
    parser.add_argument(
        "--photos", type=Path, help="a folder of photos; without it, photos that come with scikit-image"
    )
    parser.add_argument(
        "--sampler", action="append", choices=list_groups()["hints"], help="one sampler; may be repeated"
    )
    parser.add_argument("--size", type=int, default=256, help="side of the squashed photos in pixels (256)")
    parser.add_argument("--seed", type=int, default=0, help="other hints (0)")
    arguments = parser.parse_args(words)
    if arguments.size < 16:
        raise ValueError(f"--size {arguments.size}: a side is 16 pixels or more; type --size 256")
    from chromahint.config.compose import compose
    from chromahint.config.instantiate import instantiate_node
    from chromahint.data.sources.folder import Folder
    from chromahint.data.sources.skimage_tiles import NaturalTiles
    from chromahint.data.transforms import resize_square
    from chromahint.evaluation.image_grid import write_png
    from chromahint.visualization.sampler_preview import draw_preview

    chosen = arguments.sampler or list_groups()["hints"]
    samplers = {name: instantiate_node(compose("train", [f"hints={name}"]).config["hints"]) for name in chosen}
    photos = Folder(str(arguments.photos)).photos("all", limit=4) if arguments.photos else NaturalTiles()
    step = max(1, len(photos) // 4)
    pictures = [resize_square(photos.read(index), arguments.size) for index in range(0, len(photos), step)][:4]
    print(write_png(arguments.output, draw_preview(samplers, pictures, arguments.seed)))  # noqa: T201
    return 0
