"""The open photos: kept in memory, within limits."""

from __future__ import annotations

import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from chromahint.images.preparation.settings import Preparation
from chromahint.studio.photo import Photo

_MAX_PHOTOS = 32
_MAX_PIXELS = 100_000_000
"""Total of all open photos. A single photo of this size takes about a gigabyte."""


class OpenPhotos:
    """Keeps photos by id. If there are too many, it closes those that have not been used for longest.

    The same photo always has the same id, so that browsers keep its pictures. Nobody can guess an id who knows only the
    hash of a photo, which is in hint files.
    """

    def __init__(self) -> None:
        self._photos: OrderedDict[str, Photo] = OrderedDict()
        self._lock = threading.Lock()
        self._key = secrets.token_bytes(32)

    def open(self, digest: str, name: str, preparation: Preparation, decode: Callable[[], Photo]) -> dict[str, Any]:
        """Keep a photo open; return its id and `Photo.info`.

        Args:
            digest: hash of its file.
            name: file name.
            preparation: what is done with the scan.
            decode: reads the photo, if it is not open yet.
        """
        content = json.dumps([digest, name, repr(preparation)]).encode()
        photo_id = blake2b(content, key=self._key, digest_size=12).hexdigest()
        with self._lock:
            photo = self._photos.get(photo_id)
        if photo is None:
            photo = decode()
        with self._lock:
            photo = self._photos.setdefault(photo_id, photo)
            self._photos.move_to_end(photo_id)
            while len(self._photos) > 1 and self._is_full():
                self._photos.popitem(last=False)
        return {"id": photo_id, **photo.info()}

    def get(self, photo_id: str) -> Photo:
        """Return an open photo and mark it as the most recently used.

        Raises:
            KeyError: the photo is not open.
        """
        with self._lock:
            if photo_id not in self._photos:
                raise KeyError("photo: no longer open. Open it again.")
            self._photos.move_to_end(photo_id)
            return self._photos[photo_id]

    def _is_full(self) -> bool:
        pixels = sum(photo.num_pixels for photo in self._photos.values())
        return len(self._photos) > _MAX_PHOTOS or pixels > _MAX_PIXELS
