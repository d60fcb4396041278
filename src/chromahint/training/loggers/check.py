"""Whether the loggers of a config can be used on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from chromahint.wandb_api.server import resolve_mode

_PACKAGES = {"tensorboard": "tensorboard", "mlflow": "mlflow", "trackio": "trackio"}
"""Package that a choice of the group `logger` needs."""


def check_loggers(nodes: Mapping[str, dict[str, Any] | None]) -> None:
    """Check the environment that loggers depend on.

    Args:
        nodes: Name of each logger, which is that of its file in conf/logger, -> its config.

    Raises:
        ValueError: A package is not installed, or an environment variable of W&B is wrong.
    """
    for name, node in nodes.items():
        if node is None:
            continue
        if name == "wandb":
            resolve_mode(node["mode"])
        elif name in _PACKAGES and find_spec(_PACKAGES[name]) is None:
            raise ValueError(f"logger={name}: the package is not installed. Run pip install 'chromahint[{name}]'.")
