"""Session files: all of a person's work on one photo, as JSON, in the format `chromahint-session/1`.

Does not import torch until there is something to check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chromahint.hints.formats import HINT_FILE_FORMAT, SESSION_FORMAT

if TYPE_CHECKING:
    from chromahint.hints.annotations import Annotations

MAX_SESSION_BYTES = 8 * 2**20
_MAX_PREPARATION = 2 * 2**20
_MAX_SETTINGS = 16 * 2**10
_FIELDS = {"hints", "preparation", "settings", "history", "done"}
NO_WORK: Mapping[str, Any] = {
    "revision": 0,
    "saved": None,
    "hints": {"format": HINT_FILE_FORMAT},
    "preparation": {},
    "settings": {},
    "history": {"marks": {"points": [], "strokes": []}, "past": [], "future": []},
    "done": False,
}
"""The session of a photo that nobody has worked on."""


def parse_work(text: bytes, height: int, width: int) -> dict[str, Any]:
    """Check what a page sends to be saved: the fields of a session that a person changes.

    Args:
        text: JSON object; a field that is missing is empty.
        height: Height of the photo in pixels.
        width: Width of the photo in pixels.

    Raises:
        ValueError: A field is unknown, too large, or not valid.
    """
    from chromahint.images.preparation.settings import parse_preparation
    from chromahint.studio.annotation_limits import check_limits

    try:
        work = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("not valid JSON. Send the fields of a session.") from None
    if not isinstance(work, dict) or not work.keys() <= _FIELDS:
        raise ValueError(f"not a session: send a JSON object with the fields {', '.join(sorted(_FIELDS))}.")
    work = {name: NO_WORK[name] for name in _FIELDS} | work
    check_limits(hints_of(work), height, width)
    for name, limit in {"preparation": _MAX_PREPARATION, "settings": _MAX_SETTINGS}.items():
        if not isinstance(work[name], dict) or len(json.dumps(work[name])) > limit:
            raise ValueError(f"{name}: must be a JSON object of at most {limit // 1024:,} kB.")
    parse_preparation(work["preparation"])
    if not isinstance(work["done"], bool):
        raise ValueError("done: must be true or false.")
    _check_history(work["history"])
    return work


def hints_of(session: Mapping[str, Any]) -> Annotations:
    """Return the points and strokes of a session.

    Raises:
        ValueError: They are not valid.
    """
    from chromahint.hints.hint_file import parse_hints

    return parse_hints(json.dumps(session["hints"]))


def model_of(session: Mapping[str, Any]) -> str:
    """Return the key of the model that a session was colored with, or an empty string."""
    model = session["settings"].get("model")
    return model if isinstance(model, str) else ""


def session_text(session: Mapping[str, Any], photo: Mapping[str, Any]) -> bytes:
    """Return the text of a session file.

    Args:
        session: The fields of a session.
        photo: Name, hash, width, and height of the photo.
    """
    fields = {name: session[name] for name in NO_WORK}
    return (json.dumps({"format": SESSION_FORMAT, "photo": photo, **fields}, indent=1) + "\n").encode()


def read_session(text: bytes) -> dict[str, Any]:
    """Parse a session file; fields that are missing are those of `NO_WORK`.

    Raises:
        ValueError: It is not a session file.
    """
    try:
        session = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("not valid JSON.") from None
    if not isinstance(session, dict) or session.get("format") != SESSION_FORMAT:
        raise ValueError(f"not a session file in the format {SESSION_FORMAT}.")
    session = {**NO_WORK, **session}
    if not isinstance(session["revision"], int) or not isinstance(session["settings"], dict):
        raise ValueError("revision, settings: must be an integer and a JSON object.")
    for name in ("photo", "hints", "preparation", "history"):
        if not isinstance(session.get(name), dict):
            raise ValueError(f"{name}: must be a JSON object.")
    return session


def fitted(session: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """Return a session for a photo that was scanned again at another size: its points move along, its history ends.

    Args:
        session: The session.
        size: Height and width of the photo now.
    """
    photo = session.get("photo", {})
    saved_size = photo.get("height"), photo.get("width")
    if not all(isinstance(side, int) and side > 0 for side in saved_size) or saved_size == size:
        return session
    from chromahint.hints.hint_file import format_hints

    hints = format_hints(hints_of(session).resized(saved_size, size))
    return {**session, "hints": hints, "history": NO_WORK["history"]}


def _check_history(history: Any) -> None:
    """Check that a history lists states of the points and strokes, by their numbers among all marks."""
    if not isinstance(history, dict) or history.keys() != NO_WORK["history"].keys():
        raise ValueError("history: must be a JSON object with the fields marks, past, and future.")
    marks = history["marks"]
    if not isinstance(marks, dict) or not all(isinstance(marks.get(kind), list) for kind in ("points", "strokes")):
        raise ValueError("history.marks: must have lists of points and strokes.")
    for name in ("past", "future"):
        states = history[name]
        if not isinstance(states, list) or not all(isinstance(state, dict) for state in states):
            raise ValueError(f"history.{name}: must be a list of states.")
