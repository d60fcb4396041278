"""The search space of a sweep: parameters parsed from the `space:` section of its YAML file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chromahint.config.errors import ConfigError
from chromahint.config.overrides import parse_override

PARAMETER_SYNTAX = (
    "a list of values, a range {low: , high: , log: true}, or named sets of overrides {NAME: [key=value, ...], ...}"
)


@dataclass(frozen=True)
class CategoricalParameter:
    """A parameter with a fixed set of values.

    Attributes:
        overrides_by_label: label of each value -> the overrides it stands for.
    """

    overrides_by_label: Mapping[str, list[str]]

    def overrides(self, value: Any) -> list[str]:
        """Return the overrides of a value."""
        return self.overrides_by_label[value]

    def values(self) -> list[str] | None:
        """Return every value."""
        return list(self.overrides_by_label)

    def boundary_values(self) -> list[Any]:
        """Return the values to validate before a sweep starts: all of them."""
        return list(self.overrides_by_label)

    def has_labels(self, name: str) -> bool:
        """Whether the values are labels of sets of overrides, as opposed to values of the config key `name`."""
        return any(overrides != [f"{name}={label}"] for label, overrides in self.overrides_by_label.items())


@dataclass(frozen=True)
class RangeParameter:
    """A number in [low, high]; an integer if low, high and step are integers.

    Attributes:
        key: config key.
        low: lower bound, inclusive.
        high: upper bound, inclusive.
        log: sample on a logarithmic scale.
        step: distance between neighboring values; None for a continuous range (or 1 for integers).
    """

    key: str
    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def is_integer(self) -> bool:
        """Whether only integers are sampled."""
        return all(isinstance(number, int) for number in (self.low, self.high, self.step or 1))

    def overrides(self, value: Any) -> list[str]:
        """Return the overrides of a value."""
        return [f"{self.key}={value!r}"]

    def values(self) -> list[Any] | None:
        """Return every value, or None for a continuous or logarithmic range."""
        step = self.step or (1 if self.is_integer else None)
        if self.log or step is None:
            return None
        return [self.low + step * n for n in range(int((self.high - self.low) / step + 1e-9) + 1)]

    def boundary_values(self) -> list[Any]:
        """Return the values to validate before a sweep starts: both bounds."""
        return [self.low, self.high]


SearchParameter = CategoricalParameter | RangeParameter


def parse_parameter(name: str, value: Any) -> SearchParameter:
    """Parse the entry of a key below `space:`.

    Raises:
        ConfigError: the entry does not follow PARAMETER_SYNTAX.
    """
    if isinstance(value, dict) and {"low", "high"} & set(value):
        return _parse_range(name, value)
    if isinstance(value, dict) and value:
        return CategoricalParameter(
            {str(label): parse_overrides(f"space.{name}.{label}", overrides) for label, overrides in value.items()}
        )
    if isinstance(value, list) and value:
        labels = [each if isinstance(each, str) else json.dumps(each) for each in value]
        if len(set(labels)) < len(labels):
            raise ConfigError(f"space.{name}={value!r}: lists a value twice. Remove the duplicate.")
        return CategoricalParameter({label: [_require_single_value(f"{name}={label}")] for label in labels})
    raise ConfigError(f"space.{name}={value!r}: is not a parameter. Write {PARAMETER_SYNTAX}.")


def _parse_range(name: str, value: dict[str, Any]) -> RangeParameter:
    unknown = set(value) - {"low", "high", "log", "step"}
    if unknown or not {"low", "high"} <= set(value) or not isinstance(value.get("log", False), bool):
        raise ConfigError(
            f"space.{name}={value!r}: is not a range. Write {{low: , high: }}, optionally with log: true or step: ."
        )
    numbers = {key: _parse_number(f"space.{name}.{key}", value[key]) for key in ("low", "high", "step") if key in value}
    parameter = RangeParameter(name, numbers["low"], numbers["high"], value.get("log", False), numbers.get("step"))
    if not parameter.low < parameter.high or (parameter.step is not None and parameter.step <= 0):
        raise ConfigError(
            f"space.{name}={value!r}: low={parameter.low} must be < high={parameter.high}, and step must be > 0."
        )
    if parameter.log and (parameter.low <= 0 or parameter.step is not None):
        raise ConfigError(f"space.{name}={value!r}: a range with log: true must start above 0 and cannot have a step.")
    return parameter


def _parse_number(where: str, value: Any) -> float:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        number = float(value)  # YAML parses 1e-3 as a string
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(f"{where}={value!r}: must be a finite number.")
    return number


def parse_overrides(where: str, overrides: Any) -> list[str]:
    """Check a list of overrides.

    Args:
        where: location of the list in the file, for error messages.
        overrides: key=value strings, each with a single value.

    Raises:
        ConfigError: it is not a list of such overrides.
    """
    if not isinstance(overrides, list) or not all(isinstance(override, str) for override in overrides):
        raise ConfigError(f"{where}={overrides!r}: must be a list of overrides. Write [key=value, ...].")
    return [_require_single_value(override) for override in overrides]


def _require_single_value(text: str) -> str:
    override = parse_override(text)
    if override.is_delete() or override.is_sweep_override():
        raise ConfigError(f"{text}: must be key=value with a single value. List several values under space: instead.")
    return text
