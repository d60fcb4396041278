"""What a sweep tries: the values that each of its parameters may have, as they stand in its YAML file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chromahint.config.errors import ConfigError
from chromahint.config.overrides import parse_override

FORM = "a list of values, {low: , high: , log: true} for a range, or {NAME: [key=value, ...], ...}"


@dataclass(frozen=True)
class Choice:
    """One of several: what each is called -> the overrides it stands for."""

    words_of: Mapping[str, list[str]]

    def words(self, value: Any) -> list[str]:
        """The overrides of a value."""
        return self.words_of[value]

    def values(self) -> list[str] | None:
        """All that there is to try."""
        return list(self.words_of)

    def extremes(self) -> list[Any]:
        """The values to check before a sweep begins."""
        return list(self.words_of)

    def labeled(self, name: str) -> bool:
        """Whether its values are names that stand for overrides, and not what the key `name` is set to."""
        return any(words != [f"{name}={label}"] for label, words in self.words_of.items())


@dataclass(frozen=True)
class Range:
    """A number from `low` to `high`; whole where both are."""

    key: str
    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return all(isinstance(number, int) for number in (self.low, self.high, self.step or 1))

    def words(self, value: Any) -> list[str]:
        """The overrides of a value."""
        return [f"{self.key}={value!r}"]

    def values(self) -> list[Any] | None:
        """All that there is to try, where that is not without end."""
        step = self.step or (1 if self.whole else None)
        if self.log or step is None:
            return None
        return [self.low + step * n for n in range(int((self.high - self.low) / step + 1e-9) + 1)]

    def extremes(self) -> list[Any]:
        """The values to check before a sweep begins."""
        return [self.low, self.high]


def parameter(name: str, value: Any) -> Choice | Range:
    """Read what stands under space: for a key.

    Raises:
        ConfigError: it is none of FORM.
    """
    if isinstance(value, dict) and {"low", "high"} & set(value):
        return _range(name, value)
    if isinstance(value, dict) and value:
        return Choice({str(label): override_words(f"space: {name}: {label}", words) for label, words in value.items()})
    if isinstance(value, list) and value:
        texts = [each if isinstance(each, str) else json.dumps(each) for each in value]
        if len(set(texts)) < len(texts):
            raise ConfigError(f"space: {name}: a value stands there twice")
        return Choice({text: [_readable(f"{name}={text}")] for text in texts})
    raise ConfigError(f"space: {name}: is {value!r}; it has {FORM}")


def _range(name: str, value: dict[str, Any]) -> Range:
    unknown = set(value) - {"low", "high", "log", "step"}
    if unknown or not {"low", "high"} <= set(value) or not isinstance(value.get("log", False), bool):
        raise ConfigError(
            f"space: {name}: is {value!r}; a range is {{low: , high: }}, with log: true or step: if wanted"
        )
    numbers = {key: _number(f"space: {name}: {key}", value[key]) for key in ("low", "high", "step") if key in value}
    found = Range(name, numbers["low"], numbers["high"], value.get("log", False), numbers.get("step"))
    if not found.low < found.high or (found.step is not None and found.step <= 0):
        raise ConfigError(f"space: {name}: low={found.low} is to be below high={found.high}, and a step above 0")
    if found.log and (found.low <= 0 or found.step is not None):
        raise ConfigError(f"space: {name}: a range with log: true begins above 0, and has no step")
    return found


def _number(where: str, value: Any) -> float:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        number = float(value)  # YAML takes 1e-3 for a text
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(f"{where}: is {value!r}; it is a number")
    return number


def override_words(where: str, words: Any) -> list[str]:
    """Check a list of overrides.

    Args:
        where: it stands.
        words: key=value, each with one value.

    Raises:
        ConfigError: it is none.
    """
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ConfigError(f"{where}: is {words!r}; it is a list of overrides: [key=value, ...]")
    return [_readable(word) for word in words]


def _readable(word: str) -> str:
    override = parse_override(word)
    if override.is_delete() or override.is_sweep_override():
        raise ConfigError(f"{word}: write key=value with one value; several are tried under space:")
    return word
