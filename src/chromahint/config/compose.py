"""Compose a plain config from group choices and overrides; Hydra's errors become messages for users."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException, HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from chromahint.config.errors import ConfigError, did_you_mean
from chromahint.config.hydra_plugins import register_plugins
from chromahint.config.lightning_options import REPLACED_OPTIONS, trainer_options
from chromahint.config.overrides import parse_override
from chromahint.config.paths import add_cwd_to_path, group_defaults, list_groups, packaged_dir, user_conf_dir
from chromahint.ranges import shown

Config = dict[str, Any]
_GROUPS_OF_SEVERAL = ("logger",)
"""Groups of which several choices can be made at once, such as `logger=[wandb,tensorboard]`."""
_HYDRA_SETTINGS = {
    "hydra.run": "a run creates its own folder RUNS_DIR/NAME/DATE_TIME. Use runs_dir={value}, and name=NAME.",
    "hydra.sweep": "a multirun creates its own folder RUNS_DIR/multirun/DATE_TIME. Use runs_dir={value}.",
    "hydra.mode": "several runs are started by `chromahint train -m a=1,2`.",
    "hydra.job": "the name of a run is set by name=NAME, and runs never change the working directory.",
    "hydra.output_subdir": "each run folder has config.yaml and overrides.yaml. Leave this out.",
    "hydra.searchpath": "your own YAML files belong in ./conf, or in the folder of --config-dir DIR.",
    "hydra.launcher": "runs are started side by side by `chromahint train -m --n-jobs N`, and on a cluster by "
    "`chromahint train -m launcher=slurm`.",
    "hydra.sweeper": "hyperparameters are searched by `chromahint sweep NAME`, with Optuna.",
}
"""What to type in place of a setting of Hydra itself. `{value}` is the value as typed."""

_FOREIGN_CHOICES = {
    ("logger", "csv"): " metrics.csv is always written.",
    ("debug", "fdr"): " trainer.fast_dev_run=true runs one batch.",
    ("debug", "profiler"): " trainer.profiler=simple prints the costliest parts.",
    ("debug", "overfit"): " trainer.overfit_batches=1 trains on one batch.",
}
"""Choices of lightning-hydra-template, and what does the same."""
_SYNONYMS = {
    "batch": "batch_size",
    "epochs": "max_epochs",
    "gpus": "devices",
    "learning_rate": "lr",
    "workers": "num_workers",
}
"""What other programs call an option."""


@dataclass(frozen=True)
class ComposedConfig:
    """A resolved config, the choice made in each group, and the overrides as typed."""

    config: Config
    choices: dict[str, str | None]
    overrides: list[str]


def compose(name: str, overrides: Sequence[str]) -> ComposedConfig:
    """Compose `conf/<name>.yaml` with overrides such as `model=unet` or `data.batch_size=4`.

    Raises:
        ConfigError: an override can't be parsed, or names a group, choice or option that does not exist.
    """
    composed, choices = compose_unresolved(name, overrides)
    try:
        config = OmegaConf.to_container(composed, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key}: {error.msg or error}".splitlines()[0]) from None
    assert isinstance(config, dict)
    return ComposedConfig({str(k): v for k, v in config.items()}, choices, list(overrides))


def compose_unresolved(name: str, overrides: Sequence[str]) -> tuple[DictConfig, dict[str, str | None]]:
    """Compose like `compose`, but keep interpolations; returns the config and the choice made in each group."""
    add_cwd_to_path()
    chosen_by_default = group_defaults(name)
    parsed = [_parse(text) for text in overrides]
    _check_choices(parsed, chosen_by_default)
    # Hydra refuses null, the default of some groups
    parsed = [each for each in parsed if each.value() is not None or chosen_by_default.get(each.key_or_group) != "null"]
    register_plugins()
    GlobalHydra.instance().clear()
    with initialize_config_dir(config_dir=str(packaged_dir("conf")), version_base="1.3"):
        try:
            lines = [_allow_trainer_option(override) for override in parsed]
            composed = hydra_compose(name, overrides=lines, return_hydra_config=True)
        except (HydraException, OmegaConfBaseException, YAMLError) as error:
            raise _explain(error, name, parsed) from None
        chosen = composed.hydra.runtime.choices
        choices = {group: chosen[group] for group in chosen if not group.startswith("hydra/")}
        # Hydra lists only single choices
        several = {o.key_or_group: o.value() for o in parsed if o.key_or_group in _GROUPS_OF_SEVERAL}
        choices |= {group: "+".join(names) for group, names in several.items() if isinstance(names, list)}
        choices = {group: choices[group] for group in sorted(choices)}
        OmegaConf.set_struct(composed, False)
        composed.pop("hydra")
    return composed, choices


def _parse(text: str) -> Override:
    override = parse_override(text)
    if override.package is not None or override.key_or_group.startswith("hydra"):
        raise ConfigError(f"{text}: {_replacement_of_hydra_setting(override.key_or_group, override.value())}")
    if override.is_sweep_override():
        raise ConfigError(f"{text}: asks for several runs. Use `chromahint train -m {text}` or `make multirun {text}`.")
    return override


def _allow_trainer_option(override: Override) -> str:
    """Return an override as Hydra takes it: options of Lightning's Trainer that conf/trainer doesn't list are added."""
    line, key = override.input_line or "", override.key_or_group
    name = key.removeprefix("trainer.")
    if name == key or override.is_delete() or override.is_add():
        return line
    if name in REPLACED_OPTIONS:
        raise ConfigError(f"{key}: is set by Chromahint. {REPLACED_OPTIONS[name]}")
    return f"++{line}" if name.partition(".")[0] in trainer_options() and not override.is_force_add() else line


def _replacement_of_hydra_setting(key: str, value: Any) -> str:
    """Say what to type in place of a setting of Hydra itself, which has no effect here."""
    key = key.replace("/", ".")  # hydra/launcher=NAME chooses, hydra.launcher.OPTION sets
    for prefix, replacement in _HYDRA_SETTINGS.items():
        if key == prefix or key.startswith(f"{prefix}."):
            return replacement.format(value=value)
    return "Hydra's own settings can't be changed. Use GROUP=NAME, or KEY=VALUE for an option."


def _check_choices(overrides: Sequence[Override], chosen: Mapping[str, str]) -> None:
    groups = list_groups()
    for override in overrides:
        key, value = override.key_or_group, override.value()
        if key not in groups:
            continue
        if override.is_delete() or override.is_add():
            raise ConfigError(
                f"{override.input_line}: groups are neither added nor removed. Use {key}=NAME with one of "
                f"{', '.join(groups[key])}."
            )
        if key not in chosen:
            several = f" Use {key}= with `chromahint train -m`." if key in group_defaults("multirun") else ""
            raise ConfigError(f"{key}={value}: unknown group; choose one of {', '.join(chosen)}.{several}")
        if value is None and chosen[key] == "null":
            continue
        for each in value if isinstance(value, list) and key in _GROUPS_OF_SEVERAL else [value]:
            choice = "null" if each is None else each
            if not isinstance(choice, str) or choice not in groups[key]:
                several = f", or several: {key}=[NAME,NAME]" if key in _GROUPS_OF_SEVERAL else ""
                hint = _FOREIGN_CHOICES.get((key, str(choice))) or did_you_mean(str(choice), groups[key])
                raise ConfigError(
                    f"{key}={choice}: unknown {key}; choose one of {', '.join(groups[key])}{several}.{hint}"
                )


def _explain(error: Exception, name: str, overrides: Sequence[Override]) -> ConfigError:
    match = re.match(r"Could not override '([^']+)'", str(error))
    if not (isinstance(error, ConfigCompositionException) and match):
        return ConfigError(" ".join(str(error).split("Config search path")[0].split()))
    key = match.group(1).partition("@")[0]
    groups = list_groups()
    chosen = [o.input_line for o in overrides if o.key_or_group in groups and o.input_line is not None]
    try:
        tree: Any = OmegaConf.to_container(hydra_compose(name, overrides=chosen), resolve=False)
    except (HydraException, OmegaConfBaseException):
        return ConfigError(f"{key}: unknown option.")
    whole = tree
    where: list[str] = []
    *parents, last = key.split(".")
    for part in parents:
        if not isinstance(tree, Mapping) or part not in tree:
            last = part
            break
        tree, where = tree[part], [*where, part]
    place = ".".join(where)
    if not isinstance(tree, Mapping):
        return ConfigError(f"{key}: {place} is a plain value ({shown(tree)}). Pass {place}=VALUE.")
    known = sorted(k for k in tree if not str(k).startswith("_"))
    if where == ["trainer"]:
        known += sorted(trainer_options() - set(known))
    option = f"option of {place}" if where else "option"
    option_name = key.rpartition(".")[2]
    hint = _choices_with_option(where, last) or did_you_mean(_SYNONYMS.get(last, last), known)
    if not hint and (full := _paths_ending_in(whole, _SYNONYMS.get(option_name, option_name))):
        hint = f" Did you mean {' or '.join(full)}?"
    return ConfigError(f"{key}: unknown {option}; choose one of {', '.join(known)}.{hint}")


def _paths_ending_in(tree: Mapping[str, Any], name: str, place: str = "") -> list[str]:
    """Return the full keys of all options of that name.

    >>> _paths_ending_in({"optimizer": {"lr": 1}, "seed": 0}, "lr")
    ['optimizer.lr']
    """
    found = [f"{place}{name}"] if name in tree and place else []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found += _paths_ending_in(value, name, f"{place}{key}.")
    return found


def _choices_with_option(where: Sequence[str], name: str) -> str:
    """Return a sentence that names the other choices of a group that have an option, or "" if none has it."""
    if len(where) != 1 or where[0] not in list_groups():
        return ""
    [group] = where
    folders = [folder / group for folder in (packaged_dir("conf"), user_conf_dir()) if folder is not None]
    files = {file.stem: file for folder in folders for file in sorted(folder.glob("[!_]*.yaml"))}
    have = [stem for stem, file in files.items() if re.search(rf"^{re.escape(name)}:", file.read_text("utf-8"), re.M)]
    return f" It is an option of {', '.join(f'{group}={stem}' for stem in have)}." if have else ""
