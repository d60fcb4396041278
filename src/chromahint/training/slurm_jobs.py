"""How runs stand that were given to SLURM: what they note themselves, and what only SLURM knows."""

from __future__ import annotations

"""Seconds between looks into the folders."""
"""Seconds between questions to SLURM, which is the same for all who use the cluster."""
