"""What a sweep tries and how it chooses: conf/sweep/NAME.yaml, read and checked before anything heavy is imported."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from chromahint.config.compose import did_you_mean
from chromahint.config.errors import ConfigError
from chromahint.config.overrides import parse_override
from chromahint.config.paths import list_groups, packaged_dir, user_conf_dir
from chromahint.runs.files import write_text
from chromahint.sweeps.search_space import FORM, Choice, Range, override_words, parameter

SAMPLERS = ("tpe", "random", "gp", "grid")
PRUNERS = ("median", "halving", "none")
DEFAULTS: dict[str, Any] = {
    "overrides": [],
    "sampler": "tpe",
    "pruner": "median",
    "trials": None,
    "minutes": None,
    "storage": None,
    "heartbeat": 60,
}
OPTIONS = tuple(key for key in DEFAULTS if key != "overrides")
"""What may also be typed behind `chromahint sweep NAME`."""


@dataclass(frozen=True)
class Sweep:
    """What is tried, and how.

    Attributes:
        name: of the sweep, without the folders before it.
        space: name of a parameter -> what it may be.
        overrides: for every trial.
        sampler: how the next trial is chosen, one of SAMPLERS.
        pruner: how a trial is given up early, one of PRUNERS.
        trials: to make in all; None is no limit.
        minutes: of all workers together after which no further trial begins; None is no limit.
        storage: URL of a database; None is a file in the sweep's folder.
        heartbeat: seconds between the signs of life that a worker gives to a database.
    """

    name: str
    space: Mapping[str, Choice | Range]
    overrides: list[str]
    sampler: str
    pruner: str
    trials: int | None
    minutes: float | None
    storage: str | None
    heartbeat: int
    written: Mapping[str, Any]

    def words(self, values: Mapping[str, Any]) -> list[str]:
        """What is typed for a trial: that of every trial, and that of its values."""
        return [*self.overrides, *self.differing(values)]

    def differing(self, values: Mapping[str, Any]) -> list[str]:
        """The overrides that only this trial has."""
        return [word for name, value in values.items() for word in self.space[name].words(value)]

    def shown(self, values: Mapping[str, Any]) -> list[str]:
        """The same to look at: numbers of three digits, and of several overrides what they are called."""
        short = {name: float(f"{value:.3g}") if isinstance(value, float) else value for name, value in values.items()}
        labels = self.labels(values)
        return [
            word
            for name, value in short.items()
            for word in ([f"{name}={value}"] if name in labels else self.space[name].words(value))
        ]

    def labels(self, values: Mapping[str, Any]) -> dict[str, str]:
        """The choices of a trial that stand for several overrides, by what they are called."""
        spaces = self.space.items()
        return {name: values[name] for name, each in spaces if isinstance(each, Choice) and each.labeled(name)}

    def to_check(self) -> list[dict[str, Any]]:
        """Values of trials in which every choice and the ends of every range come up once, one change at a time."""
        first = {name: parameter.extremes()[0] for name, parameter in self.space.items()}
        others = [first | {name: value} for name, parameter in self.space.items() for value in parameter.extremes()[1:]]
        return [first, *others]

    def grid(self) -> list[dict[str, Any]]:
        """Every combination."""
        columns = [parameter.values() or [] for parameter in self.space.values()]
        return [dict(zip(self.space, row, strict=True)) for row in itertools.product(*columns)]

    @property
    def most(self) -> int | None:
        """Trials that there will be; None where minutes alone end the sweep."""
        if self.sampler == "grid":
            return min(len(self.grid()), self.trials or len(self.grid()))
        return self.trials

    def agreed(self) -> dict[str, Any]:
        """What all workers of a sweep have in common; trials and minutes may grow."""
        both = {key: self.written[key] for key in ("space", "overrides", "sampler", "pruner")}
        agreed: dict[str, Any] = json.loads(json.dumps(both))
        return agreed

    def write(self, folder: Path) -> None:
        """Leave the definition in the sweep's folder, for its trials and for those who look at it."""
        write_text(
            folder / "sweep.yaml", yaml.safe_dump({"format": 1, "name": self.name, **self.written}, sort_keys=False)
        )


def names() -> list[str]:
    """The sweeps that are there, by looking at file names alone.

    >>> "spreadnet" in names()
    True
    """
    return list_groups().get("sweep", [])


