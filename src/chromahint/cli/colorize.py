"""The command `chromahint colorize`: photos in, colored photos out, one or thousands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from chromahint.inference.batch_plan import ColorizeTask
    from chromahint.inference.colorizer import Colorizer
    from chromahint.inference.hint_sources import HintProvider

DESCRIPTION = """\
Color gray photos from a few color hints; photos that have colors lose theirs first. Photos keep their size, their
lightness, 16 bits a channel (PNG, TIFF) and their EXIF, are turned upright, and come out in sRGB. Without hints the
colors are the network's guess.
"""
POINTS = 50


def main(words: list[str]) -> int:
    """Color photos; the exit status is 0, or 1 where some could not be colored."""
    arguments = _parser().parse_args(words)
    _refuse_contradictions(arguments)
    # imports torch, after all that can be said without it
    from chromahint.inference.batch_plan import plan_batch
    from chromahint.inference.colorizer import Colorizer
    from chromahint.progress import progress_bar

    console = Console(soft_wrap=True, highlight=False)
    jobs = plan_batch(arguments.photos, arguments.output, arguments.compare)
    hints = _hints(arguments, len(jobs) > 1)
    left = [job for job in jobs if not (arguments.skip_existing and job.is_done)]
    colorizer = Colorizer.load(
        arguments.model,
        size=arguments.size,
        device=arguments.device,
        say=lambda sentence: console.print(sentence, markup=False),
    )
    broken = []
    with progress_bar(f"coloring with {colorizer.name}", len(left)) as advance:
        for job in left:
            if reason := _color(job, colorizer, hints):
                broken.append(reason)
            advance(1)
    done, there = len(left) - len(broken), len(jobs) - len(left)
    kept = f", {there:,} were there already" if there else ""
    console.print(f"colored {done:,} photo{'' if done == 1 else 's'}{kept}: {arguments.output}", markup=False)
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    for reason in broken:
        errors.print(f"not colored: {reason}", markup=False)
    return 1 if broken else 0


def _color(job: ColorizeTask, colorizer: Colorizer, hints: HintProvider) -> str | None:
    """Color one photo; returns what was wrong with it or its hints, if anything was.

    Raises:
        ValueError: nothing can be written, which other photos would meet too.
    """
    from chromahint.images.decode import UnreadableImageError
    from chromahint.images.image_file import read_picture, side_by_side_image, write_picture

    try:
        picture = read_picture(job.photo)
        height, width = picture.pixels.shape[:2]
        colored = colorizer.colorize(picture.pixels, hints(job, (height, width)))
    except UnreadableImageError as error:
        return str(error)
    except ValueError as error:
        return f"{job.photo}: {error}"
    try:
        write_picture(job.output, picture.colored(colored))
        if job.comparison is not None:
            write_picture(job.comparison, side_by_side_image(picture, colored))
    except ValueError as error:
        return f"{job.output}: {error}"
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"{job.output}: cannot be written ({reason}); make room, or type another -o") from None
    return None


def _hints(arguments: argparse.Namespace, many: bool) -> HintProvider:
    from chromahint.inference import hint_sources

    if arguments.hints is not None:
        return hint_sources.from_files(arguments.hints)
    if arguments.hint_dir is not None:
        return hint_sources.from_pairs(arguments.hint_dir, arguments.mask_dir)
    if arguments.reference is not None:
        points = POINTS if arguments.points is None else arguments.points
        return hint_sources.from_reference(arguments.reference, points, many)
    return hint_sources.no_hints_at_all


def _refuse_contradictions(arguments: argparse.Namespace) -> None:
    if (arguments.hint_dir is None) != (arguments.mask_dir is None):
        raise ValueError("--hint-dir and --mask-dir go together: type both")
    kinds = {"--hints": arguments.hints, "--hint-dir": arguments.hint_dir, "--reference": arguments.reference}
    if len(given := [name for name, value in kinds.items() if value is not None]) > 1:
        raise ValueError(f"{' and '.join(given)}: hints come from one of them; leave out the others")
    if arguments.points is not None and (arguments.reference is None or arguments.points < 0):
        raise ValueError(f"--points {arguments.points}: is how many hints, from 0, are taken from --reference PICTURE")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("chromahint colorize", description=DESCRIPTION)
    parser.add_argument(
        "photos", metavar="PHOTO", nargs="+", help="a picture, or a folder with pictures anywhere below"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        required=True,
        help="the picture to write; or a folder, which gets the same tree",
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        default="pretrained",
        help="the folder of a run, a file of weights, levin, pullpush, or box: the weights in the package (box)",
    )
    hints = parser.add_argument_group("hints, from one of these")
    hints.add_argument("--hints", metavar="FILE", help="a hint file, or a folder with NAME.json for each photo")
    hints.add_argument("--hint-dir", metavar="DIR", help="pictures NAME.* that have the colors where there are hints")
    hints.add_argument(
        "--mask-dir", metavar="DIR", help="beside --hint-dir, pictures that are 255 where there are hints"
    )
    hints.add_argument(
        "--reference",
        metavar="PICTURE",
        help="a colored picture of the same content, of any size; or a folder of them",
    )
    hints.add_argument("--points", type=int, metavar="N", help=f"so many hints are taken from the reference ({POINTS})")
    parser.add_argument("--compare", action="store_true", help="write NAME-compare.jpg beside each: before and after")
    parser.add_argument("--skip-existing", action="store_true", help="leave pictures alone that are there already")
    parser.add_argument(
        "--size",
        type=int,
        metavar="PIXELS",
        help="the network sees photos of about PIXELS x PIXELS (what is good for it)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (auto)")
    return parser
