"""Where files are cached that can be made or downloaded again."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Return the cache folder: $CHROMAHINT_CACHE, or `chromahint` in the user's cache folder."""
    if folder := os.environ.get("CHROMAHINT_CACHE"):
        return Path(folder).expanduser()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "chromahint"
    if sys.platform == "win32" and (base := os.environ.get("LOCALAPPDATA")):
        return Path(base) / "chromahint" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "chromahint"
    return Path.home() / ".cache" / "chromahint"