def read_sweep(name: str, typed: Sequence[str]) -> Sweep:
    """Read conf/sweep/NAME.yaml, `./conf` first, or a file of one's own, with what was typed behind it.

    Args:
        name: of the sweep, or the path of a YAML file.
        typed: key=value: options of the sweep, or overrides for every trial.

    Raises:
        ConfigError: there is none, or it says something that can't be done.
    """
    places = [folder / "sweep" / f"{name}.yaml" for folder in (user_conf_dir(), packaged_dir("conf")) if folder]
    found = [file for file in (*places, Path(name)) if file.is_file()]
    if not found:
        raise ConfigError(
            f"{name}: there is no such sweep; the sweeps are {', '.join(names())}, "
            f"or the path of a YAML file.{did_you_mean(name, names())}"
        )
    file = found[0]
    content = _load(file)
    overrides = []
    for word in typed:
        override = parse_override(word)
        key = override.get_key_element()
        if key in OPTIONS:
            content[key] = override.value()
        else:
            overrides.append(word)
    if overrides:
        content["overrides"] = [*override_words("overrides", content.get("overrides") or []), *overrides]
    return _sweep(file.stem, content, file)


def load_sweep(folder: Path) -> Sweep:
    """Read the definition that a sweep left in its folder.

    Raises:
        ConfigError: there is none.
    """
    file = folder / "sweep.yaml"
    if not file.is_file():
        raise ConfigError(
            f"{folder}: is no folder of a sweep; type the name of a sweep that was begun here, or its folder"
        )
    content = _load(file)
    if content.pop("format", None) != 1:
        raise ConfigError(f"{file}: was written by another version; this one reads format 1")
    return _sweep(str(content.pop("name", folder.name)), content, file)


def _load(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{file}: cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{file}: is no sweep; it holds space: and any of {', '.join(DEFAULTS)}")
    return content


def _sweep(name: str, content: dict[str, Any], file: Path) -> Sweep:
    try:
        return _checked(name, content)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None


def _checked(name: str, content: dict[str, Any]) -> Sweep:
    known = ["space", *DEFAULTS]
    for key in content:
        if key not in known:
            raise ConfigError(
                f"{key}: there is no such key; the keys are {', '.join(known)}.{did_you_mean(str(key), known)}"
            )
    written = DEFAULTS | content
    for key, allowed in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
        written[key] = "none" if written[key] is None else written[key]
        if written[key] not in allowed:
            hint = did_you_mean(str(written[key]), allowed)
            raise ConfigError(f"{key}={written[key]}: {key} is one of {', '.join(allowed)}.{hint}")
    for key, kind, words in (
        ("trials", int, "a whole number from 1, or null"),
        ("minutes", (int, float), "a number above 0, or null"),
        ("heartbeat", int, "a whole number of seconds from 1"),
    ):
        value = written[key]
        wrong = isinstance(value, bool) or not isinstance(value, kind) or value <= 0
        if (value is not None or key == "heartbeat") and wrong:
            raise ConfigError(f"{key}={value}: {key} is {words}")
    storage = written["storage"]
    if storage is not None and (not isinstance(storage, str) or "://" not in storage):
        raise ConfigError(
            f"storage={storage}: storage is the URL of a database, such as sqlite:///sweep.db, "
            "or null for a file in the sweep's folder"
        )
    space = written.get("space")
    if not isinstance(space, dict) or not space:
        raise ConfigError(f"space: says what is tried: each key of a config has {FORM}")
    parameters = {str(key): parameter(str(key), value) for key, value in space.items()}
    overrides = override_words("overrides", written["overrides"])
    swept = {
        parse_override(word).get_key_element()
        for each in parameters.values()
        for value in each.extremes()
        for word in each.words(value)
    }
    for word in overrides:
        if parse_override(word).get_key_element() in swept:
            raise ConfigError(f"{word}: the sweep tries values of that itself; leave it out")
    sweep = Sweep(name=name, **{**written, "space": parameters, "overrides": overrides, "written": written})
    _limits(sweep)
    return sweep


def _limits(sweep: Sweep) -> None:
    if sweep.sampler == "grid":
        endless = [name for name, parameter in sweep.space.items() if parameter.values() is None]
        if endless:
            raise ConfigError(
                f"space: {endless[0]}: a grid needs the values one by one: write a list, or add a step to the range"
            )
    elif sweep.trials is None and sweep.minutes is None:
        raise ConfigError("the sweep would never end: set trials, minutes, or sampler=grid")
