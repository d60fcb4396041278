"""The project folder: photos, and one session file for each. It is kept until a person deletes it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from filelock import FileLock

from chromahint.atomic_write import atomic_write
from chromahint.images.decode import read_bytes
from chromahint.studio.photo_facts import PhotoFacts, facts_of
from chromahint.studio.project_files import ADDED, MAX_PHOTOS, SESSIONS, find_photos, safe_name
from chromahint.studio.session_content import fitted, parse_work
from chromahint.studio.session_files import SessionFiles, modified

THUMBNAILS, LOCK = ".thumbnails", ".lock"
"""Names in a project folder: a cache, and what excludes another studio while something is written."""
_LOCK_SECONDS = 20


class ConflictError(Exception):
    """A session was changed by somebody else."""

    def __init__(self, revision: int) -> None:
        super().__init__(revision)
        self.revision = revision


class Project:
    """A folder of photos and the work on them.

    Photos have a key, which is a hash of their path in the folder: paths are never taken from requests.

    Args:
        root: The folder. It is created when something is saved.
        limits: The largest total size of the files below each of some folders, in bytes.
    """

    def __init__(self, root: Path, limits: Mapping[Path, int] | None = None) -> None:
        self.root = root
        self._limits = limits or {}
        self._facts = PhotoFacts()
        self._paths: dict[str, Path] = {}
        self._sessions = SessionFiles(root / SESSIONS)
        self._lock = threading.Lock()

    def photos(self) -> list[dict[str, Any]]:
        """List the photos: those in the folder by name, and those that were opened on the page as they came."""
        with self._lock:
            self._paths = {_key(path): path for path in find_photos(self.root)}
            paths = dict(self._paths)
        return [self._entry(key, path) for key, path in paths.items()]

    def entry(self, key: str) -> dict[str, Any]:
        """Describe one photo.

        Raises:
            KeyError: The key is unknown, or the photo is gone.
        """
        return self._entry(key, self._path(key))

    def file(self, key: str) -> Path:
        """Return the file of a photo.

        Raises:
            KeyError: The key is unknown, or the photo is gone.
        """
        return self.root / self._path(key)

    def add(self, data: bytes, name: str) -> dict[str, Any]:
        """Add a photo, unless the same one was added before.

        Raises:
            ValueError: It is not a photo, or there are too many.
        """
        facts = facts_of(data, name)
        with self._locked():
            paths = list(find_photos(self.root))
            same_length = (path for path in paths if (self.root / path).stat().st_size == len(data))
            path = next((path for path in same_length if self._facts.of(self.root / path) == facts), None)
            path = path or self._add(data, safe_name(name), len(paths))
        return self._entry(_key(path), path)

    def session(self, key: str) -> dict[str, Any]:
        """Return the session of a photo.

        Raises:
            KeyError: The key is unknown, or the photo is gone.
            ValueError: The session file is damaged.
        """
        path = self._path(key)
        return fitted(self._sessions.read(path), self._facts.of(self.root / path).size)

    def save(self, key: str, text: bytes, revision: int) -> int:
        """Save the work on a photo; returns the new revision.

        Args:
            key: The photo.
            text: JSON object of the fields that `parse_work` accepts.
            revision: The revision that the work is based on.

        Raises:
            ConflictError: The session has another revision; nothing is saved.
            KeyError: The key is unknown, or the photo is gone.
            ValueError: The work is not valid.
        """
        path = self._path(key)
        facts = self._facts.of(self.root / path)
        work = parse_work(text, *facts.size)
        with self._locked():
            current: int = self._sessions.read(path)["revision"]
            if current != revision:
                raise ConflictError(current)
            self._check_bytes(len(text))
            self._sessions.write(path, {**work, "revision": current + 1}, facts)
        return current + 1

    def update(self, key: str, change: Callable[[dict[str, Any], tuple[int, int]], Mapping[str, Any]]) -> int:
        """Change fields of a session, whatever its revision is; returns the new revision.

        Args:
            key: The photo.
            change: Returns the fields to change, given the session, and the photo's height and width.
        """
        path = self._path(key)
        facts = self._facts.of(self.root / path)
        with self._locked():
            session = fitted(self._sessions.read(path), facts.size)
            revision: int = session["revision"] + 1
            changed = {**session, **change(session, facts.size), "revision": revision}
            self._check_bytes(0)
            self._sessions.write(path, changed, facts)
        return revision

    def copy(self, key: str, text: bytes) -> dict[str, Any]:
        """Add a copy of a photo, with work of its own."""
        path = self._path(key)
        parse_work(text, *self._facts.of(self.root / path).size)
        data = read_bytes(self.root / path)
        with self._locked():
            copy = self._add(data, path.name, sum(1 for _ in find_photos(self.root)))
        self.save(_key(copy), text, 0)
        return self._entry(_key(copy), copy)

    def delete(self, key: str) -> None:
        """Delete the work on a photo, and the photo itself if the page added it."""
        path = self._path(key)
        with self._locked():
            self._sessions.file(path).unlink(missing_ok=True)
            self.thumbnail_file(key).unlink(missing_ok=True)
            if path.parts[0] == ADDED:
                (self.root / path).unlink(missing_ok=True)
                self._paths.pop(key, None)

    def thumbnail_file(self, key: str) -> Path:
        """Return where the thumbnail of a photo is cached."""
        return self.root / THUMBNAILS / f"{key}.jpg"

    def keep_thumbnail(self, key: str, data: bytes, time: int) -> None:
        """Cache the thumbnail of a photo.

        Args:
            key: The photo.
            data: The thumbnail.
            time: Before the photo and its session were read, in nanoseconds: they may have changed since.
        """
        file = self.thumbnail_file(key)
        with atomic_write(file) as opened:
            opened.write(data)
        os.utime(file, ns=(time, time))

    def thumbnail_is_current(self, key: str) -> bool:
        """Whether the thumbnail is newer than the photo and its session."""
        path = self._path(key)
        sources = [modified(self.root / path), modified(self._sessions.file(path))]
        return modified(self.thumbnail_file(key)) > max(sources)

    def _path(self, key: str) -> Path:
        with self._lock:
            path = self._paths.get(key)
            if path is None:
                self._paths = {_key(each): each for each in find_photos(self.root)}
                path = self._paths.get(key)
        if path is None or not (self.root / path).is_file():
            raise KeyError("photo: no longer in the project folder.")
        return path

    def _entry(self, key: str, path: Path) -> dict[str, Any]:
        return {"key": key, "name": path.name, "added": path.parts[0] == ADDED, **self._sessions.summary(path)}

    def _add(self, data: bytes, name: str, count: int) -> Path:
        """Add a photo to those that are there; returns its path."""
        if count >= MAX_PHOTOS:
            raise ValueError(f"{count:,} photos: a project holds at most {MAX_PHOTOS:,}. Delete some first.")
        self._check_bytes(len(data))
        path = self._free_path(name)
        with atomic_write(self.root / path) as file:
            file.write(data)
        self._paths[_key(path)] = path
        return path

    def _check_bytes(self, size: int) -> None:
        """Check that there is room for a file in each of the limited folders."""
        for folder, max_bytes in self._limits.items():
            total = size + sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            if total > max_bytes:
                raise ValueError(
                    f"The photos here would take {total / 2**20:,.0f} MB: at most {max_bytes // 2**20:,} MB are kept. "
                    "Delete some first."
                )

    def _free_path(self, name: str) -> Path:
        """Return where to add a photo: under its own name, or with a number if that is taken."""
        names = (name, *(f"{Path(name).stem} ({n}){Path(name).suffix}" for n in range(2, MAX_PHOTOS + 2)))
        paths = (Path(ADDED, each) for each in names)
        return next(p for p in paths if not (self.root / p).exists() and not self._sessions.file(p).exists())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Exclude other threads and other studios on the same folder."""
        self.root.mkdir(parents=True, exist_ok=True)
        with self._lock, FileLock(self.root / LOCK, timeout=_LOCK_SECONDS):
            yield


def _key(path: Path) -> str:
    return blake2b(path.as_posix().encode(), digest_size=8).hexdigest()
