"""`chromahint colorize`: color one photo, or a folder of thousands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from chromahint.cli.arguments import DEVICE_HELP, MODEL_HELP, OTHER_MODELS_HELP, Subparsers, add_trust, integer

if TYPE_CHECKING:
    from chromahint.inference.batch_plan import ColorizeTask
    from chromahint.inference.colorizer import Colorizer
    from chromahint.inference.hint_sources import HintProvider
    from chromahint.inference.preparation_choice import ChoosePreparation

DESCRIPTION = """\
Color gray photos from a few color hints. Of color photos, only the lightness is used.
Photos keep their size, their lightness, 16 bits per channel (PNG, TIFF) and their EXIF
data; they are turned upright and written in sRGB. Without hints, the network guesses.
The exit status is 0 if every picture was colored, and 1 if some could not be.
"""
PREPARE_HELP = """\
prepare scans first: auto puts right what is clearly wrong; or some of straighten, neutral, levels, noise, scratches,
contrast, such as neutral,scratches; or a JSON file of settings, or a session file. Hints are in pixels of the scan
"""
DEFAULT_POINTS = 50
DEFAULT_PALETTE_SIZE = 5


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "colorize", help="color photos from hints: one photo, or a folder of thousands", description=DESCRIPTION
    )
    parser.add_argument("photos", metavar="PHOTO", nargs="+", help="an image, or a folder with images at any depth")
    parser.add_argument(
        "-o", "--output", metavar="OUT", required=True, help="image to write, or a folder that gets the same tree"
    )
    parser.add_argument("--model", metavar="MODEL", default="pretrained", help=MODEL_HELP + OTHER_MODELS_HELP)
    hints = parser.add_argument_group("hints, from one of these")
    hints.add_argument(
        "--hints", metavar="FILE", help="hint file or session of the studio, or a folder with NAME.json for each photo"
    )
    hints.add_argument("--hint-dir", metavar="DIR", help="images NAME.* that have the colors at hinted pixels")
    hints.add_argument("--mask-dir", metavar="DIR", help="with --hint-dir: images that are 255 at hinted pixels")
    hints.add_argument(
        "--reference", metavar="IMAGE", help="color image of the same content, of any size, or a folder of them"
    )
    hints.add_argument(
        "--points",
        type=integer(0),
        metavar="N",
        help=f"with --reference: number of hints to take from it; {DEFAULT_POINTS} by default",
    )
    palette = parser.add_argument_group("palette, next to other hints or alone")
    palette.add_argument("--palette", metavar="COLORS", help='1 to 7 colors that set the mood: "#a33,#456,#ddd"')
    palette.add_argument("--palette-from", metavar="IMAGE", help="color image, of any content, to take them from")
    palette.add_argument(
        "--palette-size",
        type=integer(1),
        metavar="N",
        help=f"with --palette-from: number of colors, 7 at most; {DEFAULT_PALETTE_SIZE} by default",
    )
    parser.add_argument("--prepare", metavar="STEPS", help=PREPARE_HELP)
    parser.add_argument(
        "--strength", type=integer(0, 100), default=100, metavar="PERCENT", help="strength of the color; 0 is gray"
    )
    parser.add_argument(
        "--reach", choices=("whole", "near"), default="whole", help="near: no hint tints the whole photo"
    )
    parser.add_argument("--compare", action="store_true", help="also write NAME-compare.jpg: before and after")
    parser.add_argument(
        "--animate", action="store_true", help="also write NAME-animation.webp: the color wipes over it"
    )
    parser.add_argument(
        "--quality", type=integer(1, 100), metavar="N", help="1 to 100, of JPEG and WebP files; 95 by default"
    )
    parser.add_argument(
        "--bits",
        type=int,
        choices=(8, 16),
        help="bits per channel of PNG and TIFF files; by default, those of the photo",
    )
    parser.add_argument("--skip-existing", action="store_true", help="skip photos whose output exists")
    parser.add_argument(
        "--size",
        type=integer(16),
        metavar="PIXELS",
        help="the network sees about PIXELS x PIXELS; by default, what suits the network",
    )
    parser.add_argument("--device", default="auto", help=DEVICE_HELP)
    add_trust(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Color photos; returns the exit status, 1 if some could not be colored or read."""
    _refuse_contradictions(arguments)
    from chromahint.inference.batch_plan import plan_batch, refused_pictures

    tasks = plan_batch(arguments.photos, arguments.output, arguments.compare, arguments.animate)
    # imports torch; everything above gives its errors without it
    from chromahint.console import TextConsole
    from chromahint.inference.colorizer import Colorizer
    from chromahint.inference.preparation_choice import preparation_of
    from chromahint.progress import progress_bar

    console = TextConsole()
    hints = _hint_provider(arguments, len(tasks) > 1)
    choose = preparation_of(arguments.prepare)
    pending = [task for task in tasks if not (arguments.skip_existing and task.is_done)]
    colorizer = Colorizer.load(
        arguments.model,
        size=arguments.size,
        device=arguments.device,
        on_message=console.print,
    )
    if (arguments.palette or arguments.palette_from) and not colorizer.takes_palette:
        raise ValueError(f"--model {arguments.model}: takes no palette. Leave out --palette, or choose another model.")
    failures = []
    with progress_bar(f"coloring with {colorizer.name}", len(pending)) as advance:
        for task in pending:
            if reason := _colorize(task, colorizer, hints, choose, arguments):
                failures.append(reason)
            advance(1)
    refused = refused_pictures(arguments.photos, arguments.output)
    colored = len(pending) - len(failures)
    counts = [
        f"colored {colored:,} photo{'' if colored == 1 else 's'}",
        *([f"skipped {len(tasks) - len(pending):,} that exist"] if len(pending) < len(tasks) else []),
        *([f"skipped {len(refused):,} that can't be read"] if refused else []),
    ]
    console.print(f"{', '.join(counts)}: {arguments.output}")
    errors = TextConsole(stderr=True)
    for reason in failures:
        errors.print(f"not colored: {reason}")
    for reason in refused:
        errors.print(f"skipped: {reason}")
    return 1 if failures or refused else 0


