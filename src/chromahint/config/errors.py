"""The error that `chromahint.config` raises for a user's mistake, and what its message suggests."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


class ConfigError(ValueError):
    """An invalid choice or value. The message says what was given, what is allowed, and what to type."""


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Suggest the closest known word, as a sentence to append to a message; empty if none is close.

    >>> did_you_mean("hscunet", ["hscaunet", "unet"])
    ' Did you mean hscaunet?'
    """
    near = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""
