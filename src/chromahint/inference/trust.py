"""Whether a run may name code of its own: what a stranger's config names would be executed when a network is built."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from chromahint.config.allowed_targets import foreign_targets
from chromahint.runs.run import Run

TRUST_VARIABLE = "CHROMAHINT_TRUST"
"""Environment variable that `--trust` sets: 1 if all runs may name any code."""


def trusted_config(run: Run) -> dict[str, Any]:
    """Return the config of a run that may be built.

    Raises:
        ValueError: The config can't be read, or `require_trusted` refuses it.
    """
    require_trusted(run.config, run.path / "config.yaml", run)
    return run.config


def require_trusted(node: Any, file: Path, run: Run | None) -> None:
    """Check that a config names only Chromahint's and torch's classes, or those that the user's own run names.

    Args:
        node: Config, or part of one.
        file: File that contains it.
        run: Run that the file belongs to, if any.

    Raises:
        ValueError: The config names other code, and neither does the user's own run, nor was `--trust` given.
    """
    foreign = foreign_targets(node)
    if foreign and run is not None and run.is_own:
        foreign -= foreign_targets(run.config)
    if foreign and os.environ.get(TRUST_VARIABLE) != "1":
        raise ValueError(
            f"{file}: names code that is not part of Chromahint ({', '.join(sorted(foreign))}), and was not written by "
            f"you on this machine. If you trust its author, add --trust; in Python, set {TRUST_VARIABLE}=1."
        )
