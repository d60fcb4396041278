"""A sweep as a file for `wandb sweep`, and back: what W&B's agents type for a trial, as values of the sweep."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from chromahint.config.errors import ConfigError
from chromahint.config.paths import list_groups
from chromahint.sweeps.search_space import Choice, Range
from chromahint.sweeps.sweep_config import Sweep

METHODS = {"tpe": "bayes", "gp": "bayes", "random": "random", "grid": "grid"}
HYPERBAND = {
    # after 1, 3, 9, ... validations the best third goes on: what our halving does
    "halving": {"type": "hyperband", "min_iter": 1, "eta": 3, "strict": True},
    "median": {"type": "hyperband", "min_iter": 2, "eta": 2, "strict": False},
}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
"""What W&B takes for the name of a parameter."""
FIRST = "--"
"""Stands between what was typed for every trial and the values of one."""


def logged_as(name: str, parameter: Choice | Range) -> str:
    """Where in the config of a W&B run a parameter stands.

    A key of the config stands there by itself, the choice in a group under `choices`, and a choice of several
    overrides under `trial`.

    >>> logged_as("loss", Choice({"mse": ["loss=mse"]}))
    'choices.loss'
    """
    if isinstance(parameter, Choice) and parameter.labeled(name):
        return f"trial.{name}"
    return f"choices.{name}" if name in list_groups() else name.lstrip("+")


def wandb_names(sweep: Sweep) -> dict[str, str]:
    """What the sweep's parameters are called on W&B: our name -> W&B's.

    Raises:
        ConfigError: W&B could not call it so.
    """
    names = {name: logged_as(name, parameter) for name, parameter in sweep.space.items()}
    for name, called in names.items():
        if not NAME.fullmatch(called):
            raise ConfigError(f"space: {name}: W&B takes names of letters, digits and _ . - alone; rename it")
    return names


def wandb_file(
    sweep: Sweep, where: str, typed: Sequence[str], project: str | None = None, entity: str | None = None
) -> str:
    """The content of the file, with a comment where W&B does it otherwise.

    Args:
        sweep: what is tried.
        where: the sweep's name or file, as it was typed.
        typed: what was typed behind it.
        project: of W&B.
        entity: the team or user.
    """
    metric = {"name": "val/psnr", "goal": "maximize"}
    method = METHODS[sweep.sampler]
    if method == "bayes":
        # by default one that was given up would count as the worst of all
        metric["impute"] = "best"
    command = ["${env}", "${program}", "sweep", "trial", where, *typed, FIRST, "${args_no_hyphens}"]
    places = {"project": project, "entity": entity}
    parts: list[tuple[str, dict[str, Any]]] = [
        ("", {"name": sweep.name, **{key: value for key, value in places.items() if value}}),
        ("Agents run this in the folder they are started in.", {"program": "chromahint", "command": command}),
        (_on_method(sweep), {"method": method}),
        ("", {"metric": metric}),
        (_on_pruner(sweep), {"early_terminate": HYPERBAND[sweep.pruner]} if sweep.pruner in HYPERBAND else {}),
        (_on_end(sweep), {"run_cap": sweep.most} if sweep.most else {}),
        (
            "",
            {
                "parameters": {
                    called: _distribution(sweep.space[name], sweep.sampler)
                    for name, called in wandb_names(sweep).items()
                }
            },
        ),
    ]
    first = f"For `wandb sweep`. Written by `chromahint sweep wandb {where}`: change the sweep and write it anew."
    lines = [_comment(first)]
    for comment, content in parts:
        lines += [_comment(comment)] if comment else []
        lines += [yaml.safe_dump(content, sort_keys=False, width=1000, allow_unicode=True)] if content else []
    return "".join(lines)


def read_values(sweep: Sweep, words: Sequence[str]) -> dict[str, Any]:
    """Find the values of a trial in what an agent typed.

    Args:
        sweep: what is tried.
        words: NAME=VALUE in W&B's names, as Python prints values.

    Raises:
        ConfigError: a parameter is missing, or has a value that the sweep does not try.
    """
    typed = dict(word.partition("=")[::2] for word in words)
    names = wandb_names(sweep)
    again = "where the sweep has changed, write its file again with `chromahint sweep wandb`, and begin it anew"
    for called in typed:
        if called not in names.values():
            raise ConfigError(f"{called}: the sweep has {', '.join(names.values())}; {again}")
    values = {}
    for name, called in names.items():
        if called not in typed:
            raise ConfigError(f"{called}: has no value; the agent gives one to each parameter behind {FIRST}; {again}")
        try:
            values[name] = _value(sweep.space[name], typed[called])
        except ValueError:
            raise ConfigError(f"{called}={typed[called]}: the sweep does not try that; {again}") from None
    return values


def _value(parameter: Choice | Range, text: str) -> Any:
    if isinstance(parameter, Range):
        number = float(text)
        return round(number) if parameter.whole else number
    found = [label for label in parameter.words_of if text in (label, str(_scalar(label)))]
    # a number may come back as 1 where 1.0 was written
    found += [label for label in parameter.words_of if _number(label) is not None and _number(label) == _number(text)]
    if not found:
        raise ValueError(text)
    return found[0]


def _distribution(parameter: Choice | Range, sampler: str) -> Mapping[str, Any]:
    """A parameter as W&B writes it."""
    if isinstance(parameter, Choice):
        return {"values": [_scalar(label) for label in parameter.words_of]}
    # W&B's steps would be multiples of the step, and not begin at the lower end
    if sampler == "grid" or parameter.step is not None:
        return {"values": parameter.values()}
    ends = {"min": parameter.low, "max": parameter.high}
    if parameter.log:
        return {"distribution": "q_log_uniform_values", "q": 1, **ends} if parameter.whole else {
            "distribution": "log_uniform_values", **ends
        }  # fmt: skip
    return {"distribution": "int_uniform" if parameter.whole else "uniform", **ends}


def _scalar(label: str) -> Any:
    """A number or a truth value as such, so that W&B can order them; all else, also null and lists, as text."""
    number = _number(label)
    if number is not None:
        return number
    return {"true": True, "false": False}.get(label, label)


def _number(text: str) -> int | float | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _on_method(sweep: Sweep) -> str:
    if sweep.sampler == "tpe":
        return "W&B has no tpe; its bayes is a Gaussian process, which learns from trials that have ended all the same."
    return ""


def _on_pruner(sweep: Sweep) -> str:
    match sweep.pruner:
        case "median":
            return (
                "W&B has no median pruner; nearest to it: after 2, 4, 8, ... validations a trial goes on whose best so "
                "far is among the better half."
            )
        case "halving":
            return "After 1, 3, 9, ... validations the best third goes on."
        case _:
            return ""


def _on_end(sweep: Sweep) -> str:
    said = []
    if sweep.minutes is not None:
        said.append(
            f"W&B cannot end a sweep after minutes={sweep.minutes:g}: use `wandb sweep --stop` when it is enough."
        )
    if sweep.storage is not None:
        said.append("W&B keeps the trials itself: storage has no meaning here.")
    return " ".join(said)


def _comment(text: str) -> str:
    return textwrap.fill(text, 118, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False) + "\n"
