"""Parses requests about several photos of a project."""

from __future__ import annotations

import json
from typing import Any

MAX_SELECTION_BYTES = 256 * 2**10


def parse_keys(body: bytes) -> tuple[dict[str, Any], list[str]]:
    """Parse a request about several photos; returns its fields, and the keys in the field `photos`.

    Raises:
        ValueError: It is not a JSON object with a list of keys.
    """
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("not valid JSON. Send an object with a list of photos.") from None
    keys = fields.get("photos") if isinstance(fields, dict) else None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
        raise ValueError("photos: must be a list of keys of photos.")
    return fields, list(dict.fromkeys(keys))
