"""Options of Hydra that show the configuration instead of running: `--cfg`, `--info`, and `--config-dir`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from chromahint.cli.arguments import Parser
from chromahint.config.errors import ConfigError
from chromahint.config.paths import experiment_folders, packaged_dir, user_conf_dir


def add_config_options(parser: Parser) -> None:
    """Add the options."""
    group = parser.add_argument_group("show the configuration, and do nothing else")
    group.add_argument(
        "-c", "--cfg", choices=("job", "all"), help="job: print the configuration; all: and the choices of the groups"
    )
    group.add_argument("--resolve", action="store_true", help="with --cfg: replace interpolations by their values")
    group.add_argument("-p", "--package", metavar="KEY", help="with --cfg: only this part, such as optimizer")
    group.add_argument(
        "-i",
        "--info",
        nargs="?",
        const="defaults",
        choices=("defaults", "config"),
        help="defaults: print the file of each choice; config: print the folders that are searched",
    )
    # Hydra's and LightningCLI's options for another file of settings
    for names in (("-cn", "--config-name"), ("-cp", "--config-path"), ("--config",)):
        parser.add_argument(*names, type=_refuse_config, help=argparse.SUPPRESS)
    parser.add_argument(
        "-cd", "--config-dir", type=Path, metavar="DIR", help="folder of your own YAML files, in place of ./conf"
    )


def _refuse_config(text: str) -> NoReturn:
    raise argparse.ArgumentTypeError(
        "there is one configuration. Write overrides into ./experiments/NAME/config.yaml, and type experiment=NAME"
    )


def check_config_dir(folder: Path | None) -> None:
    """Raise an error if the folder of --config-dir does not exist."""
    if folder is not None and not folder.is_dir():
        raise ValueError(f"--config-dir {folder}: folder not found. Pass a folder such as ./conf.")


def shows_config(arguments: argparse.Namespace) -> bool:
    """Tell whether the configuration is shown, and nothing else is done.

    Raises:
        ValueError: An option makes no sense alone.
    """
    for option, given in (("--resolve", arguments.resolve), (f"--package {arguments.package}", arguments.package)):
        if given and arguments.cfg is None:
            raise ValueError(f"{option}: shows a part of the configuration. Add --cfg job.")
    return arguments.cfg is not None or arguments.info is not None


def show_config(arguments: argparse.Namespace, name: str) -> int:
    """Print what was asked for; returns the exit status.

    Args:
        arguments: Of a parser with `add_config_options` and `overrides`.
        name: File in `conf/` that is composed.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from chromahint.config.compose import compose_unresolved

    config, choices = compose_unresolved(name, arguments.overrides)
    if arguments.cfg is not None:
        try:
            part = OmegaConf.select(config, arguments.package) if arguments.package else config
            if part is None:
                raise ConfigError(f"--package {arguments.package}: not in the configuration.")
            text = OmegaConf.to_yaml(part, resolve=arguments.resolve) if OmegaConf.is_config(part) else str(part)
            print(text.rstrip("\n"))
        except OmegaConfBaseException as error:
            raise ConfigError(f"{error.full_key}: {error.msg or error}".splitlines()[0]) from None
        if arguments.cfg == "all":
            print(OmegaConf.to_yaml({"choices": choices}).rstrip("\n"))
    if arguments.info == "defaults":
        words = {f"{group}={choice or 'null'}": _find_file(group, choice) for group, choice in choices.items()}
        width = max(map(len, words))
        for word, file in words.items():
            print(f"{word:<{width}}  {file}".rstrip())
    if arguments.info == "config":
        for folder in filter(None, (packaged_dir("conf"), user_conf_dir())):
            print(folder)
        for folder in experiment_folders():
            print(f"{folder}  (experiment=NAME)")
    return 0


def _find_file(group: str, choice: str | None) -> Path | str:
    if choice is None:
        return ""
    if group == "experiment":
        files = [folder / choice / "config.yaml" for folder in experiment_folders()]
    else:
        files = [folder / group / f"{choice}.yaml" for folder in (packaged_dir("conf"), user_conf_dir()) if folder]
    return next((file for file in files if file.is_file()), "")
