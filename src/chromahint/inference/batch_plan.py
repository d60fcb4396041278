"""Which photos are to be colored, and where each goes: settled, and refused, before anything is colored."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from chromahint.data.sources.folder import find_images
from chromahint.images.decode import EXTENSIONS
from chromahint.images.image_file import OUTPUT_FORMATS


class ColorizeTask(NamedTuple):
    """One photo.

    Attributes:
        photo: the file.
        name: its path below the folder that was named, or the name of the file.
        output: where the colored image goes.
        comparison: where the strip of before and after goes, if it is wanted.
    """

    photo: Path
    name: str
    output: Path
    comparison: Path | None

    @property
    def is_done(self) -> bool:
        """Whether the colored image is there."""
        return _state(self.output) is not None


def plan_batch(photos: Sequence[str], output: str, compare: bool) -> list[ColorizeTask]:
    """Find the photos, and say where each goes.

    Args:
        photos: files and folders; of a folder, all images below it, whose tree is kept.
        output: the image to write, for one file; or a folder.
        compare: whether strips are wanted.

    Raises:
        ValueError: a photo is missing; a file would be written twice, or would take the place of a photo.
    """
    try:
        return _plan(photos, output, compare)
    except OSError as error:  # of a folder that may not be looked into
        raise ValueError(f"{error.filename}: {error.strerror}; type another path") from None


def _plan(photos: Sequence[str], output: str, compare: bool) -> list[ColorizeTask]:
    target = Path(output).expanduser()
    single = len(photos) == 1 and Path(photos[0]).expanduser().is_file() and not output.endswith(("/", "\\"))
    single = single and bool(target.suffix) and not target.is_dir()
    if single and target.suffix.lower() not in OUTPUT_FORMATS:
        raise ValueError(
            f"{output}: no image is written with names that end in {target.suffix}; allowed are "
            f"{', '.join(OUTPUT_FORMATS)}, or a folder"
        )
    jobs = []
    for photo, name in dict.fromkeys(_photos(photos, target)):
        place = target if single else target / Path(name).with_suffix(_suffix(photo))
        strip = place.with_name(f"{place.stem}-compare.jpg") if compare else None
        jobs.append(ColorizeTask(photo, name, place, strip))
    _refuse_clashes(jobs)
    return jobs


def _photos(photos: Sequence[str], output: Path) -> Iterator[tuple[Path, str]]:
    for text in photos:
        path = Path(text).expanduser()
        if not path.is_dir():
            if not path.is_file():
                raise ValueError(f"{text}: there is no such file or folder; type the path of a photo or of a folder")
            yield path, path.name
            continue
        names = find_images(path)
        made = output.resolve()
        if path.resolve() in made.parents:  # what an earlier call has made below the folder is no photo to color
            names = [name for name in names if not (path / name).resolve().is_relative_to(made)]
        if not names:
            raise ValueError(f"{text}: no images in this folder; looked for {', '.join(sorted(EXTENSIONS))}")
        yield from ((path / name, name) for name in names)


def _suffix(photo: Path) -> str:
    return photo.suffix if photo.suffix.lower() in OUTPUT_FORMATS else ".png"


def _refuse_clashes(jobs: Sequence[ColorizeTask]) -> None:
    photos = {job.photo.resolve(): job.photo for job in jobs}
    same = {(state.st_dev, state.st_ino) for photo in photos if (state := _state(photo))}
    written: dict[Path, Path] = {}
    for job in jobs:
        for file in filter(None, (job.output, job.comparison)):
            state = _state(file)
            if file.resolve() in photos or (state and (state.st_dev, state.st_ino) in same):
                raise ValueError(f"{file}: is a photo that is to be colored; type another -o, which keeps it")
            first = written.setdefault(file.resolve(), job.photo)
            if first.resolve() != job.photo.resolve():
                raise ValueError(
                    f"{first} and {job.photo} would both be written to {file}; color them one by one, or rename one"
                )


def _state(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
