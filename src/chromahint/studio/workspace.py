"""The photos that are open and the networks that color them: all that needs torch, in memory and bounded."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from chromahint.hints.annotations import Annotations
from chromahint.hints.hint_file import parse_hints
from chromahint.images.decode import read_bytes
from chromahint.images.image_file import WRITTEN, encode_picture
from chromahint.inference.colorizer import Colorizer
from chromahint.inference.session import CachedEncoder, Session
from chromahint.studio.model_list import PREVIEW_SIZES, ModelList
from chromahint.studio.photo import Photo
from chromahint.studio.samples import sample_file

_MOST_PHOTOS = 4
_MOST_PIXELS = 100_000_000
"""Of all open photos together; a photo of that size needs about a gigabyte."""
_MOST_MARKS = 5000
_MOST_LOADED = 6
"""Networks; those that were not asked for long are put away."""
_STEPS = 64
"""Steps of a Lab unit that colors are sent in, as 16-bit numbers."""


class RawTensor(NamedTuple):
    """Numbers of a picture as bytes, in the order of this machine, which is the browser's too.

    Attributes:
        data: of all its channels, one after the other.
        height: in pixels.
        width: in pixels.
        psnr: in dB, of a photo that was in color.
    """

    data: bytes
    height: int
    width: int
    psnr: float | None = None


class Workspace:
    """Opens photos and colors them.

    Args:
        choices: the networks, by keys.
        device: that they run on.
    """

    def __init__(self, choices: ModelList, device: str) -> None:
        self._choices = choices
        self._device = device
        self._colorizers: OrderedDict[str, Colorizer] = OrderedDict()
        self._photos: OrderedDict[str, Photo] = OrderedDict()
        # torch uses all cores for one picture: a second at the same time would only delay the first
        self._one = threading.Lock()
        self._one_full = threading.Lock()
        self._one_opened = threading.Lock()
        self._books = threading.Lock()

    def warm_up(self) -> None:
        """Load what colors first; what is wrong with it is said when it is asked for."""
        with self._one:
            try:
                self._colorizer(self._choices.first)
            except ValueError:
                return

    def open(self, data: bytes, name: str) -> dict[str, Any]:
        """Take a photo's bytes; what the page needs to know of it comes back."""
        with self._one_opened:
            photo = Photo(data, name)
        key = secrets.token_urlsafe(12)
        with self._books:
            self._photos[key] = photo
            while len(self._photos) > 1 and self._is_full():
                self._photos.popitem(last=False)
        return {"id": key, **photo.about()}

    def open_sample(self, name: str) -> dict[str, Any]:
        """Open one of the photos in scikit-image's wheel."""
        file = sample_file(name)
        return self.open(read_bytes(file), file.name)

    def open_file(self, path: Path) -> dict[str, Any]:
        """Open the file that the person at this machine has named."""
        return self.open(read_bytes(path), path.name)

    def photo(self, key: str) -> Photo:
        """An open photo, which is then the last to be put away."""
        with self._books:
            if key not in self._photos:
                raise KeyError("this photo is not open any more; open it again")
            self._photos.move_to_end(key)
            return self._photos[key]

    def seen(self, key: str, model: str, size: str) -> RawTensor:
        """Lightness 0..100 as float32, as the network sees it."""
        photo = self.photo(key)
        with self._one:
            session = self._session(photo, model)
            small = session.network_input(_size(session, size)).cpu()
        return RawTensor(small.numpy().tobytes(), small.shape[-2], small.shape[-1])

    def colors(self, key: str, model: str, size: str, hints: bytes) -> RawTensor:
        """Channels a and b as the network gives them for hints, 16-bit, 64 steps to a Lab unit."""
        photo, marks = self.photo(key), _marks(hints)
        with self._one:
            session = self._session(photo, model)
            wanted = _size(session, size)
            # hundreds of small steps: to hand each to all cores takes longer than to do it, and the browser wants one
            is_in_small_steps = size != "fine" and isinstance(session.network, CachedEncoder)
            with _threads(1) if is_in_small_steps else nullcontext():
                ab = session.colorize_small(marks, wanted).cpu()
            psnr = photo.psnr(session.network_input(wanted).cpu(), ab) if size == "fine" else None
        data = (ab * _STEPS).round().clamp(-32768, 32767).to(torch.int16).numpy()
        return RawTensor(np.ascontiguousarray(data).tobytes(), ab.shape[-2], ab.shape[-1], psnr)

    def read_session(self, key: str, text: bytes) -> dict[str, Any]:
        """Read a hint file for a photo: marks in its pixels, colors as #rrggbb, None where it is to stay gray."""
        photo, marks = self.photo(key), _marks(text)
        height, width = photo.size
        marks.rasterize(height, width)  # says which mark lies outside
        longer = max(width, height) if marks.units == "relative" else 1

        def place(x: float, y: float) -> tuple[float, float]:
            if marks.units == "relative":
                x, y = x * width - 0.5, y * height - 0.5
            return min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)

        return {
            "points": [
                {"place": place(point.x, point.y), "color": point.color, "radius": point.radius * longer}
                for point in marks.points
            ],
            "strokes": [
                {"path": [place(*at) for at in each.points], "color": each.color, "radius": each.radius * longer}
                for each in marks.strokes
            ],
        }

    def full(self, key: str, model: str, suffix: str, hints: bytes) -> bytes:
        """The colored photo as a file, as `chromahint colorize` would write it."""
        if suffix not in WRITTEN:
            raise ValueError(f"kind={suffix:.20}: no picture is written so; allowed are {', '.join(WRITTEN)}")
        photo, marks = self.photo(key), _marks(hints)
        with self._one_full:
            with self._one:
                session = self._session(photo, model)
            session.colorize_full(marks)
            return encode_picture(photo.picture.colored(photo.filled()), suffix)

    def suggest(self, key: str, model: str, x: int, y: int, hints: bytes) -> list[str]:
        """Colors for a pixel, the likeliest first; none from a network that has no classes of colors."""
        photo, marks = self.photo(key), _marks(hints)
        with self._one:
            colorizer = self._colorizer(model)
            if not colorizer.suggests:
                return []
            session = self._session(photo, model)
            return [each.color for each in colorizer.suggest_in(session, x, y, marks)]

    def _is_full(self) -> bool:
        pixels = sum(photo.size[0] * photo.size[1] for photo in self._photos.values())
        return len(self._photos) > _MOST_PHOTOS or pixels > _MOST_PIXELS

    def _colorizer(self, model: str) -> Colorizer:
        source = self._choices.source(model)
        if model not in self._colorizers:
            self._colorizers[model] = Colorizer.load(source, device=self._device)
        self._colorizers.move_to_end(model)
        while len(self._colorizers) > _MOST_LOADED:
            self._colorizers.popitem(last=False)
        return self._colorizers[model]

    def _session(self, photo: Photo, model: str) -> Session:
        return photo.session(model, self._colorizer(model))


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let torch use so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _marks(hints: bytes) -> Annotations:
    marks = parse_hints(hints.decode("utf-8"))
    if len(marks.points) + len(marks.strokes) > _MOST_MARKS:
        raise ValueError(f"more than {_MOST_MARKS:,} points and strokes; color such photos with `chromahint colorize`")
    return marks


def _size(session: Session, size: str) -> int:
    if size == "fine":
        return session.size
    if size not in map(str, PREVIEW_SIZES):
        raise ValueError(f"size={size:.20}: is fine, or one of {', '.join(map(str, PREVIEW_SIZES))}")
    return session.size if session.square else min(int(size), session.size)