def _colorize(
    task: ColorizeTask,
    colorizer: Colorizer,
    hints: HintProvider,
    choose: ChoosePreparation,
    arguments: argparse.Namespace,
) -> str | None:
    """Color one photo; returns what is wrong with it or with its hints, if anything is.

    Raises:
        WriteError: The output can't be written, which would happen to the other photos, too.
    """
    from chromahint.images.decode import UnreadableImageError
    from chromahint.images.image_file import read_image, side_by_side_image, write_image
    from chromahint.images.preparation.prepare import prepare
    from chromahint.images.sharing import write_animation
    from chromahint.inference.look import Look
    from chromahint.inference.preparation_choice import frame_hints

    try:
        scan = read_image(task.photo)
        look = Look(arguments.strength / 100, arguments.reach)
        preparation = choose(scan)
        image = prepare(scan, preparation)
        if arguments.bits == 16:
            image = image.with_16_bits()
        size = scan.pixels.shape[0], scan.pixels.shape[1]
        colored = colorizer.colorize(image.pixels, frame_hints(hints(task, size), size, preparation), look)
    except UnreadableImageError as error:
        return str(error)
    except ValueError as error:
        return f"{task.photo}: {error}"
    try:
        result = image.colorized(colored)
        if arguments.bits == 8:
            result = result.with_8_bits()
        write_image(task.output, result, arguments.quality)
        if task.comparison is not None:
            write_image(task.comparison, side_by_side_image(image, colored))
        if task.animation is not None:
            write_animation(task.animation, image.pixels, colored)
    except ValueError as error:
        return f"{task.output}: {error}"
    return None


def _hint_provider(arguments: argparse.Namespace, multiple: bool) -> HintProvider:
    from chromahint.inference import hint_sources

    local = _local_hint_provider(arguments, multiple)
    if arguments.palette is not None:
        from chromahint.hints.annotations import PaletteColor
        from chromahint.hints.colors import parse_color_list
        from chromahint.hints.global_hints import palette_hints

        colors = parse_color_list(arguments.palette, "--palette")
        palette_hints(colors, where="--palette")  # raises an error if there are too many
        return hint_sources.with_palette(local, tuple(PaletteColor(color) for color in colors))
    if arguments.palette_from is not None:
        num_colors = arguments.palette_size or DEFAULT_PALETTE_SIZE
        return hint_sources.with_palette(local, hint_sources.palette_of_file(arguments.palette_from, num_colors))
    return local


def _local_hint_provider(arguments: argparse.Namespace, multiple: bool) -> HintProvider:
    from chromahint.inference import hint_sources

    if arguments.hints is not None:
        return hint_sources.from_files(arguments.hints)
    if arguments.hint_dir is not None:
        return hint_sources.from_pairs(arguments.hint_dir, arguments.mask_dir)
    if arguments.reference is not None:
        points = DEFAULT_POINTS if arguments.points is None else arguments.points
        return hint_sources.from_reference(arguments.reference, points, multiple)
    return hint_sources.without_hints


def _refuse_contradictions(arguments: argparse.Namespace) -> None:
    if (arguments.hint_dir is None) != (arguments.mask_dir is None):
        raise ValueError("--hint-dir, --mask-dir: only one of them is given. Pass both.")
    sources = {"--hints": arguments.hints, "--hint-dir": arguments.hint_dir, "--reference": arguments.reference}
    given = [name for name, value in sources.items() if value is not None]
    if len(given) > 1:
        raise ValueError(f"{', '.join(given)}: hints can come from one of them only. Leave out the others.")
    if arguments.points is not None and arguments.reference is None:
        raise ValueError(f"--points {arguments.points}: needs an image to take them from. Pass --reference IMAGE.")
    if arguments.palette is not None and arguments.palette_from is not None:
        raise ValueError("--palette, --palette-from: the palette can come from one of them only. Leave out the other.")
    if arguments.palette_size is not None and arguments.palette_from is None:
        raise ValueError(f"--palette-size {arguments.palette_size}: needs an image. Pass --palette-from IMAGE.")
