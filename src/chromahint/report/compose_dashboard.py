"""Plan a W&B dashboard from the config of the runs or of the sweep that it compares."""

from __future__ import annotations

import os
from collections.abc import Sequence

from chromahint.config.compose import compose
from chromahint.report.wandb_dashboard import DEFAULT_KEYS, Dashboard, missing_keys, plan_dashboard
from chromahint.sweeps.search_space import RangeParameter
from chromahint.sweeps.sweep_config import read_sweep
from chromahint.sweeps.wandb_export import wandb_key


def compose_dashboard(
    overrides: Sequence[str],
    *,
    project: str | None = None,
    entity: str | None = None,
    group: str | None = None,
    sweep_name: str | None = None,
    keys: Sequence[str] | None = None,
) -> Dashboard:
    """Plan a dashboard.

    Args:
        overrides: Overrides of the runs.
        project: W&B project; None for that of the config.
        entity: W&B team or user; None for that of the config.
        group: Group of the runs; None for all runs, or those of the sweep.
        sweep_name: Name or YAML file of the sweep whose trials are compared.
        keys: Config keys to compare by; None for the parameters of the sweep, or the usual ones.

    Raises:
        ValueError: The config is invalid, or runs don't log one of the keys.
    """
    sweep = read_sweep(sweep_name, overrides) if sweep_name else None
    values = sweep.validation_values()[0] if sweep else {}
    composed = compose("train", sweep.trial_overrides(values) if sweep else overrides)
    config = composed.config
    logger = config["logger"].get("wandb") or {}
    group, compared, log_keys = group or logger.get("group"), list(DEFAULT_KEYS), []
    if sweep:
        group = group or f"sweep/{config['name'] or sweep.name}"
        compared = [wandb_key(name, parameter) for name, parameter in sweep.space.items()]
        log_keys = [
            name for name, parameter in sweep.space.items() if isinstance(parameter, RangeParameter) and parameter.log
        ]
    compared = list(keys or compared)
    logged = config | {"choices": composed.choices, "trial": sweep.categorical_labels(values) if sweep else {}}
    if unknown := missing_keys(logged, compared):
        raise ValueError(f"--by {unknown[0]}: runs don't log this key. Try --by model.width, or --by choices.loss.")
    return plan_dashboard(
        project or logger.get("project") or os.environ.get("WANDB_PROJECT") or "chromahint",
        entity or logger.get("entity") or os.environ.get("WANDB_ENTITY"),
        group,
        config["protocol"]["hint_counts"],
        compared,
        log_keys,
        sweep.objective if sweep else "val/psnr",
    )
