"""Build objects from config nodes; nothing else calls Hydra's `instantiate`."""

from __future__ import annotations

from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from chromahint.config.compose import Config
from chromahint.config.errors import ConfigError


def instantiate_node(node: Config) -> Any:
    """Build the object that a checked node names in `_target_`; lists and dicts are passed as plain Python.

    Raises:
        ConfigError: the class or function raised ValueError for its arguments.
    """
    try:
        return instantiate(node, _convert_="all")
    except InstantiationException as error:
        if isinstance(error.__cause__, ValueError):
            raise ConfigError(str(error.__cause__)) from None
        raise
