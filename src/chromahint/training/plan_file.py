"""What a plan.yaml says: stages, each from the weights of the one before, or runs that stand beside each other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from chromahint.config.compose import suggest
from chromahint.config.errors import ConfigError
from chromahint.config.folders import options, plans
from chromahint.config.reading import read

ALLOWED = "it holds stages: {NAME: [key=value, ...]}, or runs: of the same form with beside: [MODEL, ...]"


@dataclass(frozen=True)
class Plan:
    """Several runs that answer one question.

    Attributes:
        jobs: name of a stage or run -> its overrides, in order.
        chained: whether each starts from the weights of the one before.
        beside: choices of model= that learn nothing, which the runs are compared with.
    """

    jobs: dict[str, list[str]]
    chained: bool
    beside: list[str]

    @property
    def choices(self) -> set[str]:
        """The groups in which a job makes its own choice."""
        return {read(word).key_or_group for words in self.jobs.values() for word in words} & set(options())


def read_plan(name: str) -> Plan:
    """Read experiments/NAME/plan.yaml.

    Raises:
        ConfigError: there is none, or it can't be read.
    """
    known = plans()
    if name not in known:
        raise ConfigError(
            f"{name}: there is no such plan; the plans are {', '.join(known)}.{suggest(name, [*known])} "
            "A single run is `chromahint train experiment=NAME`"
        )
    try:
        return _plan(yaml.safe_load(known[name].read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, UnicodeDecodeError, ConfigError) as error:
        raise ConfigError(f"{known[name]}: is no plan; {ALLOWED} ({str(error).splitlines()[0]})") from None


def _plan(content: Any) -> Plan:
    keys = set(content) if isinstance(content, dict) else set()
    if keys not in ({"stages"}, {"runs"}, {"runs", "beside"}):
        raise ConfigError(f"it holds {', '.join(map(str, content)) if keys else 'nothing of that'}")
    kind = "stages" if "stages" in keys else "runs"
    jobs = content[kind]
    if not isinstance(jobs, dict) or not jobs:
        raise ConfigError(f"{kind} is {jobs!r}")
    beside = _words("beside", content.get("beside", []))
    for job in map(str, jobs):
        # each is a folder, beside the folder of the comparison
        if not re.fullmatch(r"\w[\w.-]*", job) or job in ("comparison", *beside):
            raise ConfigError(f"{job!r} cannot name one of the {kind}")
    for model in beside:
        if model not in (known := options()["model"]):
            raise ConfigError(f"beside: {model} is no network.{suggest(model, known)}")
    return Plan({str(job): _words(str(job), words) for job, words in jobs.items()}, kind == "stages", beside)


def _words(name: str, words: Any) -> list[str]:
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ConfigError(f"{name} is {words!r}")
    return list(words)
