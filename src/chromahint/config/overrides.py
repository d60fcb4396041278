"""Read one word of the command line, `key=value`, as Hydra understands it; and paths as people type them."""

from __future__ import annotations

import re

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import OverrideParseException

from chromahint.config.errors import ConfigError

_PLAIN = re.compile(r"([\w.@/+~-]+)=([^\[{('\"].*)")


def parse_override(text: str) -> Override:
    """Read an override; a plain value that Hydra's grammar has no room for, such as ~/photos/été, is taken as text.

    Raises:
        ConfigError: it is no `key=value`, or brackets or quotes are left open.
    """
    for candidate in (text, _quoted(text)):
        try:
            return OverridesParser.create().parse_overrides([candidate])[0]
        except OverrideParseException:
            continue
    raise ConfigError(
        f"cannot read {text!r}: write key=value, such as model=unet or data.batch_size=4; "
        "put values with spaces, brackets or commas in quotes: 'key=\"a, b\"'"
    )


def _quoted(text: str) -> str:
    plain = _PLAIN.fullmatch(text)
    if not plain:
        return text
    escaped = [re.sub(r"(\\*)'", r"\1\1\\'", value) for value in plain[2].split(",")]
    return f"{plain[1]}={','.join(chr(39) + value + chr(39) for value in escaped)}"
