"""Signature of the config of a run, which tells the user's own runs from those of others.

The key is in the user's config folder, and never leaves it. A run from elsewhere has no valid signature.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path

KEY_FILE = "signature.key"
_KEY_BYTES = 32


def sign(content: bytes) -> str | None:
    """Return the signature of this user; None if the key can't be stored."""
    key = _read_key(create=True)
    return None if key is None else hmac.new(key, content, hashlib.sha256).hexdigest()


def is_signed(content: bytes, signature: object) -> bool:
    """Tell whether a signature is that of this user for this content."""
    key = _read_key(create=False)
    if key is None or not isinstance(signature, str):
        return False
    expected = hmac.new(key, content, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())


def config_folder() -> Path:
    """Return the folder of the user's settings: $CHROMAHINT_CONFIG, or `chromahint` in the user's config folder."""
    if folder := os.environ.get("CHROMAHINT_CONFIG"):
        return Path(folder).expanduser()
    base = os.environ.get("XDG_CONFIG_HOME") or os.environ.get("APPDATA")
    return (Path(base) if base else Path.home() / ".config") / "chromahint"


def _read_key(create: bool) -> bytes | None:
    file = config_folder() / KEY_FILE
    try:
        if create and not file.exists():
            _create_key(file)
        key = file.read_bytes()
    except OSError:
        return None
    return key if len(key) == _KEY_BYTES else None


def _create_key(file: Path) -> None:
    """Write a random key that only the user can read. Of several processes, the first one wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(secrets.token_bytes(_KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(temporary, file)
    finally:
        Path(temporary).unlink()
