"""The one file that turns config nodes into objects."""

from __future__ import annotations

from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from chromahint.config.compose import Config
from chromahint.config.errors import ConfigError


def instantiate_node(node: Config) -> Any:
    """Build what a checked node names; its lists and dicts arrive as plain Python.

    Raises:
        ConfigError: the class or function itself refused its arguments.
    """
    try:
        return instantiate(node, _convert_="all")
    except InstantiationException as error:
        if isinstance(error.__cause__, ValueError):
            raise ConfigError(str(error.__cause__)) from None
        raise
