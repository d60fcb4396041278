"""Quiet libraries: of a run, people see the bar, the table and what is wrong."""

from __future__ import annotations

import logging
import warnings


def silence_library_warnings() -> None:
    """Keep what Lightning, torch and W&B tell each user at each start out of the terminal."""
    for name in ("lightning", "lightning.pytorch", "lightning.fabric", "torch.distributed"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for noise in (
        r".*`srun` command is available.*",  # it is for launcher=slurm
        r".*num_workers.*",  # 0 is right where pictures are read from a memory map
        r".*sync_dist=True.*",  # these figures are means over all processes already
        r".*Checkpoint directory .* exists.*",
        r".*lr_scheduler\.step\(\).*",
        r".*torch\.distributed.*barrier.*",
        r".*_all_gather_base.*",
        r".*smaller than the logging interval.*",
        r".*destroy_process_group.*",
        r".*isinstance\(treespec.*",
    ):
        warnings.filterwarnings("ignore", message=noise)
