"""Reads and writes the session files of a project, one for each photo."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chromahint.atomic_write import atomic_write
from chromahint.studio.photo_facts import Facts
from chromahint.studio.session_content import NO_WORK, read_session, session_text


class SessionFiles:
    """The session files of a project, by the paths of their photos.

    Args:
        folder: Folder of the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._summaries: dict[Path, tuple[tuple[int, int], dict[str, Any]]] = {}

    def file(self, photo: Path) -> Path:
        """Return the session file of a photo, given its path in the project."""
        return self._folder / photo.with_name(f"{photo.name}.json")

    def read(self, photo: Path) -> dict[str, Any]:
        """Return the session of a photo; that of a photo without one has the revision 0.

        Raises:
            ValueError: The session file is damaged.
        """
        file = self.file(photo)
        if not file.is_file():
            return dict(NO_WORK)
        try:
            return read_session(file.read_bytes())
        except ValueError as error:
            raise ValueError(f"{file}: {error} Move it away to start anew.") from None

    def write(self, photo: Path, session: Mapping[str, Any], facts: Facts) -> None:
        """Write the session of a photo.

        Args:
            photo: Path of the photo in the project.
            session: Fields of the session.
            facts: What is known of the photo's file.
        """
        saved = datetime.now(UTC).isoformat(timespec="milliseconds")
        with atomic_write(self.file(photo)) as file:
            file.write(session_text({**session, "saved": saved}, {"name": photo.name, **facts._asdict()}))

    def summary(self, photo: Path) -> dict[str, Any]:
        """Summarize the session of a photo; a file is not parsed again unless it has changed."""
        try:
            state = self.file(photo).stat()
        except OSError:
            return _summarize(NO_WORK)
        version = state.st_mtime_ns, state.st_size
        known = self._summaries.get(photo)
        if known is not None and known[0] == version:
            return known[1]
        try:
            summary = _summarize(self.read(photo))
        except ValueError:
            summary = _summarize(NO_WORK)
        self._summaries[photo] = version, summary
        return summary


def modified(file: Path) -> int:
    """Return when a file was changed; 0 if it does not exist."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _summarize(session: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the album shows of a session."""
    hints = session["hints"]
    count = sum(len(hints.get(kind, [])) for kind in ("points", "strokes"))
    return {
        "revision": session["revision"],
        "saved": session["saved"],
        "done": session["done"] is True,
        "count": count,
        "blake2b": session.get("photo", {}).get("blake2b"),
        "parts": [
            *(["points"] if count else []),
            *(["palette"] if hints.get("palette") else []),
            *(["preparation"] if session["preparation"] else []),
        ],
    }
