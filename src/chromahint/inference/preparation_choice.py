"""What `chromahint colorize --prepare` asks for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from chromahint.hints.annotations import Annotations
from chromahint.hints.formats import SESSION_FORMAT
from chromahint.hints.framing import frame_annotations, frame_sparse_hints
from chromahint.hints.sparse_hints import SparseHints
from chromahint.images.image_file import ImageFile
from chromahint.images.preparation.framing import Frame, frame_matrix
from chromahint.images.preparation.prepare import STEPS, automatic, choose_steps
from chromahint.images.preparation.settings import Preparation, parse_preparation

ChoosePreparation = Callable[[ImageFile], Preparation]
"""Chooses what to do with a scan."""
AUTOMATIC = "auto"


def preparation_of(choice: str | None) -> ChoosePreparation:
    """Return what chooses the preparation of each scan.

    Args:
        choice: `auto`, names of steps with commas between them, a JSON file of settings, a session file, or None for
            nothing.

    Raises:
        ValueError: The choice is none of these.
    """
    if choice is None:
        return lambda image: Preparation()
    if choice == AUTOMATIC:
        return automatic
    if choice.endswith(".json"):
        settings = parse_preparation(_read_json(choice))
        return lambda image: settings
    steps = choice.split(",")
    for step in steps:
        if step not in STEPS:
            raise ValueError(
                f"--prepare {choice}: {step:.40} is no step. Use auto, some of {', '.join(STEPS)}, or a .json file."
            )
    return lambda image: choose_steps(image, steps)


def frame_hints(
    hints: Annotations | SparseHints | None, scan_size: tuple[int, int], preparation: Preparation
) -> Annotations | SparseHints | None:
    """Map hints from a scan to the prepared photo.

    Args:
        hints: Hints in pixels of the scan.
        scan_size: Its height and width.
        preparation: What is done with it.
    """
    if preparation.frame == Frame():
        return hints
    (width, height), matrix = frame_matrix(preparation.frame, *scan_size)
    if isinstance(hints, Annotations):
        return frame_annotations(hints, scan_size, matrix, (height, width))
    return hints if hints is None else frame_sparse_hints(hints, matrix, (height, width))


def _read_json(path: str) -> object:
    try:
        content = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"--prepare {path}: cannot be read ({error.strerror}). Pass the path of a file.") from None
    except ValueError:
        raise ValueError(f"--prepare {path}: not valid JSON.") from None
    is_session = isinstance(content, dict) and content.get("format") == SESSION_FORMAT
    return content.get("preparation") if is_session else content
