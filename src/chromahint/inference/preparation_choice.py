"""What `chromahint colorize --prepare` asks for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from chromahint.images.image_file import ImageFile
from chromahint.images.preparation.prepare import STEPS, automatic, choose_steps, prepare
from chromahint.images.preparation.settings import parse_preparation

Prepare = Callable[[ImageFile], ImageFile]
"""Prepares a scan for coloring."""
AUTOMATIC = "auto"


def preparation_of(choice: str | None) -> Prepare:
    """Return what prepares each scan.

    Args:
        choice: `auto`, names of steps with commas between them, a JSON file of settings, or None for nothing.

    Raises:
        ValueError: The choice is none of these.
    """
    if choice is None:
        return lambda image: image
    if choice == AUTOMATIC:
        return lambda image: prepare(image, automatic(image))
    if choice.endswith(".json"):
        settings = parse_preparation(_read_json(choice))
        return lambda image: prepare(image, settings)
    steps = choice.split(",")
    for step in steps:
        if step not in STEPS:
            raise ValueError(
                f"--prepare {choice}: {step:.40} is no step. Use auto, some of {', '.join(STEPS)}, or a .json file."
            )
    return lambda image: prepare(image, choose_steps(image, steps))


def _read_json(path: str) -> object:
    try:
        return json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"--prepare {path}: cannot be read ({error.strerror}). Pass the path of a file.") from None
    except ValueError:
        raise ValueError(f"--prepare {path}: not valid JSON.") from None
