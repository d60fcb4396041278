"""Parse one override of the command line, `key=value`, by Hydra's grammar; paths need no quotes."""

from __future__ import annotations

import re

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import OverrideParseException

from chromahint.config.errors import ConfigError
from chromahint.ranges import shown

_PLAIN = re.compile(r"([\w.@/+~-]+)=([^\[{('\"].*)")


def parse_override(text: str) -> Override:
    """Parse an override. A plain value that Hydra's grammar rejects, such as ~/photos/été, is taken as text.

    Raises:
        ConfigError: it is not `key=value`, brackets or quotes are left open, or a number has thousands of digits.
    """
    for candidate in (text, _quoted(text)):
        try:
            return OverridesParser.create().parse_overrides([candidate])[0]
        except OverrideParseException:
            continue
        except ValueError:  # Python reads integers of up to 4,300 digits
            raise ConfigError(f"{shown(text)}: the number has too many digits. Pass a smaller one.") from None
    raise ConfigError(
        f"{text!r}: can't be parsed. Write key=value, such as model=unet or data.batch_size=4; "
        "put values with spaces, brackets or commas in quotes: 'key=\"a, b\"'."
    )


def _quoted(text: str) -> str:
    plain = _PLAIN.fullmatch(text)
    if not plain:
        return text
    escaped = [re.sub(r"(\\*)'", r"\1\1\\'", value) for value in plain[2].split(",")]
    return f"{plain[1]}={','.join(chr(39) + value + chr(39) for value in escaped)}"
