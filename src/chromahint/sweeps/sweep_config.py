"""Config of a sweep, parsed from conf/sweep/NAME.yaml and validated before slow imports."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import yaml
from annotated_types import Ge, Gt, Le

from chromahint.config.errors import ConfigError, did_you_mean
from chromahint.config.overrides import parse_override
from chromahint.config.paths import list_groups, packaged_dir, user_conf_dir
from chromahint.evaluation.metric_info import METRIC_INFO, MetricInfo
from chromahint.ranges import Count, violation
from chromahint.runs.files import write_text
from chromahint.sweeps.search_space import (
    PARAMETER_SYNTAX,
    CategoricalParameter,
    SearchParameter,
    parse_overrides,
    parse_parameter,
)

SWEEP_FORMAT = 1
SAMPLERS = ("tpe", "random", "gp", "grid")
PRUNERS = ("median", "halving", "none")
OBJECTIVES = ("val/psnr", "val/ssim", "val/ciede2000")
"""Logged metrics that a sweep can optimize. `@K` selects one number of hints instead of the mean over all from 1 on."""
DEFAULTS: dict[str, Any] = {
    "overrides": [],
    "objective": "val/psnr",
    "sampler": "tpe",
    "pruner": "median",
    "trials": None,
    "minutes": None,
    "storage": None,
    "heartbeat": 60,
}
SWEEP_OPTIONS = tuple(key for key in DEFAULTS if key != "overrides")
"""Keys that `chromahint sweep NAME key=value` may override."""
SYNONYMS = {"n_trials": "trials", "max_trials": "trials", "timeout": "minutes", "metric": "objective"}
"""What other programs call an option of a sweep."""


@dataclass(frozen=True)
class SweepConfig:
    """Search space, sampler, pruner and limits of a sweep.

    Attributes:
        name: name of the sweep.
        space: name of each parameter -> its values.
        overrides: overrides of every trial.
        objective: logged metric that trials are compared by, one of OBJECTIVES, or such as `val/psnr@10`.
        sampler: how the values of the next trial are chosen, one of SAMPLERS.
        pruner: how unpromising trials are stopped early, one of PRUNERS.
        trials: total number of trials; None for no limit.
        minutes: no further trial starts after this many minutes of all workers together; None for no limit.
        storage: URL of a database; None for a file in the folder of the sweep.
        heartbeat: seconds between two heartbeats of a worker, if the storage is a database.
        raw: the content of the file, with overrides from the command line.
    """

    name: str
    space: Mapping[str, SearchParameter]
    overrides: list[str]
    objective: str
    sampler: str
    pruner: str
    trials: Count | None
    minutes: Annotated[float, Gt(0), Le(10**7)] | None
    storage: str | None
    heartbeat: Annotated[int, Ge(1), Le(86_400)]
    raw: Mapping[str, Any]

    def trial_overrides(self, values: Mapping[str, Any]) -> list[str]:
        """Return all overrides of a trial."""
        return [*self.overrides, *self.varying_overrides(values)]

    def varying_overrides(self, values: Mapping[str, Any]) -> list[str]:
        """Return the overrides that distinguish a trial from the others."""
        return [override for name, value in values.items() for override in self.space[name].overrides(value)]

    def display_overrides(self, values: Mapping[str, Any]) -> list[str]:
        """Return the same in short: numbers with three digits, and labels in place of the overrides they stand for."""
        rounded = {name: float(f"{value:.3g}") if isinstance(value, float) else value for name, value in values.items()}
        labels = self.categorical_labels(values)
        return [
            override
            for name, value in rounded.items()
            for override in ([f"{name}={value}"] if name in labels else self.space[name].overrides(value))
        ]

    def categorical_labels(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return the values of a trial that are labels of sets of overrides."""
        return {
            name: values[name]
            for name, parameter in self.space.items()
            if isinstance(parameter, CategoricalParameter) and parameter.has_labels(name)
        }

    def validation_values(self) -> list[dict[str, Any]]:
        """Return values of trials that cover every category and every bound once, changing one parameter at a time."""
        first = {name: parameter.boundary_values()[0] for name, parameter in self.space.items()}
        others = [
            first | {name: value} for name, parameter in self.space.items() for value in parameter.boundary_values()[1:]
        ]
        return [first, *others]

    def grid_combinations(self) -> list[dict[str, Any]]:
        """Return every combination of values."""
        columns = [parameter.values() or [] for parameter in self.space.values()]
        return [dict(zip(self.space, row, strict=True)) for row in itertools.product(*columns)]

    @property
    def metric(self) -> MetricInfo:
        """Unit and direction of the objective."""
        return METRIC_INFO[self.objective.removeprefix("val/").partition("@")[0]]

    @property
    def objective_hint_count(self) -> int | None:
        """Number of hints of the objective; None for the mean over all numbers from 1 on."""
        count = self.objective.partition("@")[2]
        return int(count) if count else None

    @property
    def objective_label(self) -> str:
        """The objective with its unit, for headings."""
        return f"{self.objective}{self.metric.unit and f' in {self.metric.unit}'}"

    def best_score(self, scores: Sequence[float]) -> float:
        """Return the best of one or more values of the objective."""
        return max(scores) if self.metric.higher_is_better else min(scores)

    @property
    def max_trials(self) -> int | None:
        """Total number of trials; None if only `minutes` ends the sweep."""
        if self.sampler == "grid":
            size = len(self.grid_combinations())
            return min(size, self.trials or size)
        return self.trials

    def shared_settings(self) -> dict[str, Any]:
        """Return the settings that all workers must agree on; `trials` and `minutes` may be raised later."""
        settings = {key: self.raw[key] for key in ("space", "overrides", "objective", "sampler", "pruner")}
        plain: dict[str, Any] = json.loads(json.dumps(settings))
        return plain

    def save(self, folder: Path) -> None:
        """Write sweep.yaml to the folder of the sweep."""
        content = {"format": SWEEP_FORMAT, "name": self.name, **self.raw}
        write_text(folder / "sweep.yaml", yaml.safe_dump(content, sort_keys=False))


