"""Copies the work on one photo to others, of any size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chromahint.hints.annotations import Annotations
from chromahint.hints.hint_file import format_hints
from chromahint.studio.annotation_limits import check_limits
from chromahint.studio.project import Project
from chromahint.studio.selection import parse_keys
from chromahint.studio.session_content import hints_of

PARTS = ("points", "palette", "preparation")


def copy_work(project: Project, key: str, body: bytes) -> int:
    """Copy parts of the work on a photo to others; returns how many were changed.

    Args:
        project: The project.
        key: The photo to copy from.
        body: JSON object with the keys of the other `photos` and the `parts` to copy.

    Raises:
        ValueError: The request is not valid, or the points don't fit one of the photos.
    """
    fields, targets = parse_keys(body)
    parts = fields.get("parts")
    if not isinstance(parts, list) or not parts or not all(part in PARTS for part in parts):
        raise ValueError(f"parts: must be a list of {', '.join(PARTS)}.")
    source = project.session(key)
    if source["revision"] == 0:
        raise ValueError("There is no work on this photo yet.")
    photo = source["photo"]
    hints, photo_size = hints_of(source), (photo["height"], photo["width"])
    targets = [target for target in targets if target != key]
    for target in targets:
        project.update(
            target, lambda session, size: _changes(session, size, source, hints.resized(photo_size, size), parts)
        )
    return len(targets)


def _changes(
    session: dict[str, Any], size: tuple[int, int], source: dict[str, Any], hints: Annotations, parts: list[str]
) -> dict[str, Any]:
    """Return the fields of a session that change; undo brings its own points back."""
    own = hints_of(session).resized(size, size)
    mixed = replace(hints if "points" in parts else own, palette=(hints if "palette" in parts else own).palette)
    check_limits(mixed, *size)
    changes: dict[str, Any] = {"preparation": source["preparation"]} if "preparation" in parts else {}
    if mixed != own:
        changes["hints"] = format_hints(mixed)
        changes["history"] = _with_undo(session["history"], format_hints(own))
    return changes


def _with_undo(history: dict[str, Any], hints: dict[str, Any]) -> dict[str, Any]:
    """Return a history whose last state is that of a hint file."""
    marks = {kind: [*history["marks"][kind], *hints.get(kind, [])] for kind in ("points", "strokes")}
    state: dict[str, Any] = {kind: list(range(len(history["marks"][kind]), len(marks[kind]))) for kind in marks}
    past = [*history["past"], {**state, "palette": hints.get("palette", [])}]
    return {"marks": marks, "past": past, "future": []}
