"""Colors the open photos with the loaded models. Everything is kept in memory, within limits."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from chromahint.hints.annotations import Annotations, Polyline
from chromahint.hints.hint_file import format_hints, parse_hints
from chromahint.images.decode import decode_rgb, read_bytes
from chromahint.images.preparation.settings import Preparation, parse_preparation
from chromahint.inference.colorizer import Colorizer
from chromahint.inference.hint_sources import palette_of_image
from chromahint.inference.look import Look
from chromahint.inference.session import DEFAULT_LOOK, CachedEncoder, Session, takes_palette
from chromahint.studio.annotation_limits import check_limits
from chromahint.studio.hand_off import HandOff, encode_hand_off
from chromahint.studio.kept_photos import color_file, color_thumbnail
from chromahint.studio.look_query import fitting_look
from chromahint.studio.model_list import PREVIEW_SIZES, ModelList
from chromahint.studio.open_photos import OpenPhotos
from chromahint.studio.photo import MAX_PHOTO_PIXELS, Photo
from chromahint.studio.photo_facts import file_digest
from chromahint.studio.samples import sample_file
from chromahint.studio.session_content import model_of

NATIVE_SIZE = "native"
"""The size of the network input that suits the network, in contrast to `PREVIEW_SIZES`."""
_MAX_MODELS = 6
_NEXT_PLACES = 5
_PALETTE_SIZE = 5
"""Colors that are taken from a picture."""
AB_STEPS = 64
"""Colors are sent as 16-bit integers, this many steps per Lab unit."""


class RawTensor(NamedTuple):
    """A tensor as bytes, in native byte order, which is also that of the browser.

    Attributes:
        data: its channels, one after the other.
        height: in pixels.
        width: in pixels.
        psnr: in dB, if the photo has colors to compare with.
    """

    data: bytes
    height: int
    width: int
    psnr: float | None = None


class Workspace:
    """Opens photos and colors them.

    Args:
        models: the models to choose from.
        device: device to run them on.
    """

    def __init__(self, models: ModelList, device: str) -> None:
        self._models = models
        self._device = device
        self._colorizers: OrderedDict[str, Colorizer] = OrderedDict()
        self._photos = OpenPhotos()
        # torch uses all cores for one image: running two at a time would only delay the first
        self._network_lock = threading.Lock()
        self._download_lock = threading.Lock()
        self._decode_lock = threading.Lock()

    def warm_up(self) -> None:
        """Load the default model. Errors are reported when it is first used."""
        with self._network_lock:
            try:
                self._colorizer(self._models.default_key)
            except ValueError:
                return

    def open_photo(self, data: bytes, name: str) -> dict[str, Any]:
        """Open the contents of an image file; return the photo's id and `Photo.info`."""
        digest = file_digest(data)

        def decode() -> Photo:
            with self._decode_lock:
                return Photo.decode(data, name, digest)

        return self._photos.open(digest, name, Preparation(), decode)

    def prepare_photo(self, photo_id: str, settings: bytes) -> dict[str, Any]:
        """Prepare the scan of an open photo; return the id and `Photo.info` of the result. The photo stays open.

        Args:
            photo_id: the photo, prepared in whatever way.
            settings: JSON object (see `parse_preparation`).
        """
        preparation = _parse_preparation(settings)
        photo = self.photo(photo_id)

        def prepare() -> Photo:
            with self._decode_lock:
                return photo.prepared(preparation)

        return self._photos.open(photo.digest, photo.name, preparation, prepare)

    def automatic_preparation(self, photo_id: str) -> dict[str, Any]:
        """Return settings that put right what is wrong with the scan of a photo."""
        photo = self.photo(photo_id)
        with self._decode_lock:
            return photo.automatic_preparation()

    def open_sample(self, name: str) -> dict[str, Any]:
        """Open a sample photo."""
        file = sample_file(name)
        return self.open_photo(read_bytes(file), file.name)

    def open_file(self, path: Path) -> dict[str, Any]:
        """Open the photo given on the command line."""
        return self.open_photo(read_bytes(path), path.name)

    def photo(self, photo_id: str) -> Photo:
        """Return an open photo; a KeyError says that it is not open."""
        return self._photos.get(photo_id)

    def network_input(self, photo_id: str, model: str, size: str) -> RawTensor:
        """Return the lightness that a network sees: float32 in 0..100."""
        photo = self.photo(photo_id)
        with self._network_lock:
            session = self._session(photo, model)
            lightness = session.network_input(_parse_size(session, size)).cpu()
        return RawTensor(lightness.numpy().tobytes(), lightness.shape[-2], lightness.shape[-1])

    def colors(self, photo_id: str, model: str, size: str, hints: bytes, look: Look = DEFAULT_LOOK) -> RawTensor:
        """Color the network input: channels a and b as int16, `AB_STEPS` per Lab unit."""
        photo = self.photo(photo_id)
        annotations = photo.framed(_parse_annotations(hints, photo))
        with self._network_lock:
            session = self._session(photo, model)
            annotations = _supported(annotations, session)
            pixels = _parse_size(session, size)
            # a preview takes hundreds of tiny operations: distributing each over all cores takes longer than running
            # it on one, and the browser needs a core too
            is_cached_preview = size != NATIVE_SIZE and isinstance(session.network, CachedEncoder)
            with _num_threads(1) if is_cached_preview else nullcontext():
                ab = session.colorize_small(annotations, pixels, fitting_look(look, model)).cpu()
            psnr = photo.psnr(session.network_input(pixels).cpu(), ab) if size == NATIVE_SIZE else None
        data = (ab * AB_STEPS).round().clamp(-32768, 32767).to(torch.int16).numpy()
        return RawTensor(np.ascontiguousarray(data).tobytes(), ab.shape[-2], ab.shape[-1], psnr)

    def parse_hint_file(self, photo_id: str, text: bytes) -> dict[str, Any]:
        """Return the content of a hint file in the newest format, in pixels of the scan of a photo."""
        photo = self.photo(photo_id)
        annotations = _parse_annotations(text, photo)
        annotations.rasterize(*photo.scan_size)  # raises an error if an annotation lies outside
        annotations = annotations.resized(photo.scan_size, photo.scan_size)
        return format_hints(annotations)

    def palette(self, data: bytes) -> list[dict[str, Any]]:
        """Return the main colors of an image file, the most frequent first, with their shares."""
        with self._decode_lock:
            image = decode_rgb(data, "The picture", max_pixels=MAX_PHOTO_PIXELS)
        return [each._asdict() for each in palette_of_image(image, _PALETTE_SIZE)]

    def render(self, photo_id: str, model: str, form: HandOff, hints: bytes, look: Look = DEFAULT_LOOK) -> bytes:
        """Color the photo at its full size and encode it, with the same result as `chromahint colorize`."""
        photo = self.photo(photo_id)
        annotations = photo.framed(_parse_annotations(hints, photo))
        with self._download_lock:
            with self._network_lock:
                session = self._session(photo, model)
                annotations = _supported(annotations, session)
            image, colored = photo.color_full(session, annotations, fitting_look(look, model), deep=form.bits == 16)
            return encode_hand_off(image, colored, form)

    def color_file(self, path: Path, session: Mapping[str, Any]) -> bytes:
        """Color a photo of a project at its full size, as an image file."""
        with self._download_lock:
            return color_file(path, session, self._colorizer_of(session))

    def color_thumbnail(self, path: Path, session: Mapping[str, Any]) -> bytes:
        """Color a small version of a photo of a project, as a JPEG file."""
        colorizer = self._colorizer_of(session)
        with self._network_lock:
            return color_thumbnail(path, session, colorizer)

    def suggest(self, photo_id: str, model: str, x: int, y: int, hints: bytes) -> list[str]:
        """Suggest colors for a pixel, the most likely first; empty if the network has no color classes."""
        photo = self.photo(photo_id)
        annotations = photo.framed(_parse_annotations(hints, photo))
        with self._network_lock:
            colorizer = self._colorizer(model)
            if not colorizer.supports_suggestions:
                return []
            session = self._session(photo, model)
            annotations = _supported(annotations, session)
            x, y = photo.to_picture(x, y)
            return [suggestion.color for suggestion in colorizer.suggest_in(session, x, y, annotations)]

    def parts(self, photo_id: str, model: str, x: int, y: int) -> list[Polyline]:
        """Return outlines of parts of a photo around a pixel of its scan, from small to large."""
        photo = self.photo(photo_id)
        x, y = photo.to_picture(x, y)
        if not (0 <= x < photo.size[1] and 0 <= y < photo.size[0]):
            raise ValueError(f"x={x}, y={y}: outside the photo.")
        with self._network_lock:
            session = self._session(photo, model)
            height, width = session.network_input().shape[-2:]
            parts = session.parts()
        outlines = parts.outlines_around(x * width // photo.size[1], y * height // photo.size[0])
        return [photo.outline_on_scan(outline, (height, width)) for outline in outlines]

    def where_next(self, photo_id: str, model: str, hints: bytes) -> list[dict[str, Any]]:
        """Return places where one more point helps most, the best first, each with a suggested color.

        Empty if the network can't tell.
        """
        photo = self.photo(photo_id)
        annotations = photo.framed(_parse_annotations(hints, photo))
        with self._network_lock:
            colorizer = self._colorizer(model)
            if not (colorizer.proposes_hints and colorizer.supports_suggestions):
                return []
            session = self._session(photo, model)
            annotations = _supported(annotations, session)
            places = []
            for x, y, _ in colorizer.where_next_in(session, annotations, _NEXT_PLACES):
                [best, *_] = colorizer.suggest_in(session, x, y, annotations)
                scan_x, scan_y = photo.to_scan(x, y)
                places.append({"x": scan_x, "y": scan_y, "color": best.color})
        return places

    def _colorizer(self, model: str) -> Colorizer:
        source = self._models.source(model)
        if model not in self._colorizers:
            self._colorizers[model] = Colorizer.load(source, device=self._device)
        self._colorizers.move_to_end(model)
        while len(self._colorizers) > _MAX_MODELS:
            self._colorizers.popitem(last=False)
        return self._colorizers[model]

    def _colorizer_of(self, session: Mapping[str, Any]) -> Colorizer:
        """Return the network that a session was saved with, or the default one if it is gone."""
        model = model_of(session)
        known = {choice["key"] for choice in self._models.choices()}
        with self._network_lock:
            return self._colorizer(model if model in known else self._models.default_key)

    def _session(self, photo: Photo, model: str) -> Session:
        return photo.session(model, self._colorizer(model))


@contextmanager
def _num_threads(count: int) -> Iterator[None]:
    """Limit the number of threads that torch uses."""
    previous = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(previous)


def _parse_preparation(text: bytes) -> Preparation:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("preparation: not valid JSON.") from None
    return parse_preparation(value)


def _parse_annotations(hints: bytes, photo: Photo) -> Annotations:
    annotations = parse_hints(hints)
    check_limits(annotations, *photo.scan_size)
    return annotations


def _supported(annotations: Annotations, session: Session) -> Annotations:
    """Leave out the palette if the network takes none: the page compares networks on the same hint file."""
    return annotations if takes_palette(session.network) else replace(annotations, palette=())


def _parse_size(session: Session, size: str) -> int:
    if size == NATIVE_SIZE:
        return session.size
    if size not in map(str, PREVIEW_SIZES):
        allowed = ", ".join(map(str, PREVIEW_SIZES))
        raise ValueError(f"size={size:.20}: must be {NATIVE_SIZE} or one of {allowed}.")
    return session.size if session.square else min(int(size), session.size)