def sweep_names() -> list[str]:
    """List the available sweeps by file name.

    >>> "spreadnet" in sweep_names()
    True
    """
    return list_groups().get("sweep", [])


def read_sweep(name: str, overrides: Sequence[str]) -> SweepConfig:
    """Read conf/sweep/NAME.yaml (`./conf` is searched first) or another YAML file.

    Args:
        name: name of the sweep, or path of a YAML file.
        overrides: key=value: options of the sweep, or overrides of every trial.

    Raises:
        ConfigError: the sweep is unknown or invalid.
    """
    places = [folder / "sweep" / f"{name}.yaml" for folder in (user_conf_dir(), packaged_dir("conf")) if folder]
    files = [file for file in (*places, Path(name)) if file.is_file()]
    if not files:
        raise ConfigError(
            f"{name}: unknown sweep; choose one of {', '.join(sweep_names())}, or pass the path of a YAML file."
            f"{did_you_mean(name, sweep_names())}"
        )
    file = files[0]
    content = _load_yaml(file)
    common = []
    for text in overrides:
        override = parse_override(text)
        key = override.get_key_element()
        if key in SWEEP_OPTIONS:
            content[key] = override.value()
        elif key in SYNONYMS:
            raise ConfigError(f"{text}: unknown option of a sweep. Did you mean {SYNONYMS[key]}?")
        else:
            common.append(text)
    if common:
        content["overrides"] = [*parse_overrides("overrides", content.get("overrides") or []), *common]
    return _parse_file_content(file.stem, content, file)


def load_sweep(folder: Path) -> SweepConfig:
    """Read sweep.yaml from the folder of a sweep.

    Raises:
        ConfigError: the folder does not belong to a sweep, or the file is invalid.
    """
    file = folder / "sweep.yaml"
    if not file.is_file():
        raise ConfigError(
            f"{folder}: not the folder of a sweep. Pass the name of a sweep that was started here, or its folder."
        )
    content = _load_yaml(file)
    if (version := content.pop("format", None)) != SWEEP_FORMAT:
        raise ConfigError(
            f"{file}: has format {version!r}, but this version reads format {SWEEP_FORMAT}. Start a new sweep."
        )
    return _parse_file_content(str(content.pop("name", folder.name)), content, file)


def _load_yaml(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{file}: cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{file}: not a sweep. Write space: and any of {', '.join(DEFAULTS)}.")
    return content


def _parse_file_content(name: str, content: dict[str, Any], file: Path) -> SweepConfig:
    try:
        return _parse_content(name, content)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None


def _parse_content(name: str, content: dict[str, Any]) -> SweepConfig:
    known = ["space", *DEFAULTS]
    for key in content:
        if key not in known:
            raise ConfigError(f"{key}: unknown key; choose one of {', '.join(known)}.{did_you_mean(str(key), known)}")
    raw = DEFAULTS | content
    for key, allowed in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
        raw[key] = "none" if raw[key] is None else raw[key]
        if raw[key] not in allowed:
            hint = did_you_mean(str(raw[key]), allowed)
            raise ConfigError(f"{key}={raw[key]}: unknown {key}; choose one of {', '.join(allowed)}.{hint}")
    if not re.fullmatch(rf"({'|'.join(OBJECTIVES)})(@\d+)?", str(raw["objective"])):
        raise ConfigError(
            f"objective={raw['objective']}: unknown metric; choose one of {', '.join(OBJECTIVES)}, or one of them at K "
            f"hints, such as val/psnr@10.{did_you_mean(str(raw['objective']), OBJECTIVES)}"
        )
    annotations = get_type_hints(SweepConfig, include_extras=True)
    for key, example in (("trials", 20), ("minutes", 60), ("heartbeat", 60)):
        if wrong := violation(key, annotations[key], raw[key], example):
            raise ConfigError(wrong)
    storage = raw["storage"]
    if storage is not None and (not isinstance(storage, str) or "://" not in storage):
        raise ConfigError(
            f"storage={storage}: must be the URL of a database, such as sqlite:///sweep.db, "
            "or null for a file in the folder of the sweep."
        )
    space = raw.get("space")
    if not isinstance(space, dict) or not space:
        raise ConfigError(
            f"space={space!r}: must map config keys to parameters. For each key, write {PARAMETER_SYNTAX}."
        )
    parameters = {str(key): parse_parameter(str(key), value) for key, value in space.items()}
    overrides = parse_overrides("overrides", raw["overrides"])
    swept_keys = {
        parse_override(override).get_key_element()
        for parameter in parameters.values()
        for value in parameter.boundary_values()
        for override in parameter.overrides(value)
    }
    for override in overrides:
        if parse_override(override).get_key_element() in swept_keys:
            raise ConfigError(f"{override}: the sweep varies this key itself. Remove the override.")
    sweep = SweepConfig(name=name, **{**raw, "space": parameters, "overrides": overrides, "raw": raw})
    _require_end(sweep)
    return sweep


def _require_end(sweep: SweepConfig) -> None:
    if sweep.sampler == "grid":
        continuous = [name for name, parameter in sweep.space.items() if parameter.values() is None]
        if continuous:
            raise ConfigError(
                f"space.{continuous[0]}: a grid needs discrete values. Write a list, or add a step to the range."
            )
    elif sweep.trials is None and sweep.minutes is None:
        raise ConfigError("trials=null, minutes=null: the sweep would never end. Set trials, minutes or sampler=grid.")
