"""The error that `chromahint.config` raises for a user's mistake, and what its message suggests."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


class ConfigError(ValueError):
    """An invalid choice or value. The message says what was given, what is allowed, and what to type."""


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Suggest the closest known word, whatever its case, as a sentence to append to a message; empty if none is close.

    >>> did_you_mean("HSCUNet", ["hscaunet", "unet"])
    ' Did you mean hscaunet?'
    """
    near = difflib.get_close_matches(word.lower(), [each.lower() for each in known], n=1)
    return next((f" Did you mean {each}?" for each in known if near and each.lower() == near[0]), "")
