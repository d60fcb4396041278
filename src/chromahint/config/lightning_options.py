"""Options of Lightning's Trainer, read from its source, because importing Lightning takes seconds."""

from __future__ import annotations

import ast
import functools
import importlib.util
from pathlib import Path

REPLACED_OPTIONS = {
    "max_time": "Use trainer.max_minutes.",
    "min_steps": "Training ends by trainer.max_steps, trainer.max_epochs, or trainer.max_minutes.",
    "min_epochs": "Training ends by trainer.max_steps, trainer.max_epochs, or trainer.max_minutes.",
    "default_root_dir": "Use runs_dir.",
    "callbacks": "Use callbacks.NAME.",
    "logger": "Use logger=NAME.",
    "plugins": "Chromahint sets them.",
    "check_val_every_n_epoch": "Use trainer.val_check_interval=STEPS, or null to validate once per epoch.",
    "enable_checkpointing": "Use callbacks.checkpoint=null.",
    "use_distributed_sampler": "Chromahint's data modules split the images among processes themselves.",
    "barebones": "Use logger=none, callbacks.checkpoint=null, and callbacks.ema=null.",
}
"""Options of the Trainer that Chromahint sets itself, and what to use in their place."""


@functools.cache
def trainer_options() -> frozenset[str]:
    """Return the names of all options of Lightning's Trainer that can be passed on.

    >>> {"profiler", "limit_val_batches", "deterministic"} <= trainer_options()
    True
    """
    package = importlib.util.find_spec("lightning")
    assert package is not None
    assert package.submodule_search_locations is not None
    source = Path(package.submodule_search_locations[0]) / "pytorch/trainer/trainer.py"
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and node.name == "Trainer":
            [init] = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
            names = (argument.arg for argument in (*init.args.args[1:], *init.args.kwonlyargs))
            return frozenset(name for name in names if name not in REPLACED_OPTIONS)
    raise RuntimeError(f"{source}: defines no Trainer")
