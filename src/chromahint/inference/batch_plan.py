"""Plan of a colorization batch: photos and output files, checked before anything is colored."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from chromahint.data.sources.folder import find_images
from chromahint.images.decode import EXTENSIONS
from chromahint.images.image_file import OUTPUT_FORMATS
from chromahint.images.other_formats import find_refused


class ColorizeTask(NamedTuple):
    """One photo to color.

    Attributes:
        photo: File of the photo.
        name: Path relative to the input folder, or the name of the file.
        output: File of the colored image.
        comparison: File of the side-by-side image of before and after, or None.
        animation: File of the animation from before to after, or None.
    """

    photo: Path
    name: str
    output: Path
    comparison: Path | None
    animation: Path | None = None

    @property
    def is_done(self) -> bool:
        """Whether the output file exists."""
        return _state(self.output) is not None


def plan_batch(photos: Sequence[str], output: str, compare: bool, animate: bool = False) -> list[ColorizeTask]:
    """Find the photos and choose the output file of each.

    Args:
        photos: Files and folders. Folders are searched recursively, and their structure is kept.
        output: Output file for a single photo, or a folder.
        compare: Also plan a side-by-side image of before and after.
        animate: Also plan an animation from before to after.

    Raises:
        ValueError: A photo is missing, or two outputs are the same file, or an output would overwrite a photo.
    """
    try:
        return _plan(photos, output, compare, animate)
    except OSError as error:  # such as a folder without read permission
        raise ValueError(f"{error.filename}: can't read ({error.strerror}). Pass another path.") from None


def refused_pictures(photos: Sequence[str], output: str) -> list[str]:
    """Return which pictures in the given folders can't be read, and why, one sentence each.

    Args:
        photos: Files and folders, as in `plan_batch`.
        output: Output file or folder, which is not searched.
    """
    target = Path(output).expanduser().resolve()
    folders = [path for path in (Path(text).expanduser() for text in photos) if path.is_dir()]
    return [
        f"{file}: {reason}."
        for folder in folders
        for file, reason in find_refused(folder)
        if not file.resolve().is_relative_to(target) or target == folder.resolve()
    ]


def _plan(photos: Sequence[str], output: str, compare: bool, animate: bool) -> list[ColorizeTask]:
    target = Path(output).expanduser()
    single = len(photos) == 1 and Path(photos[0]).expanduser().is_file() and not output.endswith(("/", "\\"))
    single = single and bool(target.suffix) and not target.is_dir()
    if single and target.suffix.lower() not in OUTPUT_FORMATS:
        raise ValueError(
            f"{output}: {target.suffix} is not a supported output format. Use one of {', '.join(OUTPUT_FORMATS)}, or a "
            "folder."
        )
    tasks = []
    for photo, name in dict.fromkeys(_find_photos(photos, target)):
        file = target if single else target / Path(name).with_suffix(_output_suffix(photo))
        comparison = file.with_name(f"{file.stem}-compare.jpg") if compare else None
        animation = file.with_name(f"{file.stem}-animation.webp") if animate else None
        tasks.append(ColorizeTask(photo, name, file, comparison, animation))
    _check_outputs(tasks)
    return tasks


def _find_photos(photos: Sequence[str], output: Path) -> Iterator[tuple[Path, str]]:
    """Yield the file and name of each photo."""
    for text in photos:
        path = Path(text).expanduser()
        if not path.is_dir():
            if not path.is_file():
                raise ValueError(f"{text}: file or folder not found. Pass the path of a photo or a folder.")
            yield path, path.name
            continue
        names = find_images(path)
        output_folder = output.resolve()
        if path.resolve() in output_folder.parents:  # skip the output of an earlier call
            names = [name for name in names if not (path / name).resolve().is_relative_to(output_folder)]
        if not names:
            if refused := refused_pictures([text], str(output)):
                raise ValueError(f"{text}: no images found that can be read. {refused[0]}")
            raise ValueError(
                f"{text}: no images found. Pass a folder with files ending in {', '.join(sorted(EXTENSIONS))}."
            )
        yield from ((path / name, name) for name in names)


def _output_suffix(photo: Path) -> str:
    return photo.suffix if photo.suffix.lower() in OUTPUT_FORMATS else ".png"


def _check_outputs(tasks: Sequence[ColorizeTask]) -> None:
    photos = {task.photo.resolve(): task.photo for task in tasks}
    inodes = {(state.st_dev, state.st_ino) for photo in photos if (state := _state(photo))}
    sources: dict[Path, Path] = {}
    for task in tasks:
        for file in filter(None, (task.output, task.comparison, task.animation)):
            state = _state(file)
            if file.resolve() in photos or (state and (state.st_dev, state.st_ino) in inodes):
                raise ValueError(f"{file}: would overwrite a photo. Use another -o.")
            source = sources.setdefault(file.resolve(), task.photo)
            if source.resolve() != task.photo.resolve():
                raise ValueError(
                    f"{file}: would be the output of both {source} and {task.photo}. "
                    "Color them one by one, or rename one."
                )


def _state(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
