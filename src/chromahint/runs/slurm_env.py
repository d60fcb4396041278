"""The SLURM job that this process runs in, from its environment variables."""

from __future__ import annotations

import os
import re


def current_slurm_job() -> str | None:
    """The SLURM job that runs us: its number, or that of its array and the place there."""
    job = os.environ.get("SLURM_JOB_ID")
    if job is None or not re.fullmatch(r"\d+", job):
        return None
    # an array's last task has the number of the whole array
    array, place = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{place}" if array and place else job
