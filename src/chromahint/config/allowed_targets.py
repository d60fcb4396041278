"""Classes that a config from a stranger may name: what the packaged configs name, and torch's own."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

from chromahint.config.paths import packaged_dir

_TORCH_CLASS = re.compile(r"torch\.(nn|optim|optim\.lr_scheduler)\.[A-Z]\w*")


def foreign_targets(node: Any) -> set[str]:
    """Return the targets in a config, at any depth, that are neither Chromahint's nor torch's.

    A recorded config is resolved, so whatever looks like an interpolation counts as foreign: it could create a target.

    >>> foreign_targets({"model": {"_target_": "chromahint.models.unet.UNet", "parts": [{"_target_": "os.system"}]}})
    {'os.system'}
    """
    found = set(_targets(node))
    return {target for target in found - _packaged_targets() if not _TORCH_CLASS.fullmatch(target)}


def _targets(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from [str(value)] if key == "_target_" else [*_targets(key), *_targets(value)]
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _targets(value)
    elif isinstance(node, str) and "${" in node:
        yield node


@functools.cache
def _packaged_targets() -> frozenset[str]:
    texts = (file.read_text(encoding="utf-8") for file in packaged_dir("conf").glob("*/*.yaml"))
    return frozenset(target for text in texts for target in re.findall(r"\b_target_: ([\w.]+)", text))
