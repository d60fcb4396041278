"""SLURM job of this process, from environment variables."""

from __future__ import annotations

import os
import re


def current_slurm_job() -> str | None:
    """Return the ID of the SLURM job of this process, `ARRAY_TASK` in a job array, or None outside SLURM."""
    job = os.environ.get("SLURM_JOB_ID")
    if job is None or not re.fullmatch(r"\d+", job):
        return None
    # SLURM_JOB_ID of an array's last task is the ID of the whole array
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else job
