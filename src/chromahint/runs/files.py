"""Text and JSON files of a run, written atomically."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from chromahint.atomic_write import atomic_write


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_write(path) as file:
        file.write(text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write an indented JSON file atomically."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that contains a JSON object.

    Raises:
        ValueError: The file cannot be read or contains something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError):
        raise ValueError(f"{path}: not a valid JSON file.") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path}: must contain a JSON object.")
    return value


def file_hash(file: Path) -> str:
    """Return the 16-byte BLAKE2b digest of a file in hex, which identifies weights."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
