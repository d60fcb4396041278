"""Parameters of requests, and settings of sessions, that say how the colors of a network are used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chromahint.inference.look import REACHES, Look
from chromahint.studio.model_list import BASELINE_MODELS


def parse_look(query: Mapping[str, Any]) -> Look:
    """Parse `strength`, in percent, and `reach`.

    Raises:
        ValueError: One of them is unknown or out of range. The message names it.
    """
    strength, reach = str(query.get("strength", 100)), query.get("reach", "whole")
    if not re.fullmatch("[0-9]{1,2}|100", strength):
        raise ValueError(f"strength={strength:.20}: must be an integer from 0 to 100.")
    if reach not in REACHES:
        raise ValueError(f"reach={reach!s:.20}: must be one of {', '.join(REACHES)}.")
    return Look(int(strength) / 100, reach)


def fitting_look(look: Look, model: str) -> Look:
    """Return a look that suits a model: classic methods leave a photo gray where no hint is near."""
    return look._replace(reach="whole") if model in BASELINE_MODELS else look
