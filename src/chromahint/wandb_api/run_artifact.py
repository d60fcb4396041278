"""Runs whose best weights are on W&B, named wandb:ENTITY/PROJECT/RUN, where RUN is the ID in the address of its page.

With `logger.wandb.log_model=true`, a run is an artifact `model-RUN` with the files of a run folder that are needed to
use its network.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from chromahint.cache_folder import cache_folder
from chromahint.wandb_api.server import find_api_key, server_problem

_PREFIX = "wandb:"
_ALIAS = "best"
BEST_CHECKPOINT = "checkpoints/best.ckpt"
_FILES = ("config.yaml", "overrides.yaml", "run.json", BEST_CHECKPOINT)


def is_wandb_run(source: str | Path) -> bool:
    """Tell whether a source of weights is the name of a run on W&B."""
    return str(source).startswith(_PREFIX)


def upload_run(wandb_run: Any, folder: Path) -> None:
    """Log the best weights of a run folder, if it has any, as an artifact with the aliases `best` and `latest`."""
    import wandb

    if not (folder / BEST_CHECKPOINT).is_file():
        return
    artifact = wandb.Artifact(_artifact_name(wandb_run.id), type="model")
    for name in _FILES:
        artifact.add_file(str(folder / name), name)
    wandb_run.log_artifact(artifact, aliases=[_ALIAS, "latest"])


def download_run(source: str | Path) -> Path:
    """Return the run folder of a run on W&B, downloaded into the user's cache folder if it is not there yet.

    Raises:
        ValueError: The name is not of the form wandb:ENTITY/PROJECT/RUN, or W&B has no such artifact.
    """
    parts = str(source).removeprefix(_PREFIX).split("/")
    if len(parts) != 3 or not all(parts):
        raise ValueError(f"{source}: must be wandb:ENTITY/PROJECT/RUN, such as wandb:lab/colors/x1y2z3.")
    entity, project, run_id = parts
    folder = cache_folder() / "wandb" / entity / project / run_id
    if (folder / BEST_CHECKPOINT).is_file():
        return folder
    if find_api_key() is None:
        raise ValueError(f"{source}: needs an API key for W&B. Type `wandb login` first.")
    if problem := server_problem():
        raise ValueError(f"{source}: can't be downloaded, because {problem}.")
    import wandb

    name = f"{entity}/{project}/{_artifact_name(run_id)}:{_ALIAS}"
    unfinished = folder.with_name(f".{run_id}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a killed process
    unfinished.mkdir(parents=True)
    try:
        wandb.Api().artifact(name, type="model").download(root=str(unfinished))
        unfinished.rename(folder)
    except (wandb.errors.Error, ValueError) as error:
        raise ValueError(
            f"{source}: W&B has no artifact {name} ({' '.join(str(error).split())}). Runs with "
            "logger.wandb.log_model=true have one."
        ) from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _artifact_name(run_id: str) -> str:
    return f"model-{run_id}"
